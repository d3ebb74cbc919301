"""The commands of family occ: whole runs small enough for a unit test, and what they refuse."""

import csv
import json
import sys
from pathlib import Path

import pytest
import torch

from trainers.__main__ import main
from trainers.occ.encoders import load_encoder
from trainers.occ.formatters import PAD
from trainers.occ.model import build_mixer

WITNESS = Path(__file__).parents[3] / "legacy" / "occ"
INTERVALS = ["--log-interval=4", "--eval-interval=8", "--save-interval=8"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("occupations")
    assert main(["data", "occupations", "--out", str(directory)]) == 0
    return directory


@pytest.fixture
def train_mixer(data, tmp_path, capsys):
    def run(*arguments, save_dir="out"):
        tables = [f"--train-data={data / 'train.csv'}", f"--val-data={data / 'val.csv'}"]
        small = ["--batch-size=8", "--num-epochs=4", "--max-len=32", "--device=cpu", "--learning-rate=1e-3", "--seed=1"]
        directory = tmp_path / save_dir
        status = main(["occ", "train-mixer", f"--save-dir={directory}", *tables, *small, *INTERVALS, *arguments])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return captured.out

    return run


@pytest.fixture
def finetune(data, tmp_path, capsys):
    def run(*arguments):
        columns = ["--target-cols", "code1", "code2", "code3", "code4", "code5"]
        small = ["--batch-size=16", "--num-epochs=2", "--max-len=32", "--device=cpu", "--seed=1"]
        table = f"--dataset={data / 'data.csv'}"
        status = main(["occ", "finetune", f"--save-dir={tmp_path / 'out'}", table, *columns, *small, *arguments])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return captured.out

    return run


def load(path):
    return torch.load(path, weights_only=True)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_a_run_leaves_its_files(train_mixer, tmp_path):
    printed = train_mixer("--warmup-pct=0.1")
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "16.bin",
        "20.bin",
        "8.bin",
        "args.yaml",
        "last.bin",
        "logs.csv",
    ]
    assert load(out / "last.bin")["step"] == load(out / "20.bin")["step"] == 20
    logged = rows(out / "logs.csv")
    assert [row["step"] for row in logged] == ["8", "16"]
    assert [float(row["lr"]) for row in logged] == pytest.approx([1e-3 * 12 / 18, 1e-3 * 4 / 18])
    assert "step 16: val_loss " in printed
    assert "flat_acc 0." in printed
    assert "step 4: train_loss " in printed
    options = dict(line.split(": ", 1) for line in (out / "args.yaml").read_text().splitlines())
    assert json.loads(options["warmup_pct"]) == 0.1


def test_without_a_final_save_only_the_interval_counts(train_mixer, tmp_path):
    train_mixer("--no-final-save")
    assert load(tmp_path / "out" / "last.bin")["step"] == 16
    assert not (tmp_path / "out" / "20.bin").exists()


def test_a_seed_makes_a_run_repeatable_and_a_resume_goes_on_in_whole_epochs(train_mixer, tmp_path):
    train_mixer(save_dir="one")
    train_mixer(save_dir="two")
    one, two = (load(tmp_path / name / "last.bin") for name in ("one", "two"))
    assert equal(one["model"], two["model"])
    (tmp_path / "one" / "last.bin").write_bytes((tmp_path / "one" / "8.bin").read_bytes())
    assert "resuming from" in (printed := train_mixer(save_dir="one"))
    assert "from step 8" in printed
    # five steps an epoch: 8, 13, 18, 23, the last three with a learning rate of 0
    assert load(tmp_path / "one" / "last.bin")["step"] == 23
    assert float(rows(tmp_path / "one" / "logs.csv")[-1]["step"]) == 16
    assert "from step 23" in train_mixer(save_dir="one")
    assert not (tmp_path / "one" / "25.bin").exists()


def test_a_resume_restores_weights_optimizer_and_schedule(train_mixer, tmp_path):
    train_mixer()
    before = load(tmp_path / "out" / "last.bin")
    train_mixer("--num-epochs=5", "--learning-rate=9.0", "--seed=2")
    after = load(tmp_path / "out" / "last.bin")
    assert (before["step"], after["step"]) == (20, 25)
    assert after["scheduler"]["base_lrs"] == before["scheduler"]["base_lrs"] == [1e-3]
    assert {state["step"].item() for state in after["optimizer"]["state"].values()} == {25.0}


def test_witness_and_candidate_load_each_other(train_mixer, data, tmp_path, monkeypatch, capsys):
    train_mixer("--num-epochs=2", "--save-interval=10")
    monkeypatch.syspath_prepend(str(WITNESS))
    tables = [f"--train-data={data / 'train.csv'}", f"--val-data={data / 'val.csv'}"]
    small = ["--batch-size=8", "--num-epochs=4", "--max-len=32", "--device=cpu", f"--save-dir={tmp_path / 'out'}"]
    monkeypatch.setattr(sys, "argv", ["train_mixer.py", *tables, *small])
    before = set(sys.modules)
    try:
        import train_mixer as witness

        witness.main()
    finally:
        for name in set(sys.modules) - before:
            if getattr(sys.modules[name], "__file__", None) and "legacy" in str(sys.modules[name].__file__):
                del sys.modules[name]
    assert "from step 10" in capsys.readouterr().out
    shape = {"vocabulary_size": 15, "classes": len(load(tmp_path / "out" / "last.bin")["key"]), "dropout": 0.0}
    build_mixer("tiny", **shape).load_state_dict(load(tmp_path / "out" / "last.bin")["model"])


def test_a_frozen_encoder_keeps_its_weights(train_mixer, tmp_path):
    train_mixer("--freeze-encoder")
    first, last = (load(tmp_path / "out" / name)["model"] for name in ("8.bin", "20.bin"))
    same = {name for name in first if torch.equal(first[name], last[name])}
    assert same == {name for name in first if name.startswith("encoder.")}


def test_finetune_starts_from_another_model(train_mixer, finetune, tmp_path):
    train_mixer(save_dir="first")
    checkpoint = tmp_path / "first" / "last.bin"
    printed = finetune(f"--initial-checkpoint={checkpoint}", "--only-encoder", "--freeze-encoder", "--formatter=hisco")
    assert f"starting from {checkpoint}" in printed
    first, tuned = load(checkpoint)["model"], load(tmp_path / "out" / "last.bin")["model"]
    assert all(torch.equal(tuned[name], first[name]) for name in first if name.startswith("encoder."))


def test_prepare_only_stops_before_training(finetune, tmp_path):
    finetune("--prepare-only")
    names = ["args.yaml", "data_train.csv", "data_val.csv", "key.csv"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names


def test_mixed_precision_on_the_cpu_is_bfloat16(finetune, tmp_path):
    finetune("--use-amp", "--log-interval=1")
    weights = load(tmp_path / "out" / "last.bin")["model"]
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    (tmp_path / "out" / "last.bin").unlink()
    finetune()
    assert not equal(weights, load(tmp_path / "out" / "last.bin")["model"])


def test_train_evaluates_and_saves_after_each_epoch(data, tmp_path, capsys):
    tables = [f"--train-data={data / 'train.csv'}", f"--val-data={data / 'val.csv'}", f"--save-dir={tmp_path}"]
    assert main(["occ", "train", *tables, "--batch-size=8", "--num-epochs=2", "--max-len=32", "--device=cpu"]) == 0
    assert {"5.bin", "10.bin", "last.bin"} < {path.name for path in tmp_path.iterdir()}
    assert [row["step"] for row in rows(tmp_path / "logs.csv")] == ["5", "10"]
    assert "step 10: train_loss" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--encoder=nowhere"], "encoder is 'nowhere'"),
        (["--target-cols", "code1", "code1"], "expected different columns"),
        (["--target-cols", "code9"], "no column code9"),
        (["--formatter=occ1950"], "expected at most 3; use --formatter gpf"),
        (["--initial-checkpoint=nowhere.bin"], "cannot load nowhere.bin"),
        (["--description-prob=0.5"], "there is no --description-col"),
        (["--distributed"], "start the program with torchrun"),
        (["--device=tpu9"], "device is 'tpu9'"),
        (["--batch-size=1"], "none of the 1 rows of a batch has a code"),
    ],
)
def test_mistakes_end_in_one_line(arguments, message, data, tmp_path, capsys):
    given = [f"--train-data={data / 'train.csv'}", f"--val-data={data / 'val.csv'}", f"--save-dir={tmp_path}"]
    assert main(["occ", "train-mixer", *given, "--max-len=32", "--device=cpu", "--num-epochs=1", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("option", ["--warmup-pct=2", "--batch-size=0", "--learning-rate=-1", "--warmup-steps=5"])
def test_options_out_of_range(option, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["occ", "train", "--save-dir=x", "--train-data=x", "--val-data=x", option])
    assert exit_.value.code == 2
    assert option.partition("=")[0] in capsys.readouterr().err


def test_targets_longer_than_the_decoder_are_refused(tmp_path, capsys):
    rows = "".join(f"text,{'7' * 600}\n" for _ in range(4))
    (tmp_path / "table.csv").write_text(f"occ1,code\n{rows}")
    given = [f"--dataset={tmp_path / 'table.csv'}", f"--save-dir={tmp_path / 'out'}", "--share-val=0.5"]
    assert main(["occ", "finetune", *given, "--target-cols", "code", "--device=cpu"]) == 2
    assert "602 tokens, expected at most 512" in capsys.readouterr().err


def test_another_table_is_refused_on_resume(train_mixer, data, tmp_path, capsys):
    train_mixer()
    other = [f"--train-data={data / 'val.csv'}", f"--val-data={data / 'val.csv'}", f"--save-dir={tmp_path / 'out'}"]
    assert main(["occ", "train-mixer", *other, "--batch-size=8", "--max-len=32", "--device=cpu"]) == 2
    assert "was trained on other codes" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_refused(train_mixer, data, tmp_path, capsys):
    train_mixer()
    (tmp_path / "out" / "last.bin").write_bytes(b"half")
    tables = [f"--train-data={data / 'train.csv'}", f"--val-data={data / 'val.csv'}", f"--save-dir={tmp_path / 'out'}"]
    assert main(["occ", "train-mixer", *tables, "--max-len=32", "--device=cpu"]) == 2
    assert "cannot load" in capsys.readouterr().err


def test_help_and_unknown_commands(capsys):
    assert main(["occ", "--help"]) == 0
    assert "train-mixer" in capsys.readouterr().out
    assert main(["occ", "fine-tune"]) == 2
    assert "unknown command 'fine-tune', expected one of: train, train-mixer, finetune" in capsys.readouterr().err


def test_padding_is_preferred_not_masked():
    """A quirk of the witness: with a real mask, what stands behind the codes could not change anything."""
    torch.manual_seed(0)
    model = build_mixer("tiny", vocabulary_size=15, classes=3, dropout=0.0).eval()
    given = torch.tensor([[2, 5, 6, PAD, PAD]])
    inputs = torch.ones(1, 4, dtype=torch.long)
    with torch.no_grad():
        logits, _ = model(inputs, inputs, given)
        model.embedding.weight[PAD] += 1.0
        changed, _ = model(inputs, inputs, given)
    assert torch.equal(logits[:, :3], changed[:, :3])
    assert not torch.equal(logits[:, 4], changed[:, 4])


def test_canine_is_drawn_at_random_from_a_configuration(tmp_path):
    transformers = pytest.importorskip("transformers")
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    transformers.CanineConfig(**small, num_hash_buckets=256, max_position_embeddings=256).save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path)).eval()
    ids = torch.ones(2, 128, dtype=torch.long)
    encoded = encoder(input_ids=ids, attention_mask=ids)
    assert encoded.last_hidden_state.shape == (2, 128, 16)
    assert encoded.pooler_output.shape == (2, 16)
    encoder.save_pretrained(tmp_path)
    again = load_encoder(str(tmp_path)).eval()
    assert torch.equal(again(input_ids=ids, attention_mask=ids).pooler_output, encoded.pooler_output)
