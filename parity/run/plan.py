"""From a policy, or from two commands, to the scenarios that are run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from parity.compare.tolerance import Ignored, Tolerance
from parity.errors import PolicyError, UsageError
from parity.record.commands import split_command
from parity.record.launch import Recording
from parity.run.baselines import Shelf
from parity.trace.channels import CHANNELS

if TYPE_CHECKING:
    from parity.policy import IgnoredPolicy, InterruptPolicy, PairPolicy, Policy, ScenarioPolicy, TolerancePolicy

TRACE: Final = "trace"
OUT: Final = "out"
SHARED: Final = "shared"
NOISE_RUNS: Final = 3


class Side(StrEnum):
    """The two sides of a pair, the reference's second run that shows what it reproduces, and both in follow mode."""

    REFERENCE = "reference"
    CANDIDATE = "candidate"
    RERUN = "reference-rerun"
    LEADER = "reference-followed"
    FOLLOWER = "candidate-following"


_CANDIDATES: Final = frozenset({Side.CANDIDATE, Side.FOLLOWER})


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A pair under one condition, its commands complete but for ``{out}`` and ``{shared}``.

    ``kind`` says which runs are made and compared, see ``parity.run.kinds``. Either side may have a directory of its
    own to run in; else it is the working directory. ``origins`` holds directories by side: ``{out}`` begins as a copy
    of them. ``within`` is the scenario that this one is a part of. ``shelf`` holds the
    reference's trace where that is not run; ``cache`` is where its runs are kept for the next time, see
    ``parity.run.reuse``.
    """

    pair: str
    name: str
    reference: str
    candidate: str
    prepare_reference: str | None = None
    prepare_candidate: str | None = None
    reference_directory: Path | None = None
    candidate_directory: Path | None = None
    kind: str = "train"
    within: str = ""
    straight_reference: str | None = None
    straight_candidate: str | None = None
    interrupt: Mapping[str, Any] | None = None
    damage: str | None = None
    origins: Mapping[Side, Path] = field(default_factory=dict)
    setup: tuple[str, ...] = ()
    recording: Recording = field(default_factory=Recording)
    reruns: bool = True
    zooms: bool = True
    follows: bool = False
    noise_runs: int = NOISE_RUNS
    cache: Path | None = None
    tolerances: tuple[Tolerance, ...] = ()
    shelf: Shelf | None = None

    def command(self, side: Side) -> str:
        """The training command of ``side``."""
        return self.candidate if side in _CANDIDATES else self.reference

    def directory(self, side: Side) -> Path:
        """The directory that the commands of ``side`` run in."""
        own = self.candidate_directory if side in _CANDIDATES else self.reference_directory
        return Path.cwd() if own is None else own

    def prepare(self, side: Side) -> str | None:
        """The command that ``side`` runs before, unrecorded, or None."""
        return self.prepare_candidate if side in _CANDIDATES else self.prepare_reference

    def part(
        self, suffix: str, reference: str | None, candidate: str | None, *, interrupt: Mapping[str, Any] | None = None
    ) -> "Scenario":
        """One of the runs that make up this scenario, as a scenario of its own that is prepared by nothing."""
        attachments = {} if interrupt is None else {"interruption": interrupt}
        return replace(
            self,
            name=f"{self.name}-{suffix}" if suffix else self.name,
            within=self.within or self.name,
            reference=reference or self.reference,
            candidate=candidate or self.candidate,
            prepare_reference=None,
            prepare_candidate=None,
            recording=replace(self.recording, attachments={**self.recording.attachments, **attachments}),
        )


Progress = Callable[[Scenario, str, Path | None], None]


def plan(policy: "Policy", names: Sequence[str], *, full: bool) -> list[Scenario]:
    """All scenarios of the named pairs, of every pair where none is named; tier ``full`` only on request.

    Raises:
        UsageError: a name is not a pair of the policy, or there is nothing to run.
    """
    known = [pair.name for pair in policy.pairs]
    unknown = [name for name in names if name not in known]
    if unknown or not known:
        message = f"no pair named {', '.join(unknown) or '(any)'}; the policy has: {', '.join(known) or 'none'}"
        raise UsageError(message)
    pairs = [pair for pair in policy.pairs if not names or pair.name in names]
    chosen = [
        _scenario(policy, pair, one)
        for pair in pairs
        for scenario in pair.scenarios
        if full or scenario.tier == "quick"
        for one in scenario.each()
    ]
    if not chosen:
        message = f"all scenarios of {', '.join(pair.name for pair in pairs)} are of tier full; run them with --full"
        raise UsageError(message)
    return chosen


def _scenario(policy: "Policy", pair: "PairPolicy", scenario: "ScenarioPolicy") -> Scenario:
    def reference(arguments: str) -> str:
        return _with_arguments(pair.reference, f"{pair.arguments} {arguments}".strip())

    def candidate(arguments: str) -> str:
        given = f"{pair.arguments} {arguments}".strip()
        return _with_arguments(pair.candidate, f"{given} {scenario.candidate_arguments}".strip())

    def if_given(arguments: str | None, command: Callable[[str], str]) -> str | None:
        return None if arguments is None else command(arguments)

    return Scenario(
        pair=pair.name,
        name=scenario.name,
        kind=scenario.kind,
        reference=reference(scenario.arguments),
        candidate=candidate(scenario.arguments),
        prepare_reference=if_given(scenario.prepare, reference),
        prepare_candidate=if_given(scenario.prepare, candidate),
        straight_reference=if_given(scenario.straight, reference),
        straight_candidate=if_given(scenario.straight, candidate),
        interrupt=_stop(scenario.interrupt),
        damage=scenario.damage,
        follows=scenario.follow,
        setup=pair.setup,
        recording=Recording(
            level=policy.level,
            updates=scenario.updates,
            seed=scenario.seed,
            world=scenario.world,
            engine=scenario.engine,
            environment={**pair.environment, **scenario.environment},
            attachments={"clock": {}} if scenario.clock else {},
        ),
        tolerances=tolerances(policy, pair.name),
    )


def _stop(interrupt: "InterruptPolicy | None") -> dict[str, Any] | None:
    """What the recorded program is told about its one interruption."""
    if interrupt is None:
        return None
    (update,) = interrupt.update
    return {**interrupt.model_dump(), "update": update}


def tolerances(policy: "Policy", pair: str) -> tuple[Tolerance, ...]:
    """What ``policy`` accepts of the differences of ``pair``, and what of it is not judged.

    Raises:
        PolicyError: one of them is about a channel that does not exist.
    """
    told: list[tuple[type[Tolerance], TolerancePolicy | IgnoredPolicy]] = [
        *((Tolerance, one) for one in policy.tolerances),
        *((Ignored, one) for one in policy.ignored),
    ]
    unknown = [one.channel for _, one in told if not any(fnmatchcase(name, one.channel) for name in CHANNELS)]
    if unknown:
        message = (
            f"tolerances, or ignored, for no channel: {', '.join(unknown)}; "
            "the channels are listed in docs/trace-format.md"
        )
        raise PolicyError(message)
    return tuple(kind(**one.model_dump(exclude={"pair"})) for kind, one in told if fnmatchcase(pair, one.pair))


def _with_arguments(command: str, arguments: str) -> str:
    if "{arguments}" in command:
        return command.replace("{arguments}", arguments)
    return f"{command} {arguments}".strip()


def fill(command: str, *, out: Path, shared: Path) -> list[str]:
    """The words of ``command`` with its placeholders replaced, so that a path with spaces stays one word."""
    words = split_command(command)
    return [word.replace("{out}", str(out)).replace("{shared}", str(shared)) for word in words]


def from_shelf(scenario: Scenario, shelf: Shelf) -> Scenario:
    """``scenario`` with its reference from ``shelf``: what would run the reference again is left out."""
    return replace(scenario, shelf=shelf, reruns=False, zooms=False, noise_runs=0)


def in_float32(scenario: Scenario) -> Scenario:
    """``scenario`` under another condition: both sides compute in float32, where the noise hides less."""
    attachments = {**scenario.recording.attachments, "full_precision": {}}
    return replace(
        scenario, name=f"{scenario.name}-fp32", recording=replace(scenario.recording, attachments=attachments)
    )


def by_pair(scenarios: Sequence[Scenario]) -> Iterator[tuple[str, list[Scenario]]]:
    """Scenarios grouped by pair, in order."""
    for name in dict.fromkeys(scenario.pair for scenario in scenarios):
        yield name, [scenario for scenario in scenarios if scenario.pair == name]
