"""What a resumed run does a second time, though it was done before the stop."""

from typing import Final

from parity.diagnose.continuation.case import ContinuationCase, line
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import VALUE, at, expects, explained, measurements
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase

_FEWEST: Final = 2
_MOST: Final = 4
_SETTINGS: Final = ("lr", "micro_steps", "tokens", "batch_shape", "optimizer_group", "scheduler_steps")
_CHANGED: Final = (*_SETTINGS, "parameter", "parameter_initial", "optimizer_state_initial")


@rule(
    "resume-work-repeated",
    needs=("log_line",),
    predicts="settings and learning rates of the first update, and every number from there on",
    advice="Save what is done along with the rest of the state, as soon as it is done, and read it on a resume: in the "
    "checkpoint, and in files that the program keeps beside it.",
)
def work_repeated(case: ContinuationCase) -> Cause | None:
    """Before its first update the resumed run says what the straight run said only in mid-training, before the stop.

    Its first update then differs from the straight run's.
    """
    lines = _repeated(case)
    start = at(case.start.update, Phase.SETUP)
    found = [one for one in measurements(case.case, *_CHANGED, differences=VALUE) if one.update == case.start.update]
    if len(lines) < _FEWEST or not found:
        return None
    one = min(found, key=lambda each: each.moment)
    return Cause(
        id="resume-work-repeated",
        title="The resumed run does again what was done before the stop",
        explains=explained(case.case, expects(*_SETTINGS, since=start, differences=VALUE), since=start),
        evidence=(
            *(
                f"printed again before the first update: {text!r}, which belongs to {when}"
                for text, when in lines[:_MOST]
            ),
            line(one),
        ),
        consequence="Settings, the network or its optimizer are changed twice, and the resumed updates are others.",
    )


def _repeated(case: ContinuationCase) -> list[tuple[str, str]]:
    """Lines of the resumed run before its first update, and when the straight run printed them."""
    if case.straight is None or case.resumed is None:
        return []
    found = []
    for series in case.resumed.channel("log_line"):
        once = case.straight.get("log_line", series.name)
        if once is None or int(series.updates[0]) >= 0:
            continue
        updates = once.updates.tolist()
        # what is said at the start of every run, and around the stop itself, is due
        if min(updates) >= 0 and max(updates) < case.start.update - 1:
            found.append((series.name, evidence.moment(int(updates[-1]))))
    return found
