"""One row per kind of difference between two checkpoints, and per cause."""

import ast
import copy
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from parity.diagnose.checkpoints.rules import RULES, checkpoint_causes
from parity.findings.checkpoints import checkpoint_exit_code
from tests.unit.checkpoint.reading import aspects, compare

ROOT = Path(__file__).resolve().parents[3]
MOMENTS = ("exp_avg", "exp_avg_sq")


def state():
    generator = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(*shape, generator=generator)

    weight = random(6, 4)
    model = {"wte": weight, "a.weight": random(4, 4), "a.bias": random(4), "b.weight": random(4, 4), "head": weight}
    names = ["wte", "a.weight", "a.bias", "b.weight"]
    moments = {
        at: {"step": torch.tensor(5.0), "exp_avg": random(*model[name].shape), "exp_avg_sq": random(*model[name].shape)}
        for at, name in enumerate(names)
    }
    groups = [{"lr": 0.1, "betas": (0.9, 0.99), "weight_decay": 0.0, "params": [0, 1, 2, 3], "param_names": names}]
    return {
        "model": model,
        "ema": {name: value * 0.9 for name, value in model.items() if name != "head"},
        "optimizer": {"state": moments, "param_groups": groups},
        "scheduler": {"last_epoch": 5, "base_lrs": [0.1]},
        "scaler": {"scale": 65536.0, "_growth_tracker": 5},
        "rng": torch.arange(8, dtype=torch.uint8),
        "iter_num": 5,
        "best_val_loss": 1.5,
        "config": {"n_layer": 2, "bias": True},
    }


def changed(change):
    candidate = copy.deepcopy(state())
    result = change(candidate)
    return candidate if result is None else result


@pytest.fixture
def both(tmp_path):
    def write(change, reference=lambda _: None):
        torch.save(changed(reference), tmp_path / "reference.pt")
        torch.save(changed(change), tmp_path / "candidate.pt")
        return compare(tmp_path / "reference.pt", tmp_path / "candidate.pt")

    return write


def assign(*path):
    *inside, last, value = path

    def change(candidate):
        for part in inside:
            candidate = candidate[part]
        candidate[last] = value

    return change


def update(*path):
    *inside, last, function = path

    def change(candidate):
        for part in inside:
            candidate = candidate[part]
        candidate[last] = function(candidate[last])

    return change


def drop(*path):
    *inside, last = path

    def change(candidate):
        for part in inside:
            candidate = candidate[part]
        del candidate[last]

    return change


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
    """The same state under other numbers: weights before biases, in two groups."""

    def regroup(candidate):
        optimizer = candidate["optimizer"]
        (group,) = optimizer["param_groups"]
        order = [0, 1, 3, 2]
        optimizer["state"] = {new: optimizer["state"][old] for new, old in enumerate(order)}
        names = [group["param_names"][old] for old in order]
        optimizer["param_groups"] = [
            group | {"params": [0, 1, 2], "param_names": names[:3]},
            group | {"params": [3], "param_names": names[3:]},
        ]

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


def renamed(candidate):
    candidate["model"] = {f"module._orig_mod.{name}": value for name, value in candidate["model"].items()}
    group = candidate["optimizer"]["param_groups"][0]
    group["param_names"] = [f"module._orig_mod.{name}" for name in group["param_names"]]


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


def swap(candidate):
    moments = candidate["optimizer"]["state"]
    for name in MOMENTS:
        moments[1][name], moments[3][name] = moments[3][name], moments[1][name]


def zero(candidate):
    for moments in candidate["optimizer"]["state"].values():
        moments["exp_avg"].zero_()


def forget(candidate):
    for moments in candidate["optimizer"]["state"].values():
        del moments["exp_avg_sq"]


def shift(candidate):
    candidate["iter_num"] += 1
    for moments in candidate["optimizer"]["state"].values():
        moments["step"] += 1


def stale(candidate):
    for name in candidate["ema"]:
        candidate["ema"][name] = candidate["ema"][name] * 0.5


def average_is_copy(candidate):
    candidate["ema"] = {name: candidate["model"][name].clone() for name in candidate["ema"]}


def adapted(candidate):
    generator = torch.Generator().manual_seed(1)
    for letter in "AB":
        candidate["model"][f"a.lora_{letter}.weight"] = torch.randn(
            *((2, 4) if letter == "A" else (4, 2)), generator=generator
        )


def merged(candidate):
    adapted(candidate)
    first, second = (candidate["model"].pop(f"a.lora_{letter}.weight") for letter in "AB")
    candidate["model"]["a.weight"] += 0.5 * second @ first


def retitled(candidate):
    candidate["model"]["second"] = candidate["model"].pop("b.weight")


CAUSES = {
    "checkpoint-rename": retitled,
    "checkpoint-prefix": renamed,
    "checkpoint-transposed": update("model", "b.weight", lambda one: one.t().contiguous()),
    "checkpoint-permuted-rows": update("model", "b.weight", lambda one: one[[1, 0, 3, 2]]),
    "checkpoint-cast": update("model", "b.weight", torch.Tensor.bfloat16),
    "checkpoint-untied": update("model", "head", torch.clone),
    "checkpoint-moments-swapped": swap,
    "checkpoint-moments-zero": zero,
    "checkpoint-moments-missing": forget,
    "checkpoint-step-shifted": shift,
    "checkpoint-stale-ema": stale,
    "checkpoint-ema-copied": average_is_copy,
    "checkpoint-adapters-merged": (merged, adapted),
}


@pytest.mark.parametrize("name", CAUSES)
def test_cause(both, name):
    changes = CAUSES[name]
    comparison = both(*changes) if isinstance(changes, tuple) else both(changes)
    causes = checkpoint_causes(comparison)
    assert [cause.id for cause in causes] == [name]
    assert causes[0].evidence
    assert causes[0].explains


def test_a_changed_value_has_no_cause(both):
    assert checkpoint_causes(both(update("model", "b.weight", lambda one: one + 1))) == ()
    assert checkpoint_causes(both(lambda _: None)) == ()


def test_every_rule_has_a_row():
    assert len(RULES) == 10
    assert len(CAUSES) >= len(RULES)


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
