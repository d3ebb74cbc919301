"""Judging recorded scenarios again, each as its kind says: the parts of one find each other by their names."""

from collections.abc import Sequence
from pathlib import Path

from parity.compare.engine import compare
from parity.compare.measurement import Comparison
from parity.compare.resume import beside_contents
from parity.compare.tolerance import Tolerance
from parity.diagnose.continuation.model import Parts
from parity.diagnose.outcome import Outcome
from parity.errors import ParityError
from parity.run.conclusion import conclude, require_candidate, require_reference
from parity.run.cross_load import conclude_crossing, origin_of
from parity.run.follow import stored_follow
from parity.run.interrupt import was_interrupted
from parity.run.noise import Stored, measure_noise
from parity.run.plan import OUT, TRACE, Side
from parity.run.resume import FIRST, RESUMED, STRAIGHT, conclude_resume
from parity.run.saved import compare_saved
from parity.run.session import Weighed
from parity.run.zoom import stored_zoom
from parity.trace.model import Trace
from parity.trace.store import read_trace


def judge_all_stored(pair: str, places: list[Path], tolerances: Sequence[Tolerance]) -> list[Outcome]:
    """Judge again what was recorded in ``places``, the directories of a pair's scenarios and of their parts."""
    names = {place.name for place in places}
    resumes = {name for name in names if {f"{name}-{STRAIGHT}", f"{name}-{FIRST}"} <= names}
    parts = {f"{name}-{part}" for name in resumes for part in (STRAIGHT, FIRST)}
    outcomes: list[Outcome] = []
    for place in places:
        if place.name in parts:
            continue
        try:
            judged = _resume if place.name in resumes else _single
            outcomes += judged(pair, place, tolerances)
        except ParityError as error:
            outcomes.append(Outcome(pair=pair, scenario=place.name, error=error))
    return outcomes


def _single(pair: str, place: Path, tolerances: Sequence[Tolerance]) -> list[Outcome]:
    reference = read_trace(place / Side.REFERENCE / TRACE)
    candidate = read_trace(place / Side.CANDIDATE / TRACE)
    if origin_of(place.name) is not None:
        comparison = beside_contents(compare(reference, candidate))
        weighed = _weighed(place, comparison, tolerances)
        return [conclude_crossing(pair, place.name, comparison, weighed, tolerances)]
    if not was_interrupted(reference):
        require_reference(reference)
    require_candidate(candidate)
    comparison = compare(reference, candidate)
    rerun, noise = _weighed(place, comparison, tolerances)
    outcome = stored_zoom(conclude(pair, place.name, comparison, rerun, noise, tolerances), place, TRACE)
    return [stored_follow(outcome, place, rerun, tolerances)]


def _resume(pair: str, place: Path, tolerances: Sequence[Tolerance]) -> list[Outcome]:
    reference, candidate = (_parts(place, side) for side in (Side.REFERENCE, Side.CANDIDATE))
    places = {part: place.with_name(f"{place.name}-{part}") for part in (STRAIGHT, FIRST)} | {RESUMED: place}

    def weighed(part: str, comparison: Comparison) -> Weighed:
        return _weighed(places[part], comparison, tolerances)

    outcomes = conclude_resume(pair, place.name, reference, candidate, weighed, tolerances)
    earlier = zip(outcomes, (STRAIGHT, FIRST), strict=False)
    return [*(stored_zoom(one, places[part], TRACE) for one, part in earlier), outcomes[-1]]


def _weighed(place: Path, comparison: Comparison, tolerances: Sequence[Tolerance]) -> Weighed:
    """What an earlier session learned about the noise of the comparison in ``place``."""
    again = _again(place)
    rerun = None if again is None else compare(comparison.reference, again)
    return rerun, measure_noise(comparison, rerun, Stored(place=place), tolerances)


def _parts(place: Path, side: Side) -> Parts:
    straight, first = (place.with_name(f"{place.name}-{part}") / side.value for part in (STRAIGHT, FIRST))
    resumed = place / side.value
    return Parts(
        straight=read_trace(straight / TRACE),
        first=read_trace(first / TRACE),
        resumed=read_trace(resumed / TRACE),
        saved=compare_saved(straight / OUT, resumed / OUT),
    )


def _again(place: Path) -> Trace | None:
    rerun = place / Side.RERUN / TRACE
    return read_trace(rerun) if rerun.is_dir() else None
