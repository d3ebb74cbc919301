"""Writes what a program can see of how it was started, before and after its imports."""
import sys
before = sorted(sys.modules)
import json
import os


def surroundings():
    import atexit, gc, inspect, multiprocessing.process, signal, threading, warnings
    process = multiprocessing.process
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return {
        "modules": sorted(set(sys.modules) - {"_sysconfigdata__linux_x86_64-linux-gnu"}),
        "path": sys.path, "argv": sys.argv, "orig_argv": sys.orig_argv, "executable": sys.executable,
        "flags": repr(sys.flags), "cwd": os.getcwd(), "frames": len(inspect.stack()),
        "environment": [item for item in os.environ.items() if item[0] != "PARITY_RECORD"],
        "main": {key: repr(value).split(" at ")[0] for key, value in vars(sys.modules["__main__"]).items() if key[:2] == "__"},
        "descriptors": sorted(os.listdir("/proc/self/fd")),
        "leads": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()],
        "signals": [repr(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "threads": [threading.main_thread().ident == threading.get_ident(), threading.active_count(),
                    threading.main_thread().native_id == threading.get_native_id(), len(os.listdir("/proc/self/task"))],
        "processes": [process.ORIGINAL_DIR, process.current_process().name, repr(process.parent_process())],
        "streams": [[stream.name, stream.mode, stream.encoding, stream.errors, stream.line_buffering, stream.write_through]
                    for stream in streams],
        "filters": [[str(getattr(part, "pattern", part)) for part in entry] for entry in warnings.filters],
        "exits": atexit._ncallbacks(), "collector": [gc.isenabled(), gc.get_threshold()],
    }


found = {"before": before, "start": surroundings()}
import numpy
found["numpy"] = surroundings()
import torch
found["torch"] = surroundings()
found["threads"] = [torch.get_num_threads(), torch.get_num_interop_threads(), torch.is_grad_enabled()]
torch.optim.SGD(torch.nn.Linear(2, 2).parameters(), lr=0.1).zero_grad()
found["optimizer"] = surroundings()
json.dump(found, open(sys.argv[1], "w"), indent=1)
