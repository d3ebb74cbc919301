"""All rules about a resumed run, and the judgement of one side's continuation."""

from typing import Final

from parity.compare.engine import compare
from parity.compare.resume import find_start, laid_over
from parity.diagnose.case import Case
from parity.diagnose.continuation import contents, positions, repeating
from parity.diagnose.continuation.case import ContinuationCase, ContinuationRule
from parity.diagnose.continuation.model import Continuation, Parts
from parity.diagnose.registry import Cause, Declared, Rule, diagnose
from parity.findings.judge import judge

RULES: Final[tuple[Declared[ContinuationCase], ...]] = (
    positions.resumed_failed,
    contents.started_over,
    contents.averaged_weights_loaded,
    contents.weights_not_loaded,
    contents.buffers_not_loaded,
    contents.optimizer_state_missing,
    contents.optimizer_state_exchanged,
    contents.optimizer_state_differs,
    positions.scaler_restarted,
    positions.schedule_elsewhere,
    positions.data_elsewhere,
    positions.random_state_lost,
    positions.other_length,
    repeating.work_repeated,
)


def continue_run(parts: Parts) -> Continuation:
    """Judge whether the resumed run of one side goes on as if it had never stopped."""
    start = find_start(parts.straight, parts.first, parts.resumed)
    judgement = judge(compare(*laid_over(parts.straight, parts.resumed, start)))
    case = ContinuationCase(Case(judgement), parts, start)
    rules = tuple(_bound(rule, case) for rule in RULES)
    return Continuation(parts=parts, start=start, judgement=judgement, diagnosis=diagnose(judgement, rules))


def _bound(rule: ContinuationRule, case: ContinuationCase) -> Rule:
    def of_this_side(_: Case) -> Cause | None:
        return rule(case)

    return of_this_side
