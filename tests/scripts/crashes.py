"""Ends in one of the ways in which processes end."""
import atexit
import os
import signal
import sys
import warnings

how = sys.argv[1]


class Late:
    def __del__(self):
        os.write(1, b"finalized\n")


late = Late()
atexit.register(print, "exit handler")
print("unflushed", end="")
if how == "exit-message":
    sys.exit("a message")
if how == "exit-none":
    sys.exit()
if how == "exit-large":
    sys.exit(300)
if how == "exit-object":
    sys.exit(("a", 1))
if how == "_exit":
    os._exit(5)
if how == "segfault":
    import ctypes
    ctypes.string_at(0)
if how == "abort":
    os.abort()
if how == "chained":
    try:
        {}["missing"]
    except KeyError as error:
        raise RuntimeError("second") from error
if how == "stop":
    next(iter(()))
if how == "attribute":
    sys.nothing
if how == "interrupt":
    raise KeyboardInterrupt
if how == "hook":
    sys.excepthook = lambda kind, error, trace: print("hooked", kind.__name__, trace.tb_frame.f_code.co_name, trace.tb_next)
    raise ValueError("for the hook")
if how == "broken-hook":
    sys.excepthook = None
    raise ValueError("for no hook")
if how == "recursion":
    def deeper():
        return deeper()
    deeper()
if how == "warning":
    warnings.warn("from the caller", stacklevel=2)
if how == "thread":
    import threading
    threading.Thread(target=lambda: print("thread", 1 / 0)).start()
if how == "torch":
    import torch
    torch.ones(2) @ torch.ones(3)
if how.startswith("SIG"):
    os.kill(os.getpid(), getattr(signal, how))
