"""The pytest plugin, run as a user would: in a test of their own."""

import sys

import pytest

from tests.e2e.programs import SCRIPTS, TINY

pytest_plugins = ["pytester"]

USER_TEST = """
COMMAND = "{python} {script} --steps=2"

def test_same(parity):
    ranks = "{python} {ranks}"
    parity.check(ranks, ranks, updates=1, world=2, engine="fake")
    manifest, = parity.directory.rglob("candidate/trace/manifest.json")
    assert '"engine": "fake"' in manifest.read_text()

def test_other(parity):
    parity.check(COMMAND, COMMAND + " --lr=0.02")

def test_outcome(parity):
    outcome = parity.compare(COMMAND, COMMAND + " --lr=0.02", updates=1)
    assert outcome.judgement.first_divergence.channel.name == "lr"
"""


LIGHT_TEST = """
import sys

def test_light():
    assert not {"torch", "numpy"} & set(sys.modules)
"""


def test_check_passes_fails_with_the_report_and_compare_returns_the_outcome(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    pytester.makepyfile(USER_TEST.format(python=sys.executable, script=TINY, ranks=SCRIPTS / "ddp.py"))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*not in parity*report.md*", "*Executive summary*"])


def test_the_plugin_alone_imports_neither_torch_nor_numpy(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(LIGHT_TEST)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
