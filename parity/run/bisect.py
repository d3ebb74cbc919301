"""The first commit that does not train as the reference does, found by halving the commits in which it must lie."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.diagnose.ruling import ruled
from parity.errors import PARITY, VIOLATED, ParityError, RevisionUnusableError
from parity.findings.ledger import Ledger
from parity.record.processes import Launcher
from parity.run.plan import Progress, Scenario
from parity.run.revisions import Commit, Repository, temporary_place
from parity.run.session import run_scenario, set_up

_REFERENCE: Final = "reference"
_CANDIDATE: Final = "candidate"
Verdict = Callable[[int], bool | None]


class Word(StrEnum):
    """What was found out about one commit."""

    PARITY = "parity"
    VIOLATED = "violated"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One commit, run and compared; ``reason`` says why it was skipped, or is empty."""

    commit: Commit
    outcome: Outcome
    word: Word
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Bisection:
    """The commits among which the first violation is: one, or several where those between could not be run.

    There is none where the bad revision is in parity. ``probes`` stand in the order in which they were made;
    ``outcome`` is that of the last of ``suspects``, with a close-up, or of the bad revision.
    """

    good: Commit
    bad: Commit
    suspects: tuple[Commit, ...]
    probes: tuple[Probe, ...]
    outcome: Outcome

    @property
    def found(self) -> Commit | None:
        """The first commit that is not in parity, where it is known."""
        return self.suspects[0] if len(self.suspects) == 1 else None

    @property
    def exit_code(self) -> int:
        """0 where the bad revision is in parity, else 1."""
        return VIOLATED if self.suspects else PARITY


@dataclass(frozen=True, kw_only=True)
class Hunt:
    """What is run for each commit: ``scenario`` under ``base``, its candidate at that commit.

    The reference runs at the good revision, or, where ``fixed``, in the working directory. ``ledger`` holds what is
    accepted; ``links`` is what worktrees share with the working tree.
    """

    repository: Repository
    scenario: Scenario
    base: Path
    ledger: Ledger
    launcher: Launcher
    fixed: bool = False
    links: tuple[Path, ...] = ()


def search(number: int, is_bad: Verdict) -> tuple[int, ...]:
    """Of ``number`` commits, the last of which is bad, those that may be the first bad one.

    ``is_bad`` is asked about as few as can be, and answers None about one that cannot be judged.
    """
    good, bad = -1, number - 1
    skipped: set[int] = set()
    while left := [one for one in range(good + 1, bad) if one not in skipped]:
        middle = (good + bad) // 2
        at = min(left, key=lambda one: abs(one - middle))
        answer = is_bad(at)
        if answer is None:
            skipped.add(at)
        elif answer:
            bad = at
        else:
            good = at
    return tuple(range(good + 1, bad + 1))


def bisect(hunt: Hunt, good: Commit, bad: Commit, tell: Callable[[str], None], progress: Progress) -> Bisection:
    """Find the first commit after ``good``, up to ``bad``, that is not in parity with the reference.

    Raises:
        RevisionError: the two do not follow on each other.
        RevisionUnusableError: one of them cannot be judged, or the good one is not in parity.
    """
    commits = hunt.repository.between(good, bad)
    probes: dict[Commit, Probe] = {}
    with ExitStack() as stack:
        place = stack.enter_context(temporary_place())
        runner = _Runner(hunt, place, good, stack, progress)

        def probe(commit: Commit) -> Probe:
            if commit not in probes:
                probes[commit] = _judged(commit, runner.run(commit, zooms=False), hunt.ledger)
                one = probes[commit]
                tell(f"{commit}: {one.word}{f' ({one.reason})' if one.reason else ''}")
            return probes[commit]

        tell(f"{len(commits)} commits after {good}")
        _require(probe(good), Word.PARITY)
        last = _require(probe(bad), None)
        suspects: Sequence[Commit] = ()
        outcome = last.outcome
        if last.word is Word.VIOLATED:
            answers = {Word.PARITY: False, Word.VIOLATED: True, Word.SKIPPED: None}
            suspects = [commits[at] for at in search(len(commits), lambda at: answers[probe(commits[at]).word])]
            outcome = runner.run(suspects[-1], zooms=hunt.scenario.zooms)
    (outcome,) = ruled([outcome], hunt.ledger)
    return Bisection(good=good, bad=bad, suspects=tuple(suspects), probes=tuple(probes.values()), outcome=outcome)


class _Runner:
    """Runs the scenario at one commit after the other, always in the same directories: the reference is then reused."""

    def __init__(self, hunt: Hunt, place: Path, good: Commit, stack: ExitStack, progress: Progress) -> None:
        self._hunt = hunt
        self._place = place
        self._progress = progress
        repository = hunt.repository
        self._reference = (
            repository.here
            if hunt.fixed
            else stack.enter_context(repository.checked_out(good, place / _REFERENCE, hunt.links))
        )
        set_up(replace(hunt.scenario, reference_directory=self._reference), hunt.base)

    def run(self, commit: Commit, *, zooms: bool) -> Outcome:
        hunt = self._hunt
        with hunt.repository.checked_out(commit, self._place / _CANDIDATE, hunt.links) as there:
            sides = replace(hunt.scenario, reference_directory=self._reference, candidate_directory=there, zooms=zooms)

            def told(_: Scenario, stage: str, directory: Path | None) -> None:
                self._progress(replace(sides, within=commit.short), stage, directory)

            return run_scenario(sides, hunt.base, told, hunt.launcher)


def _judged(commit: Commit, outcome: Outcome, ledger: Ledger) -> Probe:
    """A commit whose program does not run, or proves nothing, is skipped: the change of interest is another one."""
    reason = _unusable(outcome)
    if reason:
        return Probe(commit=commit, outcome=outcome, word=Word.SKIPPED, reason=reason)
    (decided,) = ruled([outcome], ledger)
    # A waiver that is not needed at this commit may well be at another.
    complaints = decided.ruling.complaints if decided.ruling is not None else ()
    gating = [one for one in (decided.ruling.gating if decided.ruling is not None else ()) if one not in complaints]
    return Probe(commit=commit, outcome=decided, word=Word.VIOLATED if gating else Word.PARITY)


def _unusable(outcome: Outcome) -> str:
    if outcome.judgement is None:
        error = outcome.error
        return f"{error.slug}: {str(error).splitlines()[0]}" if error is not None else "it has no result"
    status = outcome.judgement.comparison.candidate.exit_status
    if status and status != outcome.judgement.comparison.reference.exit_status:
        return f"its program ended with status {status}"
    return "" if outcome.exit_code in (PARITY, VIOLATED) else "nothing is known about its parity"


def _require(probe: Probe, word: Word | None) -> Probe:
    if probe.word is Word.SKIPPED and isinstance(probe.outcome.error, ParityError):
        raise probe.outcome.error
    if probe.word is Word.SKIPPED:
        message = f"{probe.commit} cannot be judged: {probe.reason}; name another revision"
        raise RevisionUnusableError(message)
    if word is not None and probe.word is not word:
        message = f"{probe.commit} was named as good, but is not in parity with the reference; name an earlier one"
        raise RevisionUnusableError(message)
    return probe
