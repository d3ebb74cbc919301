"""What following costs: the witness and its successor in lockstep, against one recorded run of the witness."""

import time
from collections.abc import Callable
from pathlib import Path

from parity.compare.engine import compare
from parity.policy import read_policy
from parity.record.processes import Launcher
from parity.record.warm.launcher import WarmLauncher
from parity.run.follow import lockstep
from parity.run.plan import Scenario, Side, plan
from parity.run.session import run_side, set_up
from parity.trace.model import Trace
from tests.bench.ratios import interleave
from tests.e2e.programs import ROOT

ROUNDS = 5


def test_following(benchmark, tmp_path: Path) -> None:
    """Seconds of a whole pass over the scenario ``scratch`` of the pair char-gpt, start-up included."""
    scenario = next(one for one in plan(read_policy(ROOT / "pyproject.toml"), ["char-gpt"], full=False))
    set_up(scenario, tmp_path)
    with WarmLauncher() as launcher:
        run = runner(tmp_path, launcher)
        plain = compare(run(scenario, Side.REFERENCE), run(scenario, Side.CANDIDATE))
        variants = {
            "recorded": timed(lambda: run(scenario, Side.REFERENCE)),
            "both, followed": timed(lambda: lockstep(scenario, plain, run)),
        }
        options = {"base": "recorded", "rounds": ROUNDS}
        table = benchmark.pedantic(interleave, args=(variants,), kwargs=options, rounds=1)
    print("\nfollow mode, scenario scratch of char-gpt")
    for row in table:
        benchmark.extra_info[row.name] = row.ratio
        print(row.line("2.0x" if row.name != "recorded" else ""))


def runner(base: Path, launcher: Launcher) -> Callable[[Scenario, Side], Trace]:
    return lambda scenario, side: run_side(scenario, side, base, lambda *_: None, launcher)


def timed(action: Callable[[], object]) -> Callable[[], float]:
    def measure() -> float:
        begin = time.perf_counter()
        action()
        return time.perf_counter() - begin

    return measure
