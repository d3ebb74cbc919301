"""The witness and its successor choose the same file, and put weights with any prefix into place."""

import re

import pytest
import torch

from tests.unit.trainers.both_sides import SMALL, candidate, reference
from trainers.__main__ import main


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("char-tiny")
    assert main(["data", "char-tiny", "--out", str(directory)]) == 0
    return directory


LORA = ("--attn_lora_rank=2", "--embedding_mode=lora", "--embedding_rank=2", "--lora_alpha=4.0")
SCORED = ("--curriculum_alpha=0.4", "--corpus_tokens=4000", "--dropout=0.2")


def same(one, other):
    """Whether two contents of checkpoints are equal, bit for bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def operations(*listed):
    fields = {"trigger_loss": 0.0, "max_wait_iters": 0, "reevaluate": False}
    return [{"name": name, "value": value, **fields} for name, value in listed]


HYPERPARAMETERS = operations(
    ("set_lr", 5e-3), ("set_batch_size", 3), ("set_grad_accum", 2), ("set_warmup_iters", 1), ("set_eval_iters", 2)
)
ALPHA, OFFSET = operations(("set_curriculum_alpha", 0.7), ("reset_lr_schedule", None))
GROWN = operations(("widen_mlp", 40), ("stack_layers", [0, 0]), ("set_attn_lora_rank", 2), ("set_lr", 2e-3))
UNEVEN = operations(("set_layer_lora_rank", ["attn.0", 3]), ("set_embedding_lora_rank", 2), ("freeze_layer", "ffn.0"))
RESUMED = {
    "low-rank": LORA,
    "scored": SCORED,
    "hyper-parameters": (*SCORED, f"--scaling_schedule={[*HYPERPARAMETERS, ALPHA, OFFSET]}"),
    "grown": (f"--scaling_schedule={GROWN}",),
    "uneven": (*LORA, f"--scaling_schedule={UNEVEN}"),
    "again-and-again": (f"--scaling_schedule={[{**one, 'max_wait_iters': 2} for one in HYPERPARAMETERS]}",),
}
KEPT = (
    *("model", "param_names", "optimizer", "model_args", "iter_num", "best_val_loss", "rank_states"),
    *("iter_of_last_op", "lr_schedule_offset", "scaling_schedule", "set_by_operations"),
)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("options", RESUMED.values(), ids=RESUMED)
@pytest.mark.parametrize("side", [reference, candidate])
def test_a_resumed_run_is_the_straight_one(side, options, data_dir, tmp_path, monkeypatch):
    # what is set for the resumed run would win: machine and place alone are
    machine = (f"--data_dir={data_dir}", f"--corpus_dist_dir={tmp_path}", *SMALL[:5], "--log_interval=1")
    found = {}
    for name, parts in (("straight", [8]), ("resumed", [4, 6, 8])):
        for last in parts:
            given = (*SMALL[5:], *options) if last == parts[0] else [one for one in options if "tokens" in one]
            place = f"--out_dir={tmp_path / name}", f"--scaling_schedule_file={tmp_path / 'schedule.json'}"
            if not any("scaling_schedule" in one for one in options):
                place = place[:1]
            side([*machine, *place, *given, f"--max_iters={last}"], monkeypatch)
        found[name] = torch.load(tmp_path / name / "ckpt.pt")
        (tmp_path / "schedule.json").unlink(missing_ok=True)
    for key in KEPT:
        assert same(found["straight"][key], found["resumed"][key]), key


# the witness reads its configurator from a file that it leaves to the garbage collector
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("side", [reference, candidate])
def test_damaged_files_are_passed_over_and_prefixes_dropped(side, data_dir, tmp_path, monkeypatch, capsys):
    common = (f"--data_dir={data_dir}", f"--out_dir={tmp_path}", *SMALL)
    side([*common, "--max_iters=2"], monkeypatch)
    saved = torch.load(tmp_path / "ckpt.pt")
    for number, prefix in ((9, "module._orig_mod."), (3, "")):
        weights = {prefix + name: tensor for name, tensor in saved["model"].items()}
        torch.save({**saved, "model": weights, "iter_num": number}, tmp_path / f"emergency_ckpt_iter_{number}.pt")
    (tmp_path / "emergency_ckpt_iter_10.pt").write_bytes(b"damaged")
    (tmp_path / "ckpt.pt").write_bytes((tmp_path / "ckpt.pt").read_bytes()[:1000])
    capsys.readouterr()
    # nothing moves: whatever is saved at the end is what was loaded
    side([*common, "--init_from=resume", "--max_iters=10", "--learning_rate=0.0", "--min_lr=0.0"], monkeypatch)
    printed = capsys.readouterr().out
    assert printed.count("cannot read") == 2
    assert f"resuming from {tmp_path / 'emergency_ckpt_iter_9.pt'}\n" in printed
    assert f"weights: {len(saved['model'])} loaded, 0 remapped, 0 skipped, 0 missing\n" in printed
    assert re.findall(r"^iter (\d+): loss", printed, flags=re.MULTILINE) == ["9", "10"]
    states = len(saved["optimizer"]["state"])
    assert f"Transferred optimizer state for {states} / {states} parameters (by name)\n" in printed
    last = torch.load(tmp_path / "ckpt.pt")
    assert all(torch.equal(tensor, last["model"][name]) for name, tensor in saved["model"].items())
