"""After a pair has run at several world sizes: whether the candidate keeps the algebra that the reference keeps."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from parity.compare.measurement import Comparison, Measurement
from parity.compare.noise import FACTOR
from parity.compare.sketches import FLOOR
from parity.compare.worlds import compare_worlds
from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import diagnose
from parity.errors import ParityError
from parity.findings.judge import judge
from parity.record.worlds.engines import AUTO, FAKE
from parity.run.plan import TRACE, Scenario, Side
from parity.trace.store import read_trace

NAME: Final = "across-worlds"


def counting(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """``scenarios``; where several are one training in different worlds, their samples are identified one by one."""
    several = {id(one) for family in _families(scenarios) if len(family) > 1 for one in family}
    return [_counted(one) if id(one) in several and one.kind == "train" else one for one in scenarios]


def _counted(scenario: Scenario) -> Scenario:
    attachments = {**scenario.recording.attachments, "consumption": {"rows": True}}
    return replace(scenario, recording=replace(scenario.recording, attachments=attachments))


def across_worlds(scenarios: Sequence[Scenario], base: Path) -> list[Outcome]:
    """One outcome for each world but the smallest: the candidate there against the candidate in the smallest.

    Only whole runs that differ in nothing but their world are held against each other. What the reference breaks in the
    same way is how this training is meant to be, and no finding.
    """
    found: list[Outcome] = []
    for family in _families([one for one in scenarios if one.kind == "train"]):
        smallest, *others = sorted(family, key=lambda one: one.recording.world)
        for other in others:
            name = f"{NAME}-{smallest.recording.world}-{other.recording.world}"
            found.append(_outcome(smallest, other, base, name))
    return found


def _families(scenarios: Sequence[Scenario]) -> list[list[Scenario]]:
    families: list[list[Scenario]] = []
    for scenario in scenarios:
        for family in families:
            if _training(scenario) == _training(family[0]):
                family.append(scenario)
                break
        else:
            families.append([scenario])
    return families


def _training(scenario: Scenario) -> Scenario:
    """``scenario`` without its world, and without what runs the ranks, unless that computes nothing."""
    recording = scenario.recording
    engine = recording.engine if recording.engine == FAKE else AUTO
    return replace(scenario, name="", recording=replace(recording, world=1, engine=engine))


def _outcome(smallest: Scenario, other: Scenario, base: Path, name: str) -> Outcome:
    try:
        reference, candidate = (_compare(smallest, other, side, base) for side in (Side.REFERENCE, Side.CANDIDATE))
    except ParityError as error:
        return Outcome(pair=other.pair, scenario=name, error=error)
    shared = {_what(one): one for one in reference.measurements}
    own = tuple(one for one in candidate.measurements if not _excused(one, shared.get(_what(one))))
    judgement = judge(replace(candidate, measurements=own))
    # The rules of the library explain differences between two programs; here there is one.
    return Outcome(pair=other.pair, scenario=name, judgement=judgement, diagnosis=diagnose(judgement, ()))


def _compare(smallest: Scenario, other: Scenario, side: Side, base: Path) -> Comparison:
    smaller, larger = (read_trace(base / one.name / side.value / TRACE) for one in (smallest, other))
    return compare_worlds(smaller, larger)


def _excused(one: Measurement, shared: Measurement | None) -> bool:
    """Whether the reference breaks the law too; of tensors, whether it does so about as far: that is how they round."""
    if one.estimate is None:
        return shared is not None
    floor = shared.estimate if shared is not None and shared.estimate is not None else 0.0
    return one.estimate <= FACTOR * max(floor, FLOOR)


def _what(measurement: Measurement) -> tuple[str, str, int]:
    return measurement.channel.name, measurement.name, measurement.rank
