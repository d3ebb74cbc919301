"""Reports of every genre in every format, from the command line; what they say of sources that have changed."""

import json
import os
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from parity.verbs.report import FORMATS
from tests.e2e.programs import TINY, parity, parity_process, run

pytestmark = pytest.mark.xdist_group("reports")

FILES = {
    "md": ("{stem}.md",),
    "html": ("{stem}.html",),
    "png": (),
    "json": ("{stem}.json",),
    "junit": ("junit.xml",),
    "sarif": ("parity.sarif",),
    "github": ("summary.md", "comment.md", "annotations.txt"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a script and two comparisons of it: one that differs, and one in parity."""
    place = tmp_path_factory.mktemp("reports")
    shutil.copy(TINY, place / "train.py")
    script = f"{sys.executable} train.py"
    quick = ("--noise-runs=0", "--no-rerun", "--no-zoom", "--quiet")
    done = parity("compare", script, f"{script} --lr=0.02", "--name=different", *quick, cwd=place)
    assert (done.returncode, done.stdout) == (1, b"Different: different / scratch\n")
    done = parity("compare", script, script, "--name=same", *quick, cwd=place)
    assert (done.returncode, done.stdout) == (0, b"Identical: same / scratch\n")
    return place


@pytest.mark.parametrize("genre", ["discrepancy", "features"])
def test_a_genre_in_every_format(place: Path, tmp_path: Path, genre: str) -> None:
    wanted = f"--format={','.join(FORMATS)}"
    done = parity("report", "reports/out/different", "--genre", genre, wanted, "-o", str(tmp_path), cwd=place)
    assert done.returncode == 1
    stem = "report" if genre == "discrepancy" else genre
    expected = {name.format(stem=stem) for format_ in FORMATS for name in FILES[format_]}
    assert {file.name for file in tmp_path.iterdir() if file.is_file()} == expected
    drawn = {file.suffix for file in tmp_path.glob("report-charts/*")}
    assert drawn == ({".svg", ".png"} if genre == "discrepancy" else set())
    assert (tmp_path / f"{stem}.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert json.loads((tmp_path / f"{stem}.json").read_text())["results"][0]["verdict"] == "different"
    assert json.loads((tmp_path / "parity.sarif").read_text())["runs"][0]["results"]
    assert ET.parse(tmp_path / "junit.xml").getroot().find(".//failure") is not None
    assert done.stderr.decode().startswith("::error file=train.py,line=")
    assert b"::error" not in done.stdout


def test_several_pairs_make_one_report(place: Path) -> None:
    pairs = ("reports/out/different", "reports/out/same")
    done = parity("report", *pairs, "--genre=comparison", "--quiet", cwd=place)
    assert done.returncode == 1
    assert done.stdout == b"Different: different / scratch\nIdentical: same / scratch\n"
    text = (place / "reports/out/comparison.md").read_text()
    assert text.startswith("# Comparison summary: `different`, `same`\n")
    assert "`--lr=0.02`, in place of the default" in text


def test_a_step_summary_is_appended_where_github_asks_for_it(place: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    words = [sys.executable, "-m", "parity.cli", "report", "reports/out/same", "--format=github", "--json"]
    done = run(words, cwd=place, GITHUB_STEP_SUMMARY=str(summary), PYTHONPATH=os.environ.get("PYTHONPATH", ""))
    assert done.returncode == 0
    assert json.loads(done.stdout)["verdict"] == "identical"
    assert summary.read_text().startswith("before\n# Discrepancy report:")


def test_a_template_of_the_house_shapes_every_report(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "reports/out/same", tmp_path / "same")
    house = tmp_path / "reports/templates"
    house.mkdir(parents=True)
    (house / "document.md.j2").write_text("House: {{ document.title }}\n")
    assert parity_process("report", "same", "--genre=status", cwd=tmp_path).returncode == 0
    assert (tmp_path / "same/status.md").read_text() == "House: Refactoring status: `same`\n"
    assert (tmp_path / "same/report.md").read_text().startswith("House: Discrepancy report:")


@pytest.mark.parametrize(
    ("change", "reason"), [("append", "sources have changed since they ran"), ("remove", "train.py")]
)
def test_sources_other_than_those_that_ran_prove_nothing(place: Path, tmp_path: Path, change: str, reason: str) -> None:
    shutil.copytree(place, tmp_path / "place")
    script = tmp_path / "place/train.py"
    if change == "append":
        script.write_text(script.read_text() + "\nprint()\n")
    else:
        script.unlink()
    assert parity("report", "reports/out/same", "--genre=integration", cwd=tmp_path / "place").returncode == 0
    text = (tmp_path / "place/reports/out/same/integration.md").read_text()
    assert "**Not compared:** the sources, because" in text
    assert reason in text
    assert "Features that the runs show" not in text


def test_a_run_from_elsewhere_is_about_the_same_sources(place: Path) -> None:
    """It has recorded whole paths, and the report is written from the directory that the sources are in."""
    script = f"{sys.executable} {place / 'train.py'}"
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    assert parity("compare", script, script, "--name=same", "--quiet", cwd=elsewhere).returncode == 0
    assert parity("report", "elsewhere/reports/out/same", "--genre=integration", cwd=place).returncode == 0
    text = (elsewhere / "reports/out/same/integration.md").read_text()
    assert "Features that the runs show" in text
    assert "**Not compared:** the sources" not in text


@pytest.mark.parametrize("words", [("--format=pdf",), ("--genre=novel",), ()])
def test_a_report_that_does_not_exist_is_a_usage_error(place: Path, words: tuple[str, ...]) -> None:
    pairs = ("reports/out/same",) if words else ()
    assert parity("report", *pairs, *words, cwd=place).returncode == 2
