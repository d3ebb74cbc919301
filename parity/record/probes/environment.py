"""The surroundings of the training: versions, threads, hardware."""

import os
import platform
import sys
from typing import Any, Final

CHANNELS: Final = ("environment",)
SEAM: Final = "first training forward"
BLIND: Final = "hardware below the level of torch's own queries"
_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "CUBLAS_WORKSPACE_CONFIG",
    "PYTHONHASHSEED",
)


def install(listener: Any) -> None:
    """Take the environment once."""
    done: list[bool] = []

    def observe(*_: Any) -> None:
        if not done:
            done.append(True)
            for name, value in _facts().items():
                listener.observe("environment", value, name)

    listener.on("update_begins", "environment", observe)
    listener.on("finish", "environment", observe)


def _facts() -> dict[str, str]:
    import torch

    facts = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "threads": str(torch.get_num_threads()),
        "cuda": str(torch.cuda.is_available()),
    }
    if "numpy" in sys.modules:
        facts["numpy"] = sys.modules["numpy"].__version__
    facts.update({name: os.environ[name] for name in _VARIABLES if name in os.environ})
    return facts
