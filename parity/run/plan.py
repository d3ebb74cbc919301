"""From a policy, or from two commands, to the scenarios that are run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from parity.errors import UsageError
from parity.policy import PairPolicy, Policy, ScenarioPolicy
from parity.record.commands import split_command
from parity.record.launch import Recording


class Side(StrEnum):
    """The two sides of a pair, and the reference's second run that shows what it reproduces."""

    REFERENCE = "reference"
    CANDIDATE = "candidate"
    RERUN = "reference-rerun"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A pair under one condition, its commands complete but for ``{out}`` and ``{shared}``."""

    pair: str
    name: str
    reference: str
    candidate: str
    prepare_reference: str | None = None
    prepare_candidate: str | None = None
    setup: tuple[str, ...] = ()
    recording: Recording = field(default_factory=Recording)
    reruns: bool = True

    def command(self, side: Side) -> str:
        """The training command of ``side``."""
        return self.candidate if side is Side.CANDIDATE else self.reference

    def prepare(self, side: Side) -> str | None:
        """The command that ``side`` runs before, unrecorded, or None."""
        return self.prepare_candidate if side is Side.CANDIDATE else self.prepare_reference


def plan(policy: Policy, names: Sequence[str], *, full: bool) -> list[Scenario]:
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
        _scenario(policy, pair, scenario)
        for pair in pairs
        for scenario in pair.scenarios
        if full or scenario.tier == "quick"
    ]
    if not chosen:
        message = f"all scenarios of {', '.join(pair.name for pair in pairs)} are of tier full; run them with --full"
        raise UsageError(message)
    return chosen


def _scenario(policy: Policy, pair: PairPolicy, scenario: ScenarioPolicy) -> Scenario:
    arguments = f"{pair.arguments} {scenario.arguments}".strip()
    own = scenario.candidate_arguments
    prepare = None if scenario.prepare is None else f"{pair.arguments} {scenario.prepare}".strip()
    return Scenario(
        pair=pair.name,
        name=scenario.name,
        reference=_with_arguments(pair.reference, arguments),
        candidate=_with_arguments(pair.candidate, f"{arguments} {own}".strip()),
        prepare_reference=None if prepare is None else _with_arguments(pair.reference, prepare),
        prepare_candidate=None if prepare is None else _with_arguments(pair.candidate, f"{prepare} {own}".strip()),
        setup=pair.setup,
        recording=Recording(
            level=policy.level,
            updates=scenario.updates,
            seed=scenario.seed,
            world=scenario.world,
            environment=pair.environment,
        ),
    )


def _with_arguments(command: str, arguments: str) -> str:
    if "{arguments}" in command:
        return command.replace("{arguments}", arguments)
    return f"{command} {arguments}".strip()


def fill(command: str, *, out: Path, shared: Path) -> list[str]:
    """The words of ``command`` with its placeholders replaced, so that a path with spaces stays one word."""
    words = split_command(command)
    return [word.replace("{out}", str(out)).replace("{shared}", str(shared)) for word in words]


def by_pair(scenarios: Sequence[Scenario]) -> Iterator[tuple[str, list[Scenario]]]:
    """Scenarios grouped by pair, in order."""
    for name in dict.fromkeys(scenario.pair for scenario in scenarios):
        yield name, [scenario for scenario in scenarios if scenario.pair == name]
