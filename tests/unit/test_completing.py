import json

import pytest

from parity.verbs.completing import fingerprints, pairs

POLICY = """
[[tool.parity.pairs]]
name = "small"
reference = "python old.py"
candidate = "python small.py"
scenarios = [{ name = "quick" }]

[[tool.parity.pairs]]
name = "large"
reference = "python old.py"
candidate = "python large.py"
scenarios = [{ name = "quick" }]
"""


@pytest.mark.parametrize(("word", "names"), [("", ["small", "large"]), ("s", ["small"]), ("x", [])])
def test_pairs_of_the_policy_are_offered(word, names, tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(POLICY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert [one.value for one in pairs(None, None, word)] == names
    assert not names or pairs(None, None, word)[0].help == "python small.py"


@pytest.mark.parametrize("text", ["[tool.parity", "[tool.parity]\nlevle = 1"])
def test_a_policy_that_cannot_be_read_is_for_other_commands_to_tell(text, tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert pairs(None, None, "") == []


def test_without_results_no_fingerprint_is_offered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert fingerprints(None, None, "") == []
    (tmp_path / "reports/out/a").mkdir(parents=True)
    (tmp_path / "reports/out/a/result.json").write_text(json.dumps({"schema": 1}), encoding="utf-8")
    assert fingerprints(None, None, "") == []
