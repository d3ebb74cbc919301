"""The command line, the data commands, and a training run small enough for a unit test."""

import json
import os
import pickle
import re
import signal
import sys
import types

import numpy as np
import pytest
import torch

from trainers.__main__ import MENU, main
from trainers.datasets.char_tiny import CHARACTERS, markov_chain

KEYS = [
    *("model", "optimizer", "param_names", "model_args", "iter_num", "best_val_loss", "config"),
    *("iter_of_last_op", "lr_schedule_offset", "scaler"),
    "set_by_operations",
    *("final_wandb_run_name", "scaling_schedule", "scaling_schedule_file", "rank_states"),
]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("char-tiny")
    assert main(["data", "char-tiny", "--out", str(directory)]) == 0
    return directory


@pytest.fixture
def train(data_dir, tmp_path, capsys):
    """Train a tiny model in tmp_path; returns what it printed."""

    def run(*arguments):
        status = main(
            [
                "char_gpt",
                f"--data_dir={data_dir}",
                f"--out_dir={tmp_path}",
                "--dataset=tiny",
                "--file_logging=False",
                "--device=cpu",
                "--compile=False",
                "--dtype=float32",
                "--n_layer=1",
                "--n_head=2",
                "--n_embd=8",
                "--block_size=8",
                "--batch_size=2",
                "--gradient_accumulation_steps=2",
                "--eval_interval=2",
                "--eval_iters=1",
                "--learning_rate=1e-2",
                "--min_lr=1e-3",
                "--warmup_iters=2",
                "--lr_decay_iters=4",
                *arguments,
            ]
        )
        assert status == 0
        return capsys.readouterr().out

    return run


def load(path):
    return torch.load(path, map_location="cpu")


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in MENU.commands)
    for name in ("char_gpt", "char-gpt"):
        assert main([name, "--help"]) == 0
        assert "--batch_size=12" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ([], "usage"),
        (["chargpt"], "unknown command 'chargpt'"),
        (["char_gpt", "--n_layer=x"], "n_layer is 'x'"),
        (["char_gpt", "--device=cpu", "--dataset=nowhere"], "vocab_size"),
        (["data", "shakespeare", "--from", "/nowhere.txt", "--out", "x"], "/nowhere.txt"),
    ],
)
def test_mistakes_end_in_one_line_and_status_two(arguments, fragment, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert fragment in captured.err
    if arguments:
        assert captured.err.count("\n") == 1
        assert captured.err.startswith("trainers: error: ")


def test_char_tiny_depends_on_the_seed_alone(data_dir, tmp_path):
    for seed in ("1337", "1"):
        main(["data", "char-tiny", "--out", str(tmp_path / seed), "--seed", seed])
    for name in ("train.bin", "val.bin", "meta.pkl"):
        assert (tmp_path / "1337" / name).read_bytes() == (data_dir / name).read_bytes()
    assert (tmp_path / "1" / "train.bin").read_bytes() != (data_dir / "train.bin").read_bytes()


def test_char_tiny_is_a_chain_over_sixty_five_characters(data_dir):
    train, validation = (np.fromfile(data_dir / name, dtype="<u2") for name in ("train.bin", "val.bin"))
    assert (len(train), len(validation)) == (60_000, 8_000)
    assert set(train.tolist()) == set(range(65))
    meta = pickle.loads((data_dir / "meta.pkl").read_bytes())
    assert meta["vocab_size"] == len(CHARACTERS) == len(set(CHARACTERS)) == 65
    assert [meta["stoi"][meta["itos"][number]] for number in range(65)] == list(range(65))
    # knowing the state tells much about the next one: that is what there is to learn
    pairs = np.zeros((65, 65))
    np.add.at(pairs, (train[:-1], train[1:]), 1)
    joint, single = pairs / pairs.sum(), pairs.sum(axis=1) / pairs.sum()
    conditional = -np.nansum(joint * np.log(joint / single[:, None], where=joint > 0, out=np.zeros_like(joint)))
    assert conditional < -np.sum(single * np.log(single)) - 0.5


def test_the_chain_is_pinned():
    chain = markov_chain(65, seed=7)
    assert [next(chain) for _ in range(12)] == [60, 10, 0, 20, 13, 60, 60, 36, 44, 59, 49, 45]


def test_shakespeare_is_split_nine_to_one(tmp_path):
    text = "to be, or not to be: that is the question.\n" * 10
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    assert main(["data", "shakespeare", "--from", str(tmp_path / "text.txt"), "--out", str(tmp_path / "out")]) == 0
    ids = [np.fromfile(tmp_path / "out" / name, dtype="<u2") for name in ("train.bin", "val.bin")]
    itos = pickle.loads((tmp_path / "out" / "meta.pkl").read_bytes())["itos"]
    assert "".join(itos[number] for number in np.concatenate(ids).tolist()) == text
    assert (len(ids[0]), len(ids[1])) == (len(text) * 9 // 10, len(text) // 10)
    assert list(itos.values()) == sorted(itos.values())


def published(path, tokens, *, mark=20240520):
    header = np.zeros(256, dtype="<i4")
    header[:3] = mark, 1, len(tokens)
    path.write_bytes(header.tobytes() + np.asarray(tokens, dtype="<u2").tobytes())


def test_published_shards_lose_their_headers_and_train(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("train_000002", "val_000000", "train_000001"):
        published(tmp_path / f"fineweb_{name}.bin", np.arange(len(name), 500) % 257)
    assert main(["data", "fineweb10b", "--from", ".", "--out", "data/fineweb10B"]) == 0
    written = tmp_path / "data" / "fineweb10B"
    assert sorted(one.name for one in written.iterdir()) == [
        *("fineweb_train_000001.bin", "fineweb_train_000002.bin", "meta.pkl", "val.bin")
    ]
    assert np.array_equal(np.fromfile(written / "val.bin", dtype="<u2"), np.arange(10, 500) % 257)
    assert pickle.loads((written / "meta.pkl").read_bytes()) == {"vocab_size": 50257}
    # the dataset of the default configuration, of which there are more shards
    hint = capsys.readouterr().out.strip().rpartition('"--')[2].strip('"')
    sizes = ["--n_layer=1", "--n_head=1", "--n_embd=4", "--block_size=8", "--batch_size=2", "--max_iters=0"]
    machine = ["--device=cpu", "--compile=False", "--gradient_accumulation_steps=1", "--eval_iters=1"]
    assert main(["char-gpt", f"--{hint}", *machine, *sizes]) == 0
    assert "iter 0: loss" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["missing", "another mark", "cut off"])
def test_what_is_no_published_shard_is_refused(damage, tmp_path, capsys):
    for name in ("train_000001", "val_000000"):
        published(tmp_path / f"fineweb_{name}.bin", range(20), mark=1 if damage == "another mark" else 20240520)
    shard = tmp_path / "fineweb_val_000000.bin"
    if damage == "missing":
        shard.unlink()
    if damage == "cut off":
        shard.write_bytes(shard.read_bytes()[:-1])
    assert main(["data", "fineweb10b", "--from", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_a_run_does_one_update_more_than_max_iters(train, tmp_path):
    printed = train("--max_iters=4")
    assert re.findall(r"^iter (\d+): loss", printed, flags=re.MULTILINE) == ["0", "1", "2", "3", "4"]
    # two step lines per evaluation, the first with the learning rate
    steps = re.findall(r"^step (\d+): train loss \d\.\d{4}, val loss \d\.\d{4}, (lr|tok)", printed, flags=re.MULTILINE)
    assert steps == [(step, kind) for step in ("0", "2", "4") for kind in ("lr", "tok")]
    assert "tokens per iteration will be: 32\n" in printed
    rows = (tmp_path / "mfu_stats.txt").read_text().splitlines()
    assert rows[0] == "iter,loss,lr,time_ms,mfu_percent,vram_used_gb,vram_total_gb,vram_percent"
    assert [row.split(",")[2] for row in rows[1:]] == [
        f"{rate:.6e}" for rate in (1e-2 / 3, 2e-2 / 3, 1e-2, 5.5e-3, 1e-3)
    ]


def test_the_checkpoint_holds_what_a_resume_needs(train, tmp_path):
    train("--max_iters=2")
    saved = load(tmp_path / "ckpt.pt")
    assert list(saved) == KEYS
    assert saved["iter_num"] == 2
    assert saved["best_val_loss"].shape == ()
    assert saved["config"]["batch_size"] == 2
    assert saved["model_args"]["vocab_size"] == 65
    assert list(saved["param_names"]) == [name for name in saved["model"] if name != "lm_head.weight"]
    assert {state["step"].item() for state in saved["optimizer"]["state"].values()} == {2.0}
    assert json.loads((tmp_path / "auto_resume_config.json").read_text()) == {"init_from": "resume"}


def test_nothing_is_saved_at_iteration_zero_and_eval_only_stops_there(train, tmp_path):
    printed = train("--max_iters=4", "--eval_only=True")
    assert "step 0: train loss" in printed
    assert "iter 0: loss" not in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mfu_stats.txt"]


def test_a_resume_restores_weights_optimizer_and_iteration(train, tmp_path):
    train("--max_iters=2")
    before = load(tmp_path / "ckpt.pt")
    # another seed and a learning rate of zero: whatever the model is afterwards comes from the checkpoint
    printed = train("--init_from=resume", "--max_iters=4", "--seed=1", "--learning_rate=0.0", "--min_lr=0.0")
    after = load(tmp_path / "ckpt.pt")
    assert re.findall(r"^iter (\d+): loss", printed, flags=re.MULTILINE) == ["2", "3", "4"]
    assert after["iter_num"] == 4
    assert all(torch.equal(tensor, after["model"][name]) for name, tensor in before["model"].items())
    assert {state["step"].item() for state in after["optimizer"]["state"].values()} == {4.0}


def test_a_scratch_run_in_a_marked_directory_resumes(train):
    train("--max_iters=2")
    assert "\niter 0: loss" not in train("--max_iters=3")


def test_a_resume_remembers_the_shape_and_crops(train, tmp_path):
    train("--max_iters=2", "--n_hidden=24", "--weight_decay=0.5")
    printed = train("--max_iters=4", "--block_size=4")
    saved = load(tmp_path / "ckpt.pt")
    assert (saved["model_args"]["n_hidden"], saved["model_args"]["block_size"]) == (24, 4)
    assert saved["optimizer"]["param_groups"][0]["weight_decay"] == 0.5
    assert "\nResume with hyperparameter overrides: max_iters: 2 -> 4; block_size: 8 -> 4\n" in printed
    # the table of positions is another one, and its moments begin anew
    assert "\nTransferred optimizer state for 8 / 9 parameters (by name)\n" in printed


def test_a_size_that_does_not_fit_is_refused(train, capsys):
    train("--max_iters=2")
    with pytest.raises(AssertionError):
        train("--max_iters=4", "--n_embd=16")
    assert "does not fit" in capsys.readouterr().err


def test_a_resumed_run_is_the_straight_one(train, tmp_path):
    train("--max_iters=4", "--dropout=0.5", "--dtype=float16")
    straight = load(tmp_path / "ckpt.pt")
    (tmp_path / ".auto_resume").unlink()
    train("--max_iters=2", "--dropout=0.5", "--dtype=float16")
    train("--max_iters=4", "--dtype=float16")
    resumed = load(tmp_path / "ckpt.pt")
    assert resumed["iter_num"] == straight["iter_num"] == 4
    assert all(torch.equal(one, resumed["model"][name]) for name, one in straight["model"].items())
    for index, state in straight["optimizer"]["state"].items():
        assert all(torch.equal(one, resumed["optimizer"]["state"][index][name]) for name, one in state.items())
    (ours,), (theirs,) = straight["rank_states"], resumed["rank_states"]
    assert torch.equal(ours["rng"]["torch"], theirs["rng"]["torch"])
    assert torch.equal(ours["data"]["pending"], theirs["data"]["pending"])
    assert straight["scaler"] == resumed["scaler"]
    assert straight["scaler"]["_growth_tracker"] == 4


def test_a_resumed_run_is_tracked_under_the_name_it_had(train, tmp_path, monkeypatch):
    told = []
    module = types.ModuleType("wandb")
    module.init = lambda **options: told.append(options["name"])
    module.log = lambda values, step: told.append((step, sorted(values)))
    module.finish = lambda: told.append("finished")
    monkeypatch.setitem(sys.modules, "wandb", module)
    train("--max_iters=2", "--wandb_log=True")
    name = load(tmp_path / "ckpt.pt")["final_wandb_run_name"]
    assert re.fullmatch(r"gpt2_\d{8}_\d{6}", name)
    assert f"final_wandb_run_name={name}\n" in (tmp_path / ".auto_resume").read_text()
    train("--max_iters=2", "--wandb_log=True", "--wandb_run_name=another")
    assert [one for one in told if isinstance(one, str)] == [name, "finished", name, "finished"]
    metrics = [one for one in told if isinstance(one, tuple)]
    tags = ["iter", "lr", "mfu", "train/loss", "val/loss", "vram/percent", "vram/total_gb", "vram/used_gb"]
    assert metrics[0] == (0, tags)
    assert "time/evaluation_ms" in metrics[1][1]


def test_without_always_save_only_an_improvement_is_saved(train, tmp_path):
    train("--max_iters=2")
    before = load(tmp_path / "ckpt.pt")
    worse = ("--init_from=resume", "--max_iters=4", "--learning_rate=9.0", "--min_lr=9.0", "--eval_interval=4")
    train(*worse, "--always_save_checkpoint=False")
    assert load(tmp_path / "ckpt.pt")["iter_num"] == before["iter_num"]
    train(*worse, "--always_save_checkpoint=True")
    saved = load(tmp_path / "ckpt.pt")
    assert saved["iter_num"] == 4
    assert saved["best_val_loss"] > before["best_val_loss"]  # the best is the last


def test_a_signal_leaves_an_emergency_checkpoint(train, tmp_path, monkeypatch):
    original = torch.optim.AdamW.step
    updates = []

    def step(self, *arguments, **options):
        updates.append(self)
        if len(updates) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    train("--max_iters=100")
    assert len(updates) == 2
    saved = load(tmp_path / "emergency_ckpt_iter_2.pt")
    assert list(saved) == [*KEYS, "emergency_save"]
    assert saved["emergency_save"] is True
    assert saved["iter_num"] == 2
