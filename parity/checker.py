"""What the fixtures of the pytest plugin do: record, compare, and fail with the reason."""

import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, TypeAlias, overload

from parity.assertion import compare_runs
from parity.compare.tolerance import Tolerance
from parity.diagnose.outcome import Outcome
from parity.diagnose.ruling import ruled
from parity.errors import UsageError
from parity.findings.ledger import Ledger
from parity.record.block import Run, recording
from parity.record.launch import Recording, record
from parity.record.processes import Launcher, start_fresh
from parity.report.terminal import headline, in_words
from parity.run.plan import Scenario
from parity.run.results import write_results
from parity.run.session import run_scenario
from parity.trace.digests import digest_bytes
from parity.trace.model import Trace

Side: TypeAlias = str | Run | Trace | Path
Tell = Callable[[str], None]

OPTIONS: Final = frozenset(field.name for field in fields(Recording)) - {"shared", "reads"}
_NAMES: Final = frozenset({"pair", "scenario"})
"""What a comparison is called, where a policy or a ledger has something to say about it."""
_OF_COMMANDS: Final = frozenset({"world", "engine", "timeout", "deterministic", "environment", "attachments"})


class ParityChecker:
    """What the fixture ``parity`` gives to a test. Everything it records lies under ``directory``.

    ``defaults`` are options of a recording, for all of them: see :class:`parity.record.launch.Recording`; ``pair`` and
    ``scenario`` among them are what ``ledger`` and ``tolerances`` know a comparison by. ``tell`` is given one line
    about each comparison. ``launcher`` starts programs; ``cache`` keeps runs of references.
    """

    def __init__(
        self,
        directory: Path,
        *,
        defaults: Mapping[str, Any] | None = None,
        launcher: Launcher = start_fresh,
        cache: Path | None = None,
        ledger: Ledger | None = None,
        tolerances: Callable[[str], tuple[Tolerance, ...]] = lambda _: (),
        tell: Tell = lambda _: None,
    ) -> None:
        self.directory = directory
        self._names, self._defaults = _split(defaults or {})
        self._ledger = ledger
        self._tolerances = tolerances
        self._launcher = launcher
        self._cache = cache
        self._tell = tell
        self._comparisons = 0
        self._runs = 0

    @overload
    def record(self, command: str, **options: Any) -> Run: ...

    @overload
    def record(self, command: None = None, **options: Any) -> AbstractContextManager[Run]: ...

    def record(self, command: str | None = None, **options: Any) -> Run | AbstractContextManager[Run]:
        """Record ``command``, or, without one, the block under ``with parity_record() as run:``.

        Nothing is asserted: ``run.trace.exit_status`` says how it ended.

        Raises:
            ParityError: it cannot be recorded.
        """
        chosen = {**self._defaults, **_known(options)}
        self._runs += 1
        run = Run(self.directory / f"run-{self._runs}")
        if command is None:
            return recording(run.directory, **{key: one for key, one in chosen.items() if key not in _OF_COMMANDS})
        record(command, run.directory, Recording(**chosen), streams=False, launcher=self._launcher)
        return run

    def compare(self, reference: Side, candidate: Side, **options: Any) -> Outcome:
        """Compare two sides and return the outcome; nothing is asserted.

        Two commands are run, with all that a comparison may need after that. A side may also be something recorded: a
        run, a trace, or the path of its directory; a command beside one is recorded once. ``pair`` and ``scenario`` say
        which tolerances, rules and waivers apply.

        Raises:
            ParityError: the comparison could not be made.
        """
        return self._compare(reference, candidate, options)[0]

    def check(self, reference: Side, candidate: Side, **options: Any) -> None:
        """Fail the test with the first divergence and its probable cause, unless both sides train the same way.

        Raises:
            AssertionError: they do not.
            ParityError: the comparison could not be made.
        """
        __tracebackhide__ = True  # pytest shows the line of the test
        outcome, report = self._compare(reference, candidate, options)
        if outcome.exit_code != 0:
            message = f"not in parity\n{in_words(outcome, report)}"
            raise AssertionError(message)

    def _compare(self, reference: Side, candidate: Side, options: Mapping[str, Any]) -> tuple[Outcome, Path]:
        self._comparisons += 1
        base = self.directory / f"comparison-{self._comparisons}"
        given, options = _split(options)
        names = {**self._names, **given}
        pair = names.get("pair") or base.name
        if isinstance(reference, str) and isinstance(candidate, str):
            outcome = self._run(base, reference, candidate, pair, names.get("scenario") or "scratch", options)
        else:
            sides = (self.record(side, **options) if isinstance(side, str) else side for side in (reference, candidate))
            scenario = names.get("scenario") or "runs"
            outcome = compare_runs(*sides, pair=pair, scenario=scenario, tolerances=self._tolerances(pair))
        if outcome.error is not None:
            raise outcome.error
        if self._ledger is not None:
            (outcome,) = ruled([outcome], self._ledger)
        report = write_results([outcome], base)
        self._tell(f"{headline(outcome)}; report {report}")
        return outcome, report

    def _run(
        self, base: Path, reference: str, candidate: str, pair: str, name: str, options: Mapping[str, Any]
    ) -> Outcome:
        scenario = Scenario(
            pair=pair,
            name=name,
            tolerances=self._tolerances(pair),
            reference=reference,
            candidate=candidate,
            recording=Recording(**{**self._defaults, **_known(options)}),
            cache=self._cache,
        )
        return run_scenario(scenario, base, lambda *_: None, self._launcher)


def kept(directory: Path, test: str) -> Path:
    """An empty directory below ``directory`` for what ``test`` records, the same one each time."""
    name = re.sub(r"[^\w.-]+", "-", test).strip("-")[-100:]
    place = directory / f"{name}-{digest_bytes(test.encode()) & 0xFFFFFFFF:08x}"
    shutil.rmtree(place, ignore_errors=True)
    return place


def _split(options: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """What a comparison is called, and the options of its recordings."""
    names = {key: str(options[key]) for key in options if key in _NAMES}
    return names, _known({key: one for key, one in options.items() if key not in _NAMES})


def _known(options: Mapping[str, Any]) -> dict[str, Any]:
    """``options``, where all of them are options of a recording.

    Raises:
        UsageError: one is not.
    """
    unknown = sorted(options.keys() - OPTIONS)
    if unknown:
        message = f"{', '.join(unknown)}: no option of a recording; expected some of {', '.join(sorted(OPTIONS))}"
        raise UsageError(message)
    return dict(options)
