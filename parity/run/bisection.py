"""What a search among commits has found, in words and as JSON."""

from collections.abc import Iterator

from parity.report.machine import SCHEMA, result_json
from parity.report.wording import count
from parity.run.bisect import Bisection, Probe, Word
from parity.run.revisions import Commit


def bisection_lines(found: Bisection) -> Iterator[str]:
    """The answer first, then what it rests on."""
    if not found.suspects:
        yield f"In parity: {found.bad}"
        yield f"  it trains as the reference does, so no commit after {found.good.short} has to be looked for"
    elif found.found is not None:
        yield f"First commit that is not in parity: {found.found}"
    else:
        yield f"First commit that is not in parity: one of {len(found.suspects)}, since some of them could not be run"
        for commit in found.suspects:
            yield f"  {commit}"
    skipped = sum(one.word is Word.SKIPPED for one in found.probes)
    left_out = f", {skipped} of them skipped" if skipped else ""
    yield f"  {count(len(found.probes), 'commit')} tried{left_out}; good: {found.good}; bad: {found.bad}"


def next_command(found: Bisection) -> str:
    """The command to run next."""
    return f"git show {found.suspects[0].short}" if found.suspects else ""


def bisection_json(found: Bisection) -> dict[str, object]:
    """The same for programs; ``result`` is that of the commit that was found, or of the last suspect."""
    return {
        "schema": SCHEMA,
        "exit_code": found.exit_code,
        "good": _commit(found.good),
        "bad": _commit(found.bad),
        "first": None if found.found is None else _commit(found.found),
        "suspects": [_commit(one) for one in found.suspects],
        "probes": [_probe(one) for one in found.probes],
        "result": result_json(found.outcome),
    }


def _commit(commit: Commit) -> dict[str, object]:
    return {"id": commit.id, "subject": commit.subject}


def _probe(probe: Probe) -> dict[str, object]:
    return {"commit": _commit(probe.commit), "found": probe.word.value, "reason": probe.reason}
