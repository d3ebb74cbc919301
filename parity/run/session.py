"""Runs the scenarios of a pair: both sides, the comparison, the reference's second run where something differs."""

import shutil
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path

from parity.compare.engine import compare
from parity.compare.measurement import Comparison
from parity.compare.noise import NoisePass
from parity.diagnose.outcome import Outcome
from parity.errors import ParityError, ReferenceFailedError, TraceUnwritableError
from parity.findings.judge import judge
from parity.record.commands import check_command
from parity.record.launch import record
from parity.record.processes import Launcher, start_fresh
from parity.record.teardown import aborted_in_teardown, refusal, remark
from parity.run.conclusion import conclude, require_candidate, require_reference, tail
from parity.run.follow import followed, forget
from parity.run.noise import Live, finely, measure_noise
from parity.run.plan import OUT, SHARED, TRACE, Progress, Scenario, Side, fill
from parity.run.reuse import through_cache
from parity.run.zoom import zoom_in
from parity.trace.model import Trace
from parity.trace.store import read_trace

Weighed = tuple[Comparison | None, NoisePass | None]
"""The reference's rerun and the noise pass, None where there is none."""


def set_up(scenario: Scenario, base: Path) -> None:
    """Run the commands that a pair needs once, with a fresh ``{shared}`` directory.

    Raises:
        ReferenceFailedError: one of them fails.
    """
    shared = base / SHARED
    _fresh(shared)
    for command in scenario.setup:
        words, what = fill(command, out=shared, shared=shared), f"the setup command of pair {scenario.pair}"
        _run_unrecorded(words, what, scenario.directory(Side.REFERENCE))


def run_scenario(scenario: Scenario, base: Path, progress: Progress, launcher: Launcher = start_fresh) -> Outcome:
    """Run both sides of ``scenario`` under ``base``, compare and diagnose; an explained error becomes the outcome."""
    try:
        return _run_scenario(scenario, base, progress, launcher)
    except ParityError as error:
        return Outcome(pair=scenario.pair, scenario=scenario.name, error=error)


def _run_scenario(scenario: Scenario, base: Path, progress: Progress, launcher: Launcher) -> Outcome:
    forget(base / scenario.name)
    check_commands(scenario, base)
    reference = run_side(scenario, Side.REFERENCE, base, progress, launcher)
    require_reference(reference)
    candidate = run_side(scenario, Side.CANDIDATE, base, progress, launcher)
    require_candidate(candidate)
    progress(scenario, "comparing", None)
    comparison = compare(reference, candidate)
    rerun, noise = weigh(scenario, comparison, base, progress, launcher)
    outcome = conclude(scenario.pair, scenario.name, comparison, rerun, noise, scenario.tolerances)
    outcome = look_closer(outcome, scenario, base, progress, launcher)
    if scenario.follows:
        outcome = followed(outcome, scenario, rerun, lambda one, side: run_side(one, side, base, progress, launcher))
    return outcome


def check_commands(scenario: Scenario, base: Path) -> None:
    """Refuse a pair of which one side cannot even be started, before the other has run for hours.

    Raises:
        UsageError: a command names what does not exist, or cannot be recorded.
    """
    for side in (Side.REFERENCE, Side.CANDIDATE):
        shelved = scenario.shelf is not None and side is Side.REFERENCE
        # What a preparing run leaves behind may be a program too.
        if not shelved and scenario.prepare(side) is None and side not in scenario.origins:
            check_command(fill(scenario.command(side), out=base, shared=(base / SHARED).resolve()), Path.cwd())


def weigh(
    scenario: Scenario, comparison: Comparison, base: Path, progress: Progress, launcher: Launcher = start_fresh
) -> Weighed:
    """The reference's own second run, and how far rounding moves it, where ``comparison`` needs them to be judged."""
    rerun: Comparison | None = None
    if scenario.reruns and judge(comparison, tolerances=scenario.tolerances).gating:
        # Always afresh: what shares a server shares its hash seed and addresses, and a rerun has to show what they do.
        rerun = compare(comparison.reference, run_side(finely(scenario), Side.RERUN, base, progress))
    source = Live(scenario=scenario, base=base, progress=progress, run=partial(_run_for_noise, base, launcher))
    return rerun, measure_noise(comparison, rerun, source, scenario.tolerances)


def look_closer(
    outcome: Outcome, scenario: Scenario, base: Path, progress: Progress, launcher: Launcher = start_fresh
) -> Outcome:
    """Take a close-up of the first divergence where one could show something, told as part of ``scenario``."""

    def told(_: Scenario, stage: str, directory: Path | None) -> None:
        progress(scenario, f"{stage}, close-up", directory)

    return zoom_in(outcome, scenario, lambda again, side: run_side(again, side, base, told, launcher))


def _run_for_noise(base: Path, launcher: Launcher, scenario: Scenario, side: Side, progress: Progress) -> Trace:
    return run_side(scenario, side, base, progress, launcher)


def run_side(scenario: Scenario, side: Side, base: Path, progress: Progress, launcher: Launcher = start_fresh) -> Trace:
    """Prepare and record one side in fresh directories; return its trace.

    Raises:
        TeardownAbortError: gloo aborted it after its training, and again when it was started again.
        BaselineError: the reference comes from a baseline, which is missing, outdated or from elsewhere.
    """
    shelf = scenario.shelf
    if shelf is None:
        return _live_side(scenario, side, base, progress, launcher)
    if side is Side.REFERENCE:
        place = base / scenario.name / side.value
        _fresh(place)
        return shelf.take(scenario.name, place / TRACE)
    return shelf.check(_live_side(scenario, side, base, progress, launcher))


def _live_side(scenario: Scenario, side: Side, base: Path, progress: Progress, launcher: Launcher) -> Trace:
    return through_cache(scenario, side, base, progress, lambda one: _run_twice(one, side, base, progress, launcher))


def _run_twice(scenario: Scenario, side: Side, base: Path, progress: Progress, launcher: Launcher) -> Trace:
    trace = _run_side(scenario, side, base, progress, launcher)
    if not aborted_in_teardown(trace):
        return trace
    progress(scenario, f"{side.value}, again: gloo aborted it after its training", None)
    trace = _run_side(scenario, side, base, progress, launcher)
    if aborted_in_teardown(trace):
        raise refusal(trace)
    remark(trace.directory)
    return read_trace(trace.directory)


def _run_side(scenario: Scenario, side: Side, base: Path, progress: Progress, launcher: Launcher) -> Trace:
    place = base / scenario.name / side.value
    _fresh(place)
    out = (place / OUT).resolve()
    out.mkdir()
    if side in scenario.origins:
        shutil.copytree(scenario.origins[side], out, symlinks=True, dirs_exist_ok=True)
    shared = (base / SHARED).resolve()
    prepare = scenario.prepare(side)
    if prepare is not None:
        progress(scenario, f"{side.value}, preparing", None)
        words, what = fill(prepare, out=out, shared=shared), f"the preparing run of the {side.value}"
        _run_unrecorded(words, what, scenario.directory(side))
    trace = place / TRACE
    record(
        fill(scenario.command(side), out=out, shared=shared),
        trace,
        replace(scenario.recording, out=out, shared=shared),
        directory=scenario.directory(side),
        streams=False,
        tick=lambda directory: progress(scenario, side.value, directory),
        launcher=launcher,
    )
    return read_trace(trace)


def _run_unrecorded(words: list[str], what: str, directory: Path) -> None:
    check_command(words, directory)
    done = subprocess.run(words, cwd=directory, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        message = f"{what} ended with status {done.returncode}: {' '.join(words)}\n{tail(done.stderr)}"
        raise ReferenceFailedError(message)


def _fresh(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        message = (
            f"{directory} cannot be made ({error.strerror}). Name a writable directory with free space by --output."
        )
        raise TraceUnwritableError(message) from error
