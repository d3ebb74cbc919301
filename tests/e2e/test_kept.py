"""What is kept between sessions: approved reports, and traces of references that can no longer run."""

import io
import json
import shutil
import tarfile
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.e2e.programs import TINY, command
from tests.e2e.test_ledger import parity

pytestmark = pytest.mark.xdist_group("kept")

FAR = (date.today() + timedelta(days=400)).isoformat()
POLICY = """
[[tool.parity.pairs]]
name = "tiny"
reference = "{reference}"
candidate = "{candidate}"
{more}

[[tool.parity.pairs.scenarios]]
name = "short"
environment = {{ OMP_NUM_THREADS = "1" }}
"""


def write_policy(place: Path, *, reference: str, candidate: str, more: str = "") -> None:
    text = POLICY.format(reference=reference, candidate=candidate, more=more)
    (place / "pyproject.toml").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pair that has run, with its reference stored and its report approved."""
    place = tmp_path_factory.mktemp("kept")
    write_policy(place, reference=command(TINY), candidate=command(TINY))
    first = parity("run", "tiny", "--approved", "--save-baseline", "me", FAR, cwd=place)
    assert first.returncode == 0, first.stderr
    assert "no report of tiny is approved" in first.stdout.decode()
    assert parity("approve", "tiny", cwd=place).returncode == 0
    return place


@pytest.fixture
def place(kept: Path, tmp_path: Path) -> Path:
    shutil.copytree(kept, tmp_path / "project")
    return tmp_path / "project"


GONE = command(TINY.with_name("no_longer_there.py"))


def test_a_baseline_stands_for_a_reference_that_cannot_run(place: Path) -> None:
    write_policy(place, reference=GONE, candidate=command(TINY), more="baseline = true")
    done = parity("run", "--json", "--approved", cwd=place)
    result = json.loads(done.stdout)
    assert (done.returncode, result["verdict"]) == (0, "identical"), done.stderr
    reasons = [one["reason"] for one in result["not_compared"] if one["name"] == "reference"]
    assert any("not run: a baseline of" in reason and "by me" in reason for reason in reasons)
    changed = done.stderr.decode()
    assert "--- reports/approved/tiny/report.md" in changed
    assert "+++ reports/out/tiny/report.md" in changed


def test_a_candidate_that_differs_from_the_baseline_fails(place: Path) -> None:
    write_policy(place, reference=GONE, candidate=command(TINY, "--lr=0.02"), more="baseline = true")
    done = parity("run", "--json", cwd=place)
    result = json.loads(done.stdout)
    assert (done.returncode, result["first_divergence"]["channel"]) == (1, "lr")


def provenance(place: Path) -> Path:
    (path,) = (place / "reports/baselines/tiny").glob("*/baseline.json")
    return path


def test_its_provenance_is_told(place: Path) -> None:
    content = json.loads(provenance(place).read_text(encoding="utf-8"))
    assert set(content) == {"owner", "made", "expires", "revision", "scenarios", "environment"}
    assert (content["owner"], content["expires"]) == ("me", FAR)
    assert {"torch", "threads", "platform"} <= set(content["environment"])
    assert "tiny.py" in content["scenarios"]["short"]
    assert sorted(one.name for one in provenance(place).parent.iterdir()) == ["baseline.json", "short.tar.xz"]


def test_storing_it_twice_gives_the_same_bytes(place: Path) -> None:
    from parity.run.baselines import Provenance, save_baseline

    trace = place / "reports/out/tiny/short/reference/trace"
    told = Provenance(owner="me", made="2026-01-01", expires="2026-01-01", revision="r")
    first, second = (save_baseline(place / name, {"short": trace}, told) for name in ("a", "b"))
    assert [one.read_bytes() for one in sorted(first.iterdir())] == [
        one.read_bytes() for one in sorted(second.iterdir())
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"expires": "2020-01-01"}, "is trusted until 2020-01-01"),
        ({"environment": {"torch": "1.0"}}, "instead of 1.0"),
        ({"scenarios": {"other": "x"}}, "no baseline of scenario short; it has other"),
        (None, "there is no baseline for this machine"),
    ],
)
def test_a_baseline_that_means_nothing_here_is_refused(
    change: dict[str, object] | None, told: str, place: Path
) -> None:
    path = provenance(place)
    if change is None:
        path.parent.rename(path.parent.with_name("another-machine"))
    else:
        path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    write_policy(place, reference=GONE, candidate=command(TINY), more="baseline = true")
    done = parity("run", "--json", cwd=place)
    result = json.loads(done.stdout)
    assert (done.returncode, result["error"]["slug"]) == (3, "baseline")
    assert told in result["error"]["message"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "--save-baseline", "me", FAR], "run --save-baseline is refused in CI"),
        (["approve", "tiny"], "approve is refused in CI"),
    ],
)
def test_nothing_is_kept_in_ci(words: list[str], told: str, place: Path) -> None:
    done = parity(*words, cwd=place, CI="true")
    assert (done.returncode, told in done.stderr.decode()) == (2, True)


def test_what_was_never_made_cannot_be_kept(place: Path) -> None:
    assert parity("approve", "another", cwd=place).returncode == 3
    done = parity("run", "--save-baseline", "me", "2020-01-01", cwd=place)
    assert (done.returncode, "of no use" in done.stderr.decode()) == (2, True)


def test_a_report_that_is_as_approved_shows_no_difference(place: Path) -> None:
    from parity.run.approved import changes

    out, approved = place / "reports/out", place / "reports/approved"
    assert list(changes("tiny", out, approved)) == []
    report = out / "tiny/report.md"
    report.write_text(report.read_text(encoding="utf-8").replace("identical", "different"), encoding="utf-8")
    shown = list(changes("tiny", out, approved))
    assert any(line.startswith("-**Parity: identical") for line in shown)
    assert any(line.startswith("+**Parity: different") for line in shown)


@pytest.mark.parametrize("name", ["../outside", "/outside", "link"])
def test_an_archive_writes_nothing_beside_its_trace(name: str, tmp_path: Path) -> None:
    from parity.errors import BaselineError
    from parity.run.baselines import _unpack

    archive = tmp_path / "stored.tar.xz"
    with tarfile.open(archive, "w:xz") as made:
        member = tarfile.TarInfo(name)
        if name == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        made.addfile(member, io.BytesIO())
    with tarfile.open(archive) as stored, pytest.raises(BaselineError, match=name.strip("./")):
        _unpack(stored, tmp_path / "trace")
    assert {one.name for one in tmp_path.iterdir()} <= {"stored.tar.xz", "trace"}
