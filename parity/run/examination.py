"""What can be recorded here: the interpreter that programs run with, its packages, devices, and ways to start."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from parity.errors import InterpreterError
from parity.record import pth
from parity.record.probes import MODULES
from parity.run.cache import OFF, VARIABLE, find_cache

_ASK: Final = """
import json, platform, sys
found = {"executable": sys.executable, "python": platform.python_version()}
found["platform"] = f"{platform.system()} {platform.machine()}"
try:
    import torch
    found["torch"] = torch.__version__
    found["threads"] = torch.get_num_threads()
    found["gpus"] = [torch.cuda.get_device_name(at) for at in range(torch.cuda.device_count())]
    there = torch.distributed.is_available()
    found["gloo"] = there and torch.distributed.is_gloo_available()
    found["nccl"] = there and torch.distributed.is_nccl_available()
except ImportError:
    pass
print(json.dumps(found))
"""
_EXTRAS: Final = {
    "matplotlib": "curves in reports",
    "tensorboard": "programs that log to TensorBoard",
    "wandb": "programs that log to wandb",
    "trackio": "programs that log to trackio",
    "pyarrow": "export as Parquet",
    "fsspec": "checkpoints in other file systems",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One thing that works here or does not, and what that means."""

    name: str
    works: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class Examination:
    """The interpreter as it describes itself, and everything that can or cannot be recorded with it."""

    facts: dict[str, Any]
    answers: tuple[Answer, ...]


def examine(python: str) -> Examination:
    """Ask the interpreter ``python`` what it is.

    Raises:
        InterpreterError: it cannot be asked.
    """
    facts = _facts(python)
    return Examination(facts=facts, answers=(*_recording(python, facts), _reuse(), *_ranks(facts), *_packages()))


def _facts(python: str) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if name != "PARITY_RECORD"}
    try:
        done = subprocess.run([python, "-c", _ASK], capture_output=True, text=True, check=True, env=environment)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError) as error:
        message = f"{python!r} cannot be asked what it is ({error}); expected a Python interpreter"
        raise InterpreterError(message) from error
    return found


def _recording(python: str, facts: dict[str, Any]) -> list[Answer]:
    torch = facts.get("torch")
    linux = sys.platform == "linux"
    isolated = pth.is_installed(python)
    return [
        Answer(
            name="training programs",
            works=torch is not None,
            detail=f"torch {torch}, {len(MODULES)} probes" if torch else "torch is not installed there",
        ),
        Answer(
            name="warm launches",
            works=linux and hasattr(os, "fork"),
            detail="short programs start as copies of a warm server" if linux else "they need Linux: all start afresh",
        ),
        Answer(
            name="python -E and -I",
            works=isolated,
            detail="recorded" if isolated else f"refused; allow it with: parity doctor --install-pth --python {python}",
        ),
    ]


def _reuse() -> Answer:
    cache = find_cache(os.environ)
    kept = f"runs of references are kept in {cache.root}" if cache is not None else f"{VARIABLE}={OFF}"
    return Answer(name="reuse of runs", works=cache is not None, detail=kept)


def _ranks(facts: dict[str, Any]) -> list[Answer]:
    gloo, gpus = bool(facts.get("gloo")), facts.get("gpus", [])
    names = ", ".join(gpus) or "no GPU; programs written for cuda run on the CPU, with every mapping listed"
    return [
        Answer(name="engine baton", works=gloo and sys.platform == "linux", detail="several ranks on one machine"),
        Answer(name="engine gloo", works=gloo, detail="several ranks through torchrun"),
        Answer(name="engine fake", works=gloo, detail="the books of up to 4096 ranks"),
        Answer(
            name="engine nccl", works=bool(facts.get("nccl") and gpus), detail=f"needs a GPU for each rank: {names}"
        ),
        Answer(name="GPUs", works=bool(gpus), detail=names),
    ]


def _packages() -> list[Answer]:
    return [Answer(name=name, works=_version(name) is not None, detail=what) for name, what in _EXTRAS.items()]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
