"""The schedule of operations: checked, reset by a run from scratch, honoured by a resumed one, kept up to date."""

import json
import sys

import pytest
import yaml

from tests.unit.trainers.witness import witness
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.scaling import begin_schedule, open_schedule
from trainers.char_gpt.schedule_file import read_operations, write_operations
from trainers.common.config import build_config
from trainers.common.errors import ConfigError


def operation(**fields):
    return {"name": "set_lr", "value": 1.0, "trigger_loss": 0.0, "max_wait_iters": 5, "reevaluate": False, **fields}


def begin(file, *, operations=(), saved=None, is_master=True):
    values = {"scaling_schedule_file": None if file is None else str(file), "scaling_schedule": list(operations)}
    return begin_schedule(build_config(CharGptConfig, values), saved, is_master=is_master)


def completed(operations):
    return [one["completed"] for one in operations]


def read(path):
    return json.loads(path.read_text())


def test_a_run_from_scratch_completes_nothing(tmp_path):
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps([operation(completed=True), operation()]))
    schedule = begin(path)
    assert completed(schedule.operations) == completed(read(path)) == [False, False]
    assert begin(None).operations == []


def test_what_is_completed_is_in_the_file_at_once(tmp_path):
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps([operation(desc="first"), operation(value=2.0)]))
    schedule = begin(path)
    schedule.complete(schedule.open_operations()[0])
    assert completed(read(path)) == [True, False]
    assert [one["value"] for one in schedule.open_operations()] == [2.0]
    assert [one.get("desc") for one in read(path)] == ["first", None]
    assert [entry.name for entry in tmp_path.iterdir()] == ["schedule.json"]


def test_only_the_master_writes(tmp_path):
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps([operation(completed=True)]))
    schedule = begin(path, is_master=False)
    schedule.complete(schedule.open_operations()[0])
    assert read(path) == [operation(completed=True)]
    assert begin(tmp_path / "none.json", operations=[operation()], is_master=False).operations
    assert not (tmp_path / "none.json").exists()


def test_a_file_that_is_not_there_begins_with_the_list(tmp_path):
    path = tmp_path / "deep" / "schedule.json"
    given = [operation()]
    schedule = begin(path, operations=given)
    schedule.complete(schedule.operations[0])
    assert read(path) == [operation(completed=True)]
    assert given == [operation()], "the configuration stays as it is"
    assert [one["name"] for one in begin(path, operations=[operation(), operation()]).operations] == ["set_lr"]


def test_a_mapping_stays_a_mapping(tmp_path):
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps({"title": "grow", "operations": [operation()]}))
    schedule = begin(path)
    schedule.complete(schedule.operations[0])
    assert read(path) == {"title": "grow", "operations": [operation(completed=True)]}


@pytest.mark.parametrize("file", ["schedule.json", "here/schedule.json"])
def test_a_resumed_run_honours_what_is_completed(tmp_path, monkeypatch, file):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([operation(), operation()]))
    saved = {"scaling_schedule": [operation(completed=True), operation()], "scaling_schedule_file": file}
    restored = begin(file, saved=saved).operations
    assert completed(restored) == [True, False]
    assert read(path) == restored


@pytest.mark.parametrize("file", [None, "other.json"])
def test_a_resumed_run_with_another_schedule_follows_that_one(tmp_path, monkeypatch, capsys, file):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.json").write_text("[]")
    saved = {"scaling_schedule": [operation(completed=True)], "scaling_schedule_file": "schedule.json"}
    assert begin(file, saved=saved).operations == []
    assert f"the checkpoint follows schedule.json, this run {file}" in capsys.readouterr().out


@pytest.mark.parametrize("field", ["name", "value", "trigger_loss", "max_wait_iters", "reevaluate"])
def test_a_schedule_that_lacks_a_field_is_refused(tmp_path, field):
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps([{key: value for key, value in operation().items() if key != field}]))
    with pytest.raises(ConfigError, match=f"without '{field}'"):
        open_schedule(str(path), is_master=True)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "grow"},
        {"trigger_loss": "low"},
        {"trigger_loss": float("nan")},
        {"max_wait_iters": -1},
        {"max_wait_iters": 5.0},
        {"max_wait_iters": True},
        {"reevaluate": "no"},
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(fields):
    (field,) = fields
    with pytest.raises(ConfigError, match=f"'{field}' cannot be"):
        open_schedule(None, [operation(**fields)], is_master=True)


def test_a_schedule_that_is_nowhere_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        open_schedule(str(tmp_path / "nowhere.json"), is_master=True)


@pytest.mark.parametrize("name", ["schedule.json", "schedule.yaml", "schedule.yml"])
def test_both_sides_write_and_read_the_same_file(tmp_path, name):
    given, script = [operation(value=[0, 1, 1]), operation(value=5e-4, desc="peak: lower")], witness()
    ours, theirs = tmp_path / name, tmp_path / f"their-{name}"
    write_operations(ours, given)
    script.write_scaling_schedule(str(theirs), given)
    assert ours.read_bytes() == theirs.read_bytes()
    assert read_operations(theirs) == script.read_scaling_schedule(str(ours)) == given
    assert (yaml.safe_load if ".y" in name else json.loads)(ours.read_text()) == given
    assert ours.read_text().startswith("[" if name.endswith("json") else "- name: set_lr\n")


def test_a_schedule_in_yaml_is_kept_up_to_date(tmp_path):
    path = tmp_path / "schedule.yaml"
    path.write_text("title: grow\noperations:\n  - {name: set_lr, value: 0.1, trigger_loss: 3, max_wait_iters: 5, ")
    path.write_text(path.read_text() + "reevaluate: no, completed: yes}\n")
    schedule = begin(path)
    assert completed(schedule.operations) == [False]
    schedule.complete(schedule.operations[0])
    kept = operation(value=0.1, trigger_loss=3, completed=True)
    assert yaml.safe_load(path.read_text()) == {"title": "grow", "operations": [kept]}


@pytest.mark.parametrize(
    ("name", "content", "fragment"),
    [
        ("schedule.json", "- name: set_lr", "is no JSON"),
        ("schedule.yaml", "[name: {", "is no YAML"),
        ("schedule.yaml", "set_lr", "holds no list of operations"),
        ("schedule.json", "[1]", "holds no list of operations"),
        ("schedule.json", '{"steps": []}', "holds no list of operations, nor one under 'operations'"),
    ],
)
def test_a_file_that_holds_no_schedule_is_refused_in_one_line(tmp_path, name, content, fragment):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ConfigError, match=fragment) as refused:
        open_schedule(str(path), is_master=True)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_yaml_needs_a_package_and_says_which(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigError, match="pip install pyyaml, or use JSON"):
        begin(tmp_path / "schedule.yaml", operations=[operation()])
