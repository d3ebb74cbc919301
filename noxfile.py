"""Development sessions. Each installs what it needs by itself, through the pinned CPU set: run ``nox -s NAME``."""

import os
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["tests", "lint", "types", "arch", "parity"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = True

CONSTRAINTS = Path(__file__).parent / ".ci" / "constraints-cpu.txt"
SINGLE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
PROJECT = ("-e", ".[development]")
SPECIMENS = ("-e", ".[development,specimens,hub,plots,schedules]")


def install(session: nox.Session, *packages: str) -> None:
    """Install through the constraints with pip: without the pin, torch brings several gigabytes of GPU packages."""
    session.install("--constraint", str(CONSTRAINTS), *packages)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite; arguments go to pytest."""
    install(session, *SPECIMENS)
    # What a whole module looks at is made once, by the worker that runs its group.
    workers = ["-n", str(min(os.cpu_count() or 1, 8)), "--dist", "loadgroup"] if not session.posargs else []
    session.run("pytest", *workers, *session.posargs, env=SINGLE_THREAD)


@nox.session
def parity(session: nox.Session) -> None:
    """Compare every pair of the policy in its quick scenarios; ``-- --full`` runs all."""
    install(session, "-e", ".[plots,schedules,hub]")
    session.run("parity", "run", "--jobs", str(min(os.cpu_count() or 1, 8)), *session.posargs, env=SINGLE_THREAD)


@nox.session
def ddp(session: nox.Session) -> None:
    """Run everything about several ranks."""
    install(session, *SPECIMENS)
    session.run("pytest", "-k", "ddp", *session.posargs, env=SINGLE_THREAD)


@nox.session
def matrix(session: nox.Session) -> None:
    """Train every optimizer with every pruning in every architecture of family gpt2; ``-- -k V14`` chooses."""
    install(session, *PROJECT)
    workers = ["-n", str(min(os.cpu_count() or 1, 8))]
    session.run("pytest", "tests/matrix", "--matrix", "all", *workers, *session.posargs, env=SINGLE_THREAD)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the budgets as ratios, with a peer beside us; nothing here fails because it is slow."""
    install(session, "-e", ".[development,plots]", "traincheck")
    session.run("pytest", "tests/bench", "--benchmark-enable", "-s", *session.posargs, env=SINGLE_THREAD)


@nox.session
def scoreboard(session: nox.Session) -> None:
    """Run every mutant and benign variant and print what was detected, located and named."""
    install(session, "-e", ".[development,plots]")
    session.run("python", "-m", "tests.mutants.scoreboard", *session.posargs, env=SINGLE_THREAD)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    install(session, "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types strictly."""
    install(session, "-e", ".", "mypy", "pytest")
    session.run("mypy")


@nox.session
def arch(session: nox.Session) -> None:
    """Check that imports follow the direction of the data."""
    install(session, "import-linter")
    session.run("lint-imports", env={"PYTHONPATH": "."})
