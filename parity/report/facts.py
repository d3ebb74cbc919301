"""What a report states about an outcome as a whole, read off its judgement and traces."""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.findings.model import Judgement, Verdict
from parity.trace.channels import CHANNELS
from parity.trace.model import Trace

_GRAVITY: Final = (
    Verdict.DIFFERENT,
    Verdict.MISSING,
    Verdict.EXTRA,
    Verdict.NOT_COMPARED,
    Verdict.WAIVED,
    Verdict.EQUIVALENT,
    Verdict.IDENTICAL,
)
_CLEAN: Final = frozenset({Verdict.IDENTICAL, Verdict.EQUIVALENT})
_ORDER: Final = {name: (int(channel.phase), at) for at, (name, channel) in enumerate(CHANNELS.items())}
_SIZES: Final = re.compile(r"(\d+) lines?, (\d+) functions?, (\d+) class(?:es)?")
_LAST: Final = (len(CHANNELS), 0)


@dataclass(frozen=True, kw_only=True)
class Totals:
    """How much was compared in one scenario."""

    updates: int
    series: int
    values: int
    equal: int


def totals(outcome: Outcome) -> Totals:
    """Add up the coverage of all channels; updates are those that both sides made on their lowest common rank."""
    if outcome.judgement is None:
        return Totals(updates=0, series=0, values=0, equal=0)
    comparison = outcome.judgement.comparison
    coverage = comparison.coverage.values()
    both = ((ours, comparison.candidate.rank(ours.rank)) for ours in comparison.reference.processes)
    updates = next((min(ours.updates, theirs.updates) for ours, theirs in both if theirs is not None), 0)
    return Totals(
        updates=updates,
        series=sum(one.series for one in coverage),
        values=sum(one.values for one in coverage),
        equal=sum(one.equal for one in coverage),
    )


def verdict(outcome: Outcome) -> Verdict:
    """Verdict of one scenario; "not compared" where no channel was compared and nothing gates."""
    judgement = outcome.judgement
    if outcome.error is not None or judgement is None:
        return Verdict.NOT_COMPARED
    if outcome.betrayed:
        return Verdict.DIFFERENT
    if not judgement.gating and not compared_channels(judgement):
        return Verdict.NOT_COMPARED
    if judgement.verdict in _CLEAN and outcome.ruling is not None and outcome.ruling.lifted:
        return Verdict.WAIVED
    return judgement.verdict


def compared_channels(judgement: Judgement) -> set[str]:
    """Channels about which the judgement says something.

    Values that are neither equal nor part of a finding were set aside, for example because the reference itself does
    not reproduce them: a channel of nothing but these was not compared.
    """
    equal = {name for name, covered in judgement.comparison.coverage.items() if covered.equal}
    return equal | {finding.channel.name for finding in judgement.findings}


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The gravest of several verdicts; "not compared" is graver than any kind of parity."""
    return min(verdicts, key=_GRAVITY.index, default=Verdict.NOT_COMPARED)


def causal(channel: str) -> tuple[int, int]:
    """Sort key that puts the names of channels in causal order."""
    return _ORDER.get(channel, _LAST)


def texts(trace: Trace, channel: str) -> dict[str, str]:
    """Last text of every series of ``channel``, from the lowest rank that has any."""
    for process in trace.processes:
        found = {one.name: str(one.python(-1)) for one in process.channel(channel) if len(one)}
        if found:
            return found
    return {}


def source_sizes(trace: Trace) -> dict[str, tuple[int, ...]]:
    """Lines, functions and classes of each source file that the program was made of."""
    found = {name: _SIZES.search(text) for name, text in texts(trace, "source_file").items()}
    return {name: tuple(int(part) for part in match.groups()) for name, match in found.items() if match is not None}


def program(trace: Trace) -> str:
    """The name by which people call the program: its script or module, else the first word of its command."""
    words = words_of(trace.command)
    script = next((one for one in words if one.endswith(".py")), "")
    if script:
        return script
    if "-m" in words[:-1]:
        return words[words.index("-m") + 1]
    return words[0] if words else "program"


def words_of(command: str) -> list[str]:
    """``command`` split as a shell would, or at blanks where its quotes do not match."""
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()
