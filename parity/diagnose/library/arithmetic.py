"""Causes in how torch is told to compute."""

from typing import Final

from parity.compare.measurement import Measurement
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import at, expects, explained, measurements
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase

_OF_A_GPU: Final = ("cuda ", "cudnn ")


@rule(
    "arithmetic-switched",
    needs=("arithmetic",),
    predicts="the switch; where the runs heed it, every number from the first forward under it on",
    advice="Compare torch.backends.*, set_float32_matmul_precision, use_deterministic_algorithms and "
    "set_default_dtype.",
)
def arithmetic_switched(case: Case) -> Cause | None:
    """A process-wide switch of torch, such as TF32 or the choice of kernels by trial, stands otherwise."""
    known = {ours.name for ours, _ in case.pairs("arithmetic")}
    switched = [one for one in measurements(case, "arithmetic") if one.name in known]
    if not switched:
        return None
    names = list(dict.fromkeys(one.name for one in switched))
    heeded = [one for one in switched if _is_heeded(case, one)]
    update = min((one.update for one in heeded), default=0)
    # What is seen at the first update was switched before it, and an evaluation may have come in between.
    since = at(update, Phase.FORWARD) if update > 0 else at(-1, Phase.EVAL)
    return Cause(
        id="arithmetic-switched",
        title=f"The candidate switches torch's arithmetic: {evidence.listing(names)}",
        explains=explained(case, expects("arithmetic"), since=since if heeded else None),
        evidence=evidence.lines(*switched),
        consequence="The same operations give other numbers, or not always the same ones."
        if heeded
        else "These runs had no GPU that heeds it; on one, the same operations give other numbers, or not always the "
        "same ones.",
    )


def _is_heeded(case: Case, one: Measurement) -> bool:
    """Whether there was hardware that the switch is about."""
    process = case.candidate.rank(one.rank)
    series = process.get("environment", "cuda") if process is not None else None
    has_gpu = series is None or not len(series) or series.python(0) == str(True)
    return has_gpu or not one.name.startswith(_OF_A_GPU)
