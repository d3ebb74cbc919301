"""The witness and its successor choose the same file, and put weights with any prefix into place."""

import re
import runpy
import signal
import sys
from pathlib import Path

import pytest
import torch

from trainers.__main__ import main

WITNESS = Path(__file__).parents[3] / "legacy" / "char_gpt" / "train.py"
SMALL = (
    *("--dataset=tiny", "--file_logging=False", "--device=cpu", "--compile=False", "--dtype=float32"),
    *("--n_layer=1", "--n_head=2", "--n_embd=8", "--block_size=8", "--batch_size=2"),
    *("--gradient_accumulation_steps=1", "--eval_iters=1", "--eval_interval=2"),
)


def reference(arguments, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(WITNESS), *arguments])
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        runpy.run_path(str(WITNESS), run_name="__main__")
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def candidate(arguments, _monkeypatch):
    assert main(["char_gpt", *arguments]) == 0


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


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("options", [LORA, SCORED])
@pytest.mark.parametrize("side", [reference, candidate])
def test_a_resumed_run_is_the_straight_one(side, options, data_dir, tmp_path, monkeypatch):
    found = {}
    for name, parts in (("straight", [6]), ("resumed", [4, 6])):
        common = (f"--data_dir={data_dir}", f"--out_dir={tmp_path / name}", f"--corpus_dist_dir={tmp_path}", *SMALL)
        for last in parts:
            given = options if last == parts[0] else [one for one in options if "dir" in one or "tokens" in one]
            side([*common, *given, f"--max_iters={last}"], monkeypatch)
        found[name] = torch.load(tmp_path / name / "ckpt.pt")
    for key in ("model", "param_names", "optimizer", "model_args", "iter_num", "best_val_loss", "rank_states"):
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
