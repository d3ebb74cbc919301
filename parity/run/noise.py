"""The noise pass: what is run, once something differs, to learn how far rounding alone moves the reference."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from parity.compare.engine import compare
from parity.compare.measurement import Comparison, Measurement
from parity.compare.noise import NoisePass, can_be_weighed
from parity.compare.regrouping import GROUPED, PARTIAL, same_samples
from parity.compare.tolerance import Tolerance
from parity.errors import TraceMissingError
from parity.findings.judge import judge
from parity.findings.reproduction import defines_training
from parity.run.plan import OUT, TRACE, Progress, Scenario, Side
from parity.trace.channels import Kind, Phase, Role
from parity.trace.digests import digest_bytes
from parity.trace.model import Process, Trace
from parity.trace.store import read_trace

SKETCHED: Final = 256
PLACE: Final = "noise"
_AGAIN: Final = "again"
_FINE: Final = f"first:{SKETCHED}"
_UNMEASURED: Final = "it was not measured, which takes --noise-runs of 1 or more"
_SURROUNDINGS: Final = frozenset({"source_file", "environment"})

Run = Callable[[Scenario, Side, Progress], Trace]


class Source(Protocol):
    """Where the traces of a noise pass come from. Both raise TraceMissingError where there are none."""

    def candidate(self) -> Trace:
        """The candidate once more, recorded finely."""

    def perturbed(self, reference: Trace) -> tuple[Trace, ...]:
        """The perturbed runs of ``reference``."""


def finely(scenario: Scenario) -> Scenario:
    """``scenario`` recorded in the detail in which noise is measured, where it is to be.

    Every tensor of the first updates is sketched, later ones on the usual schedule; samples are identified one by one.
    """
    if not scenario.noise_runs:
        return scenario
    recording = scenario.recording
    attachments = {**recording.attachments, "consumption": recording.attachments.get("consumption", {})}
    return replace(scenario, recording=replace(recording, sketch=_FINE, attachments=attachments))


def measure_noise(
    comparison: Comparison, rerun: Comparison | None, source: Source, tolerances: Sequence[Tolerance] = ()
) -> NoisePass | None:
    """Gather what is needed to weigh the differences in ``comparison``; None where none is left that counts.

    ``rerun`` compares the reference with its own second run. Nothing more is run where no noise can change the verdict.
    """
    if rerun is None:
        return None
    judged = judge(comparison, rerun=rerun, tolerances=tolerances)
    gating = [one for finding in judged.gating for one in finding.measurements]
    if not gating:
        return None
    structural = next((one for one in gating if not _may_be_noise(one)), None)
    if structural is not None:
        return NoisePass(omitted=f"a difference in {structural.channel.title} is no matter of rounding")
    if rerun.candidate.manifest.get("sketch") != _FINE:
        return NoisePass(omitted=_UNMEASURED)
    if any(defines_training(one) for one in rerun.measurements):
        return NoisePass(omitted="the reference does not reproduce itself, which is noise of another kind")
    try:
        return _gathered(comparison, rerun.candidate, gating, source)
    except TraceMissingError:
        return NoisePass(omitted=_UNMEASURED)


def _gathered(comparison: Comparison, reference: Trace, gating: Sequence[Measurement], source: Source) -> NoisePass:
    candidate = source.candidate()
    if any(defines_training(one) for one in compare(comparison.candidate, candidate).measurements):
        return NoisePass(omitted="the candidate does not reproduce itself in a second run of its own")
    if any(one.channel.name in GROUPED for one in gating) and not same_samples(reference, candidate):
        return NoisePass(omitted="both programs do not train on the same samples, which is no matter of rounding")
    return NoisePass(reference=reference, candidate=candidate, perturbed=source.perturbed(reference))


def _may_be_noise(measurement: Measurement) -> bool:
    return can_be_weighed(measurement) or measurement.channel.name in GROUPED | PARTIAL


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What an earlier noise pass left in the directory ``place`` of a scenario."""

    place: Path

    def candidate(self) -> Trace:
        """The candidate's second run."""
        return read_trace(self.place / PLACE / _AGAIN / Side.CANDIDATE / TRACE)

    def perturbed(self, reference: Trace) -> tuple[Trace, ...]:
        """The perturbed runs of ``reference``, those of another one are not meant."""
        runs = (self.place / PLACE / _identity(reference)).glob(f"*/{Side.REFERENCE}/{TRACE}")
        found = tuple(read_trace(run) for run in sorted(runs))
        if not found:
            message = f"{self.place} holds no perturbed runs of this reference"
            raise TraceMissingError(message)
        return found


@dataclass(frozen=True, kw_only=True)
class Live:
    """Runs what is needed with ``run``, which keeps perturbed runs as it does those of any reference."""

    scenario: Scenario
    base: Path
    run: Run
    progress: Progress

    def candidate(self) -> Trace:
        """Run the candidate again."""
        return self._run(self.scenario, Side.CANDIDATE, _AGAIN, "again")

    def perturbed(self, reference: Trace) -> tuple[Trace, ...]:
        """The perturbed runs of ``reference``; those of other references are dropped."""
        identity = _identity(reference)
        for other in (self.base / self.scenario.name / PLACE).glob("*"):
            if other.name not in (identity, _AGAIN):
                shutil.rmtree(other, ignore_errors=True)
        return tuple(self._perturbed(identity, number) for number in range(self.scenario.noise_runs))

    def _perturbed(self, identity: str, number: int) -> Trace:
        name = f"{identity}/{number}"
        recording = self.scenario.recording
        attachments = {**recording.attachments, "perturbation": {"seed": number}}
        moved = replace(self.scenario, recording=replace(recording, attachments=attachments))
        return self._run(moved, Side.REFERENCE, name, f"perturbed run {number + 1} of {self.scenario.noise_runs}")

    def _run(self, scenario: Scenario, side: Side, name: str, stage: str) -> Trace:
        """Record ``side`` finely under ``name`` in the noise pass's directory, and keep only its trace."""
        elsewhere = replace(finely(scenario), name=f"{scenario.name}/{PLACE}/{name}")

        def tell(_: Scenario, what: str, trace: Path | None) -> None:
            self.progress(self.scenario, f"{what}, {stage}", trace)

        trace = self.run(elsewhere, side, tell)
        shutil.rmtree(self.base / elsewhere.name / side.value / OUT, ignore_errors=True)
        return trace


def _identity(reference: Trace) -> str:
    """What a reference did and where: its command, interventions, source files, environment, and every bit of training.

    A reference of this identity has these perturbed runs, whenever it is recorded.
    """
    parts: list[object] = [reference.command, reference.manifest.get("interventions")]
    parts += [[process.rank, list(_content(process))] for process in reference.processes]
    return f"{digest_bytes(repr(parts).encode('utf-8', 'surrogatepass')):016x}"


def _content(process: Process) -> Iterator[object]:
    for key, series in sorted(process.series.items()):
        channel = series.channel
        trains = channel.role is Role.BEHAVIOUR and channel.phase <= Phase.STATE
        if trains or channel.name in _SURROUNDINGS:
            values = [str(one) for one in series.values] if channel.kind is Kind.TEXT else series.values.tobytes()
            yield key, series.updates.tobytes(), values
