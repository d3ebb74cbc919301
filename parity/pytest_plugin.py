"""The pytest plugin: fixtures that record and compare trainings inside a test, and a summary of all comparisons.

Only pytest finds this module at its start, in every project that has this package: what the fixtures do is imported
when a test first asks for one of them.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from parity.checker import ParityChecker
    from parity.diagnose.outcome import Outcome
    from parity.record.block import Run
    from parity.record.processes import Launcher
    from parity.run.decisions import Decisions

_PROPERTY: Final = "parity"
_MARKER: Final = (
    "parity(updates, seed, world, level, ...): options for every recording of the test, by keyword: stop after so many "
    "updates; seed the generators first; run commands as so many ranks; record scalars, digest or full."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``pytest --parity-level full --parity-keep runs --parity-fresh``."""
    group = parser.getgroup("parity", "parity of trainings")
    group.addoption(
        "--parity-level",
        choices=("scalars", "digest", "full"),
        default="digest",
        help="Level of recordings for which no test asks for another (default: digest).",
    )
    group.addoption(
        "--parity-keep",
        metavar="DIR",
        help="Keep what is recorded, and the reports, in DIR; else they go with the temporary directory of the test.",
    )
    group.addoption(
        "--parity-fresh",
        action="store_true",
        help="Start each program in a new process, never as a copy of a warm one.",
    )
    group.addoption(
        "--parity-waivers",
        metavar="FILE",
        help="The ledger of accepted findings (default: reports/waivers.toml below the root directory).",
    )
    group.addoption(
        "--parity-policy",
        metavar="FILE",
        help="File with the tolerances and rules to judge by, in [tool.parity].",
    )
    group.addoption(
        "--parity-no-cache",
        action="store_true",
        help="With --parity-keep: record references even where nothing has changed.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """``pytest --markers`` shows how ``@pytest.mark.parity(updates=20, seed=1)`` is used."""
    config.addinivalue_line("markers", _MARKER)
    for name in ("parity_keep", "parity_waivers", "parity_policy"):
        # Before workers are started: they may stand in another directory, and are sent no paths but their text.
        given = getattr(config.option, name)
        if given is not None:
            setattr(config.option, name, str(Path(given).absolute()))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each comparison. Reports carry them from workers to the one process that has a terminal."""
    told: dict[str, list[str]] = {}
    for report in (one for reports in terminalreporter.stats.values() for one in reports):
        lines = [text for name, text in getattr(report, "user_properties", ()) if name == _PROPERTY]
        if len(lines) > len(told.get(report.nodeid, ())):
            told[report.nodeid] = lines
    if told:
        terminalreporter.section("parity")
        for test, lines in sorted(told.items()):
            for line in lines:
                terminalreporter.write_line(f"{test}: {line}")


@pytest.fixture(scope="session")
def parity_launcher(request: pytest.FixtureRequest) -> "Iterator[Launcher]":
    """Start programs as copies of a process that has torch loaded, or afresh with ``--parity-fresh``."""
    if request.config.option.parity_fresh:
        from parity.record.processes import start_fresh

        yield start_fresh
    else:
        from parity.record.warm.launcher import WarmLauncher

        with WarmLauncher() as launcher:
            yield launcher


@pytest.fixture(scope="session")
def parity_decisions(request: pytest.FixtureRequest) -> "Decisions":
    """What was decided before: the tolerances of a policy, its rules, and the waivers of the ledger."""
    from parity.run.decisions import decisions

    options, root = request.config.option, request.config.rootpath
    policy = None if options.parity_policy is None else Path(options.parity_policy)
    waivers = root / "reports" / "waivers.toml" if options.parity_waivers is None else Path(options.parity_waivers)
    return decisions(policy, waivers, date.today())


@pytest.fixture
def parity(
    request: pytest.FixtureRequest, parity_launcher: "Launcher", parity_decisions: "Decisions", tmp_path: Path
) -> "ParityChecker":
    """Compare two training commands: ``parity.check("python train.py", "python -m trainer", updates=20)``."""
    from parity.checker import ParityChecker, kept
    from parity.run.cache import find_cache

    keep = request.config.option.parity_keep
    # A run is found again where it writes to the same place: a temporary directory is never the same.
    found = None if keep is None or request.config.option.parity_no_cache else find_cache(os.environ)
    defaults = {"level": request.config.option.parity_level}
    for mark in reversed(list(request.node.iter_markers("parity"))):
        if mark.args:
            message = f"@pytest.mark.parity{mark.args}: takes options by keyword, such as updates=20"
            raise pytest.UsageError(message)
        defaults |= mark.kwargs
    return ParityChecker(
        tmp_path / "parity" if keep is None else kept(Path(keep), request.node.nodeid),
        defaults=defaults,
        launcher=parity_launcher,
        cache=None if found is None else found.root,
        ledger=parity_decisions.ledger,
        tolerances=parity_decisions.tolerances,
        tell=lambda line: request.node.user_properties.append((_PROPERTY, line)),
    )


@pytest.fixture
def parity_record(parity: "ParityChecker") -> "Callable[..., Run | AbstractContextManager[Run]]":
    """Record a command, or a block of the test.

    ``run = parity_record("python train.py")`` is one, ``with parity_record() as run:`` the other.
    """
    return parity.record


@pytest.fixture
def parity_compare(parity: "ParityChecker") -> "Callable[..., Outcome]":
    """Compare two commands or recorded runs and return the outcome: ``parity_compare(run, "python train.py")``."""
    return parity.compare


@pytest.fixture
def assert_parity(parity: "ParityChecker") -> Callable[..., None]:
    """Fail unless two commands or recorded runs train the same way: ``assert_parity(reference, candidate)``."""
    return parity.check
