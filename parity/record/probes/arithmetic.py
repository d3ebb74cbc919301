"""The process-wide switches that decide how torch computes, at the first update and wherever they change."""

from typing import Any, Final

CHANNELS: Final = ("arithmetic",)
SEAM: Final = "torch's own queries before each update; only what has changed is recorded again"
BLIND: Final = "switches of single calls; what a switch does on hardware that is not here"
_UNSET: Final = "none"
_EXACT: Final = "ieee"


def install(listener: Any) -> None:
    """Observe every switch once, and again where its value is another one."""
    known: dict[str, str] = {}

    def observe(*_: Any) -> None:
        for name, value in _switches().items():
            if known.get(name) != value:
                known[name] = value
                listener.observe("arithmetic", value, name)

    listener.on("update_begins", "arithmetic", observe)


def _switches() -> dict[str, str]:
    """Each switch by the name of the library that heeds it.

    The precision of float32 is asked for by operation: the older queries raise where a program mixes both ways to set
    it, and both ways to set the same read the same here.
    """
    import torch

    backends: Any = torch.backends
    operations = {
        "cuda matmul float32": backends.cuda.matmul,
        "cudnn convolution float32": backends.cudnn.conv,
        "cudnn rnn float32": backends.cudnn.rnn,
        "mkldnn matmul float32": backends.mkldnn.matmul,
    }
    precisions = {name: str(operation.fp32_precision) for name, operation in operations.items()}
    return {
        **{name: _EXACT if precision == _UNSET else precision for name, precision in precisions.items()},
        "cuda float16 reduction": str(backends.cuda.matmul.allow_fp16_reduced_precision_reduction),
        "cuda bfloat16 reduction": str(backends.cuda.matmul.allow_bf16_reduced_precision_reduction),
        "cudnn benchmark": str(backends.cudnn.benchmark),
        "cudnn deterministic": str(backends.cudnn.deterministic),
        "deterministic algorithms": str(torch.are_deterministic_algorithms_enabled()),
        "default dtype": str(torch.get_default_dtype()),
    }
