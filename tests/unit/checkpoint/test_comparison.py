"""One row per kind of difference between two checkpoints, and per cause."""

import ast
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from parity.findings.checkpoints import checkpoint_exit_code
from tests.unit.checkpoint.reading import aspects, compare
from tests.unit.checkpoint.states import assign, changed, drop, regroup, renamed, shift, state, update

ROOT = Path(__file__).resolve().parents[3]


ASPECTS = {
    "nothing": (lambda _: None, []),
    "value": (update("model", "a.bias", lambda one: one + 1), [("value", "model.a.bias")]),
    "missing": (drop("model", "a.bias"), [("missing", "model.a.bias")]),
    "extra": (assign("model", "c", torch.ones(3, 3)), [("extra", "model.c")]),
    "shape": (update("model", "a.bias", lambda one: one[:3]), [("shape", "model.a.bias")]),
    "dtype_only": (
        update("rng", lambda one: one.int()),
        [("dtype", "rng")],
    ),
    "strides": (update("model", "a.weight", lambda one: one.t().contiguous().t()), [("strides", "model.a.weight")]),
    "stride_of_one": (
        update("model", "a.bias", lambda one: torch.as_strided(one, (4,), (1,))),
        [],
    ),
    "untied": (update("model", "head", torch.clone), [("tied storages", "model.head")]),
    "best_is_tensor": (assign("best_val_loss", torch.tensor(1.5)), [("type", "best_val_loss")]),
    "best_is_scalar_of_numpy": (assign("best_val_loss", np.float64(1.5)), [("type", "best_val_loss")]),
    "best_is_text": (assign("best_val_loss", "1.5"), [("type", "best_val_loss")]),
    "int_is_float": (assign("iter_num", 5.0), [("type", "iter_num")]),
    "int_is_bool": (assign("config", "bias", 1), [("type", "config.bias")]),
    "list_is_tuple": (assign("scheduler", "base_lrs", (0.1,)), [("type", "scheduler.base_lrs")]),
    "longer_list": (assign("scheduler", "base_lrs", [0.1, 0.2]), [("value", "scheduler.base_lrs")]),
    "hyperparameter": (
        assign("optimizer", "param_groups", 0, "betas", (0.9, 0.999)),
        [("value", "optimizer.param_groups.0.betas")],
    ),
    "rng": (update("rng", lambda one: one.flip(0)), [("value", "rng")]),
    "schedule": (assign("scheduler", "last_epoch", 6), [("value", "scheduler.last_epoch")]),
}


@pytest.mark.parametrize("name", ASPECTS)
def test_aspect(both, name):
    change, expected = ASPECTS[name]
    comparison = both(change)
    assert aspects(comparison) == expected
    assert comparison.not_compared == ()
    assert checkpoint_exit_code(comparison) == bool(expected)


SAME_LOOK = {
    "negative zero": (0.0, -0.0, "value"),
    "negative zero in a list": ([1.0, 0.0], [1.0, -0.0], "value"),
    "float in a list": ([1, 2], [1, 2.0], "value"),
    "truth in a list": ([1, 2], [True, 2], "value"),
    "text": ("1", 1, "type"),
    "nothing": (None, 0, "type"),
    "bytes": (b"a", "a", "type"),
    "same NaN": (math.nan, math.nan, None),
    "other NaN": (math.nan, -math.nan, "value"),
}


@pytest.mark.parametrize("name", SAME_LOOK)
def test_values_that_look_alike(both, name):
    ours, theirs, aspect = SAME_LOOK[name]
    comparison = both(assign("x", theirs), assign("x", ours))
    assert aspects(comparison) == ([(aspect, "x")] if aspect else [])


def test_what_came_into_a_list_is_said(both):
    (one,) = both(
        assign("scheduler", "milestones", [1, 3, 5, 8]), assign("scheduler", "milestones", [3, 5, 8])
    ).differences
    assert (one.aspect.value, one.note) == ("value", "added 1")


def test_tensors_are_compared_by_their_bits(both):
    pairs = [([0.0, math.nan], [-0.0, math.nan], 1), ([math.nan], [math.nan], 0)]
    for ours, theirs, differing in pairs:
        found = both(assign("model", "x", torch.tensor(theirs)), assign("model", "x", torch.tensor(ours))).differences
        assert [one.statistics.differing for one in found] == [differing] * bool(differing)


def test_statistics(both):
    def change(candidate):
        candidate["model"]["a.weight"][1, 2] += 0.5
        candidate["model"]["a.weight"][3, 3] = math.nan

    (one,) = both(change).differences
    found = one.statistics
    assert (found.differing, found.compared, found.first) == (2, 16, (1, 2))
    assert found.absolute == pytest.approx(0.5, abs=1e-6)
    assert found.reference == state()["model"]["a.weight"][1, 2].item()
    assert found.not_finite == (0, 1)
    assert 0.9 < found.cosine < 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_one_step_is_one_ulp(both, dtype):
    def first(candidate):
        candidate["model"]["a.bias"] = torch.tensor([1.0, -1.0, 0.0]).to(dtype)

    def second(candidate):
        first(candidate)
        raw = candidate["model"]["a.bias"].view({2: torch.int16, 4: torch.int32, 8: torch.int64}[dtype.itemsize])
        raw[1] += 1

    (one,) = both(second, first).differences
    assert (one.statistics.ulp, one.statistics.first) == (1, (1,))


def test_regrouped_optimizer_is_compared_by_name(both):
    """The same state under other numbers."""
    found = aspects(both(regroup))
    assert ("parameter groups", "optimizer.param_groups") in found
    assert not [one for one in found if "state" in one[1]]

    def regroup_and_spoil(candidate):
        regroup(candidate)
        candidate["optimizer"]["state"][3]["exp_avg"][0] += 1

    found = [one for one in aspects(both(regroup_and_spoil)) if "state" in one[1]]
    assert found == [("value", "optimizer.state.2.exp_avg")]


def test_parameters_are_known_by_order_and_shape_where_no_names_are_stored(both):
    def nameless(candidate):
        del candidate["optimizer"]["param_groups"][0]["param_names"]

    ((ours, _),) = both(nameless, nameless).units[0].optimizers
    assert ours.method == "order and shape"
    assert list(ours.names.values()) == ["wte", "a.weight", "a.bias", "b.weight"]


def test_state_is_known_by_position_where_only_the_model_is_transposed(both):
    """By their shapes, two parameters would change places."""

    def nameless(candidate):
        del candidate["optimizer"]["param_groups"][0]["param_names"]
        del candidate["model"]["head"], candidate["model"]["b.weight"], candidate["model"]["a.bias"]
        candidate["model"]["wpe"] = torch.zeros(4, 6)
        for at, name in enumerate(("wte", "a.weight", "wpe")):
            candidate["optimizer"]["state"][at]["exp_avg"] = torch.full(candidate["model"][name].shape, float(at))
            candidate["optimizer"]["state"][at]["exp_avg_sq"] = torch.zeros(candidate["model"][name].shape)
        del candidate["optimizer"]["state"][3]
        candidate["optimizer"]["param_groups"][0]["params"] = [0, 1, 2]

    def transposed(candidate):
        nameless(candidate)
        for name in ("wte", "wpe"):
            candidate["model"][name] = candidate["model"][name].t().contiguous()

    comparison = both(transposed, nameless)
    assert aspects(comparison) == [("shape", "model.wte"), ("shape", "model.wpe")]
    ((_, theirs),) = comparison.units[0].optimizers
    assert (theirs.method, theirs.names) == ("position", {0: "wte", 1: "a.weight", 2: "wpe"})


def test_a_prefix_is_a_rename_and_nothing_else(both):
    comparison = both(renamed)
    assert {aspect for aspect, _ in aspects(comparison)} == {"renamed"}
    assert len(comparison.differences) == 5


def test_other_prefixes_are_found_by_voting(both):
    def change(candidate):
        candidate["weights"] = {f"blocks.{name}": value for name, value in candidate.pop("model").items()}

    comparison = both(change)
    assert comparison.units[0].prefixes == ("model -> weights.blocks",)
    assert {aspect for aspect, key in aspects(comparison) if key.startswith("model.")} == {"renamed"}


def cli(*words):
    return subprocess.run(
        [sys.executable, "-m", "parity.cli", "checkpoint", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_command_line(tmp_path):
    torch.save(state(), tmp_path / "a.pt")
    torch.save(changed(shift), tmp_path / "b.pt")
    same = cli(tmp_path / "a.pt", tmp_path / "a.pt")
    assert (same.returncode, same.stdout.splitlines()[0].split(":")[0]) == (0, "Identical"), same.stderr
    different = cli(tmp_path / "a.pt", tmp_path / "b.pt")
    assert different.returncode == 1
    assert "ahead by 1" in different.stdout
    stored = json.loads(cli(tmp_path / "a.pt", tmp_path / "b.pt", "--json").stdout)
    assert (stored["schema"], stored["verdict"], stored["exit_code"]) == (1, "different", 1)
    assert {"iter_num", "optimizer.state[0].step"} <= {one["key"] for one in stored["differences"]}
    absent = cli(tmp_path / "a.pt", tmp_path / "c.pt")
    assert (absent.returncode, "checkpoint-missing" in absent.stderr) == (3, True)
    assert cli(tmp_path / "a.pt").returncode == 2


def test_unreadable_is_not_identical_and_the_rest_is_compared(tmp_path):
    for side in "ab":
        (tmp_path / side).mkdir()
        (tmp_path / side / "good.json").write_text('{"a": 1}')
        (tmp_path / side / "bad.pt").write_bytes(b"\x80\x02garbage")
    comparison = compare(tmp_path / "a", tmp_path / "b")
    assert checkpoint_exit_code(comparison) == 3
    assert comparison.compared == 2
    (tmp_path / "b" / "good.json").write_text('{"a": 2}')
    assert checkpoint_exit_code(compare(tmp_path / "a", tmp_path / "b")) == 1


WITHOUT_TORCH = """
import sys
from parity.cli import main
try:
    main(["checkpoint", *sys.argv[1:]])
except SystemExit as end:
    print("exit", end.code)
print([name for name in ("torch", "safetensors", "pickle5", "deepdiff") if name in sys.modules])
"""


def test_without_torch(tmp_path):
    torch.save(state(), tmp_path / "a.pt")
    torch.save(changed(renamed), tmp_path / "b.pt")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(tmp_path / "a.pt"), str(tmp_path / "b.pt")],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-2:] == ["exit 1", "[]"]


def test_no_module_of_the_readers_can_run_anything():
    """Nothing here imports what could load a pickle, or calls what could run a text."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "parity" / "checkpoint").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert "len" in called
    assert "json" in imported
    assert not imported & {"pickle", "torch", "marshal", "shelve", "importlib", "runpy", "subprocess", "safetensors"}
    assert not called & {"eval", "exec", "compile", "__import__"}


def test_float8_tables():
    from parity.checkpoint.dtypes import torch_dtype

    for name in ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"):
        bits = torch.arange(256, dtype=torch.uint8)
        expected = bits.view(getattr(torch, name)).float().double().numpy()
        assert np.array_equal(torch_dtype(name).decode(bits.numpy()), expected, equal_nan=True), name
