"""Every key of family char_gpt can be overridden, one by one, on both sides: at the start, and when a run resumes."""

import ast
import dataclasses
import shutil
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import torch

from tests.unit.trainers.both_sides import SMALL, candidate, reference
from tests.unit.trainers.witness import SCRIPT
from trainers.__main__ import main
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.overriding import TRAINING_KEYS
from trainers.common.config import flatten, options_of, parse_command_line

OPTIONS = options_of(CharGptConfig)
MODEL_KEYS = (*(field.name for field in dataclasses.fields(CharGptConfig().model)), "block_size", "vocab_size")
CHOSEN = {
    "init_from": "resume",
    "analysis": "sync",
    "train_shard_filenames": ["a.bin", "b.bin"],
    "num_train_shards": 103,
    "embedding_mode": "lora",
    "n_head": 6,
    "n_embd": 384,
    "scaling_schedule": [{"name": "set_lr"}],
    "target_architecture_config": {"n_layer": 3},
    "dtype": "float32",
    **dict.fromkeys(("vocab_size", "shrunken_vocab_size", "RARE_TOKEN_ID", "n_hidden"), 40),
    **dict.fromkeys(("gpt2_dir", "data_dir", "corpus_dist_dir", "vocab_remapping_file"), "there"),
    "scaling_schedule_file": "schedule.yaml",
}
ALSO = {
    "embedding_mode": ["--embedding_rank=2"],
    "shrunken_vocab_size": ["--vocab_remapping_file=r.pt", "--RARE_TOKEN_ID=3"],
}


def chosen(key):
    """A value that a key does not have by default."""
    default = OPTIONS[key].default
    if key in CHOSEN:
        return CHOSEN[key]
    if isinstance(default, bool):
        return not default
    if isinstance(default, str):
        return f"{default}-2"
    return default + 2 if isinstance(default, int) else default / 2 or 0.5


@cache
def beginning_of_the_script():
    """The script up to the line that reads the command line."""
    body = ast.parse(SCRIPT.read_text(encoding="utf-8")).body
    last = next(number for number, node in enumerate(body) if "configurator.py" in ast.unparse(node))
    return compile(ast.Module(body=body[: last + 1], type_ignores=[]), str(SCRIPT), "exec")


def values_of_the_witness(arguments, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    namespace = {"__name__": "__main__", "__file__": str(SCRIPT)}
    exec(beginning_of_the_script(), namespace)
    return {key: namespace[key] for key in namespace["config_keys"]}


def plain(values):
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


def test_both_sides_have_the_same_keys_and_defaults(monkeypatch):
    assert values_of_the_witness([], monkeypatch) == plain(flatten(CharGptConfig()))


@pytest.mark.parametrize("key", OPTIONS)
def test_each_key_is_what_the_command_line_says(key, monkeypatch, capsys):
    arguments = [f"--{key}={chosen(key)!r}", *ALSO.get(key, [])]
    config, given = parse_command_line(CharGptConfig, arguments)
    found = plain(flatten(config))
    assert found[key] == chosen(key) != OPTIONS[key].default
    assert key in given
    assert values_of_the_witness(arguments, monkeypatch) == found


@pytest.mark.parametrize("key", OPTIONS)
def test_each_key_is_what_a_file_says(key, tmp_path, monkeypatch, capsys):
    file = tmp_path / "given.py"
    file.write_text(f"{key} = {chosen(key)!r}\n")
    arguments = [str(file), *ALSO.get(key, [])]
    found = plain(flatten(parse_command_line(CharGptConfig, arguments)[0]))
    assert values_of_the_witness(arguments, monkeypatch) == found
    assert found[key] == chosen(key)


SAVED = {
    "learning_rate": 3e-3,
    "max_iters": 2,
    "weight_decay": 0.3,
    "beta1": 0.8,
    "beta2": 0.99,
    "grad_clip": 0.5,
    "decay_lr": False,
    "warmup_iters": 3,
    "lr_decay_iters": 9,
    "min_lr": 1e-3,
    "batch_size": 3,
    "gradient_accumulation_steps": 2,
    "eval_interval": 2,
    "eval_iters": 2,
    "curriculum_alpha": 0.5,
    "n_layer": 1,
    "n_head": 2,
    "n_embd": 12,
    "block_size": 8,
    "bias": True,
    "dropout": 0.1,
    "n_hidden": 24,
    "use_rotary_embeddings": True,
    "rotary_base": 500,
    "rotary_max_position_embeddings": 16,
    "embedding_mode": "lora",
    "embedding_rank": 2,
    "attn_lora_rank": 2,
    "lora_alpha": 4.0,
    "vocab_size": 65,
}
"""A run of which nothing is the default."""

INSTEAD = {
    # the defaults of these are too large for a test, or none
    "max_iters": 3,
    "batch_size": 1,
    "gradient_accumulation_steps": 1,
    "n_layer": 2,
    "n_head": 3,
    "block_size": 4,
    "eval_interval": 1,
    "eval_iters": 1,
    "embedding_rank": 3,
}
REFUSED = {"n_embd": 24, "n_hidden": None, "vocab_size": 70}
"""What is saved does not fit."""


def instead(key):
    return INSTEAD.get(key, OPTIONS[key].default)


def spelled(values):
    return [f"--{key}={value!r}" for key, value in values.items()]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("char-tiny")
    assert main(["data", "char-tiny", "--out", str(directory)]) == 0
    return directory


@pytest.fixture(scope="module")
def place(data_dir):
    """What is said of the place in every run."""
    machine = (*SMALL[:5], "--log_interval=1", "--corpus_tokens=4000")
    return [f"--data_dir={data_dir}", f"--corpus_dist_dir={data_dir}", *machine]


@pytest.fixture(scope="module")
def saved(place, tmp_path_factory):
    """The directory of a run that has been saved at iteration 2."""
    directory = tmp_path_factory.mktemp("saved")
    assert main(["char_gpt", *place, f"--out_dir={directory}", *spelled(SAVED)]) == 0
    return directory


def resume(side, key, value, *, saved, place, tmp_path, monkeypatch):
    """Resume with one key set; returns the directory."""
    directory = tmp_path / side.__name__
    shutil.copytree(saved, directory)
    last = [] if key == "max_iters" else ["--max_iters=4"]
    side([*place, f"--out_dir={directory}", "--init_from=resume", *last, *spelled({key: value})], monkeypatch)
    return directory


def told(printed):
    """What a run says about its overrides, in any order, and its steps, but for the time that they take."""
    lines = sorted(line for line in printed.splitlines() if line.startswith(("Resume with", "weights:", "Transferred")))
    losses = [line.partition(", time ")[0] for line in printed.splitlines() if line.startswith("iter ")]
    return lines, losses


@pytest.mark.parametrize("key", [key for key in (*TRAINING_KEYS, *MODEL_KEYS) if key not in REFUSED])
def test_each_key_overrides_the_checkpoint_on_both_sides(key, saved, place, tmp_path, monkeypatch, capsys):
    value, found = instead(key), []
    assert value != SAVED[key]
    for side in (reference, candidate):
        capsys.readouterr()
        directory = resume(side, key, value, saved=saved, place=place, tmp_path=tmp_path, monkeypatch=monkeypatch)
        found.append((told(capsys.readouterr().out), torch.load(directory / "ckpt.pt")))
    (theirs, reference_kept), (ours, kept) = found
    assert ours == theirs
    (announced, *_), losses = ours
    assert f"{key}: {SAVED[key]!r} -> {value!r}" in announced
    assert len(losses) == (2 if key == "max_iters" else 3)
    assert kept["model_args"] == reference_kept["model_args"]
    assert kept["config"] | {"out_dir": ""} == reference_kept["config"] | {"out_dir": ""}
    assert (kept["model_args"] | kept["config"])[key] == value
    assert all(torch.equal(one, reference_kept["model"][name]) for name, one in kept["model"].items())


@pytest.mark.parametrize(("key", "value"), REFUSED.items())
def test_what_is_saved_has_to_fit(key, value, saved, place, tmp_path, monkeypatch, capsys):
    with pytest.raises(RuntimeError, match="size mismatch"):
        resume(reference, key, value, saved=saved, place=place, tmp_path=tmp_path, monkeypatch=monkeypatch)
    with pytest.raises(AssertionError):
        resume(candidate, key, value, saved=saved, place=place, tmp_path=tmp_path, monkeypatch=monkeypatch)
    assert "size mismatch" in capsys.readouterr().err


def test_each_key_has_a_scenario_that_overrides_it():
    policy = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    (pair,) = (one for one in policy["tool"]["parity"]["pairs"] if one["name"] == "char-gpt")
    resumed = " ".join(one["arguments"] for one in pair["scenarios"] if one["name"].startswith("override-"))
    assert {key for key in (*TRAINING_KEYS, *MODEL_KEYS) if f"--{key}=" not in resumed} == {"n_embd", "vocab_size"}
