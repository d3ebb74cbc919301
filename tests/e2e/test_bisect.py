"""The commit that changed a training is found in a real repository, which is left as it was."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from parity.run.revisions import find_repository
from tests.e2e.programs import ROOT, TINY, parity
from tests.structure import faults

pytestmark = pytest.mark.xdist_group("bisect")

SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text(encoding="utf-8"))
COMMAND = f"{sys.executable} train.py --steps=2"
FAST = ("--noise-runs=0", "--no-rerun", "--no-zoom")
OWN = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}


def git(place: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=place, env={**os.environ, **OWN}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(place: Path, subject: str, text: str) -> None:
    (place / "work" / "train.py").write_text(text, encoding="utf-8")
    git(place, "add", "work/train.py", "work/.gitignore")
    git(place, "commit", "-q", "--allow-empty", "-m", subject)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script, a commit of it that does not run, one that doubles the rate, and harmless ones around them."""
    place = tmp_path_factory.mktemp("repository")
    (place / "work").mkdir()
    (place / "work" / ".gitignore").write_text("reports\nrate.txt\n", encoding="utf-8")
    git(place, "init", "-q", "-b", "main")
    text = TINY.read_text(encoding="utf-8")
    broken = 'raise RuntimeError("half a refactor")\n' + text
    doubled = text.replace("lr=args.lr", "lr=2 * args.lr")
    assert doubled != text
    commit(place, "Begin", text)
    git(place, "tag", "start")
    for subject, content in (
        ("Comment", text + "# a comment\n"),
        ("Break", broken),
        ("Repair", text),
        ("Double the rate", doubled),
        ("Comment again", doubled + "# another\n"),
        ("More", doubled + "# more\n"),
    ):
        commit(place, subject, content)
    (place / "work" / "untracked.txt").write_text("mine", encoding="utf-8")
    return place


def standing(place: Path) -> tuple[str, str, str]:
    return git(place, "status", "--porcelain"), git(place, "worktree", "list"), git(place, "rev-parse", "HEAD")


def test_the_commit_that_changed_the_training_is_found(repository: Path) -> None:
    before = standing(repository)
    done = parity("bisect", COMMAND, "--good", "start", "--bad", "main", *FAST, "--json", cwd=repository / "work")
    assert done.returncode == 1, done.stderr.decode()
    found = json.loads(done.stdout)
    assert faults(found, SCHEMA, SCHEMA) == []
    assert found["first"]["subject"] == "Double the rate"
    assert found["first"]["id"] == git(repository, "rev-parse", "main~2")
    assert (found["result"]["first_divergence"]["channel"], found["result"]["first_divergence"]["update"]) == ("lr", 0)
    assert found["result"]["causes"]
    tried = {one["commit"]["subject"]: one["found"] for one in found["probes"]}
    assert (tried["Begin"], tried["Double the rate"], tried["More"]) == ("parity", "violated", "violated")
    assert standing(repository) == before
    talk = done.stderr.decode()
    assert "6 commits after" in talk
    assert (repository / "work/reports/out/bisect/command/report.md").is_file()


def test_what_cannot_be_run_is_skipped_and_left_open(repository: Path) -> None:
    words = ("bisect", COMMAND, "--good", "main~3", "--bad", "main~2", *FAST)
    done = parity(*words, cwd=repository / "work")
    text = done.stdout.decode()
    assert done.returncode == 1, done.stderr.decode()
    assert text.startswith("First commit that is not in parity: ")
    assert "Double the rate" in text.splitlines()[0]
    assert "first divergence" in text
    assert "git show " in text
    assert "probable cause" in text
    # Where the only commit between is the one that does not run, nobody knows which of the two it was.
    git(repository, "checkout", "-q", "-b", "unclear", "main~5")
    work = (repository / "work" / "train.py").read_text(encoding="utf-8")
    commit(repository, "Break", 'raise RuntimeError("half a refactor")\n')
    commit(repository, "Finish", work.replace("lr=args.lr", "lr=2 * args.lr"))
    git(repository, "checkout", "-q", "main")
    done = parity("bisect", COMMAND, "--good", "main~5", "--bad", "unclear", *FAST, cwd=repository / "work")
    assert done.stdout.decode().splitlines()[:3] == [
        "First commit that is not in parity: one of 2, since some of them could not be run",
        f"  {git(repository, 'rev-parse', '--short=10', 'unclear~1')} Break",
        f"  {git(repository, 'rev-parse', '--short=10', 'unclear')} Finish",
    ]


def test_revisions_that_are_equal_have_nothing_to_find(repository: Path) -> None:
    done = parity("bisect", COMMAND, "--good", "start", "--bad", "main~3", *FAST, cwd=repository / "work")
    assert (done.returncode, done.stdout.decode().startswith("In parity: ")) == (0, True), done.stderr.decode()


def test_a_fixed_reference_is_run_where_the_user_is(repository: Path) -> None:
    work = repository / "work"
    shutil.copy(TINY, work / "rate.txt")
    fixed = ("--reference", f"{sys.executable} rate.txt --steps=2")
    done = parity("bisect", COMMAND, "--good", "main~3", "--bad", "main~2", *fixed, *FAST, cwd=work)
    assert "Double the rate" in done.stdout.decode().splitlines()[0], done.stderr.decode()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((COMMAND, "--good", "nowhere", "--bad", "main"), 2, "'nowhere' is no revision"),
        ((COMMAND, "--good", "main", "--bad", "start"), 2, "does not come after"),
        (("--good", "start", "--bad", "main"), 2, "one of the two"),
        ((COMMAND, "--good", "main~4", "--bad", "main"), 4, "half a refactor"),
        ((COMMAND, "--good", "start", "--bad", "main~4", *FAST), 3, "ended with status 1"),
    ],
    ids=["unknown", "order", "nothing-to-run", "good-broken", "bad-broken"],
)
def test_what_cannot_be_searched_is_refused(words: tuple[str, ...], code: int, said: str, repository: Path) -> None:
    before = standing(repository)
    done = parity("bisect", *words, cwd=repository / "work")
    assert (done.returncode, said in done.stderr.decode()) == (code, True), done.stderr.decode()
    assert standing(repository) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_leaves_nothing_behind(number: signal.Signals, repository: Path) -> None:
    before = standing(repository)
    slow = "python -c 'import time; time.sleep(60)'"
    words = [sys.executable, "-m", "parity.cli", "bisect", slow, "--good", "start", "--bad", "main", "--fresh"]
    running = subprocess.Popen(
        words,
        cwd=repository / "work",
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while ": reference" not in running.stderr.readline():
        assert running.poll() is None
    assert standing(repository) != before
    time.sleep(0.2)
    running.send_signal(number)
    assert running.wait(60) != 0
    running.stderr.close()
    assert standing(repository) == before


def test_what_git_does_not_hold_is_shared_with_every_checkout(repository: Path, tmp_path: Path) -> None:
    before = standing(repository)
    found = find_repository(repository / "work")
    start, place = found.commit("start"), tmp_path / "checkout"

    def look() -> None:
        with found.checked_out(start, place, (Path("untracked.txt"), Path("train.py"))) as there:
            assert there == place / "work"
            assert (there / "untracked.txt").read_text(encoding="utf-8") == "mine"
            assert (there / "train.py").read_text(encoding="utf-8") == TINY.read_text(encoding="utf-8")
            assert not (there / "train.py").is_symlink(), "the revision has one of its own"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look()
    assert (place.exists(), standing(repository)) == (False, before)
