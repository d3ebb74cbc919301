"""The commands of family stream: whole runs small enough for a unit test, and what they refuse."""

import json
import os
import runpy
import signal
import sys
from pathlib import Path

import pytest
import torch

from trainers.__main__ import main
from trainers.datasets.stream_texts import WORDS
from trainers.stream import book

ROOT = Path(__file__).parents[3]
WITNESS = ROOT / "legacy" / "stream" / "train_advanced.py"
SMALL = ["--vocab-size=256", "--embedding-dim=8", "--max-seq-length=16", "--seed=1", "--charts=none"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("texts")
    assert main(["data", "stream-texts", "--out", str(directory)]) == 0
    return directory / "texts.jsonl"


@pytest.fixture
def train(data, tmp_path, capsys):
    def run(mode, *arguments, out="out", dataset=data, status=0):
        words = ["stream", mode, f"--dataset={dataset}", f"--output-dir={tmp_path / out}", *SMALL, *arguments]
        found = main(words)
        captured = capsys.readouterr()
        assert found == status, captured.err
        return captured.out if status == 0 else captured.err

    return run


def files(directory):
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def checkpoint(path):
    parts = [torch.load(f"{path}{suffix}", weights_only=True) for suffix in ("", ".embeddings", ".decoder")]
    return json.dumps(parts, default=lambda one: one.tolist(), sort_keys=True)


def columns(directory, *names):
    found = json.loads((directory / "training_viz" / "metrics_history.json").read_text())
    return [found[name] for name in names]


def test_the_data_are_the_same_bytes_every_time_and_hold_what_is_useless(data, tmp_path):
    assert main(["data", "stream-texts", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "texts.jsonl").read_bytes() == data.read_bytes()
    assert len(data.read_text().splitlines()) == 80


def test_a_run_by_text_leaves_its_files(train, tmp_path):
    printed = train("sample", "--steps=12", "--checkpoint-interval=5", "--display-samples=5")
    assert [name for name in files(tmp_path / "out") if name.endswith(".bin")] == [
        "checkpoints/checkpoint_step_10.bin",
        "checkpoints/checkpoint_step_12.bin",
        "checkpoints/checkpoint_step_5.bin",
    ]
    steps, rates = columns(tmp_path / "out", "steps", "learning_rate")
    assert steps == list(range(12))
    assert rates[1] == 0.001 / 1000
    samples = json.loads((tmp_path / "out" / "training_viz" / "text_samples.json").read_text())
    assert [one["step"] for one in samples] == [0, 5, 10]
    assert "trained 12 steps in" in printed
    assert "3 too short" in printed


def test_a_run_by_chunk_leaves_its_files(train, tmp_path):
    printed = train("chunk", "--max-chunks=3", "--tokens-per-chunk=100", "--checkpoint-interval=2")
    assert [name for name in files(tmp_path / "out") if name.endswith(".bin")] == [
        "checkpoints/checkpoint_chunk_2.bin",
        "checkpoints/checkpoint_chunk_3.bin",
    ]
    chunks, tokens, losses = columns(tmp_path / "out", "chunks", "tokens_processed", "loss")
    assert chunks == [1, 2, 3]
    assert tokens == sorted(tokens)
    assert f"Total tokens: {tokens[-1]:,}" in printed
    assert f"Avg Loss: {sum(losses) / 3:.4f}" in printed


@pytest.mark.parametrize("mode", ["sample", "chunk"])
def test_a_model_of_sentencepiece_is_trained_on_as_bytes_are(train, tmp_path, mode):
    sentencepiece = pytest.importorskip("sentencepiece")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(" ".join(WORDS[start : start + 12]) for start in range(len(WORDS))),
        model_prefix=str(tmp_path / "pieces"),
        vocab_size=60,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    limit = {"sample": "--steps=12", "chunk": "--max-chunks=2"}[mode]
    pieces = ["--tokenizer", str(tmp_path / "pieces.model"), limit]
    train(mode, *pieces, "--tokens-per-chunk=100" if mode == "chunk" else "--display-samples=4", out="pieces")
    train(mode, limit, "--tokens-per-chunk=100" if mode == "chunk" else "--display-samples=4", out="bytes")
    assert files(tmp_path / "pieces") == files(tmp_path / "bytes")
    (losses,), (others,) = (columns(tmp_path / one, "loss") for one in ("pieces", "bytes"))
    assert len(losses) == len(others)
    assert losses != others


def test_what_fills_no_chunk_is_left_out_and_said_to_be(train):
    assert "texts fill no chunk and are left out" in train("chunk", "--tokens-per-chunk=800")


@pytest.mark.parametrize(
    ("mode", "whole", "half"),
    [
        ("sample", ["--steps=12"], ["--steps=7"]),
        ("chunk", ["--max-chunks=4", "--tokens-per-chunk=60"], ["--max-chunks=2", "--tokens-per-chunk=60"]),
    ],
)
def test_a_resumed_run_ends_where_a_straight_one_does(train, tmp_path, mode, whole, half):
    train(mode, *whole, out="straight")
    train(mode, *half, out="parts")
    assert "resuming from" in train(mode, *whole, "--resume", out="parts")
    names = [name for name in files(tmp_path / "straight") if name.endswith(".bin")]
    assert names
    for name in names:
        assert checkpoint(tmp_path / "parts" / name) == checkpoint(tmp_path / "straight" / name)
    for column in ("loss", "accuracy"):
        assert columns(tmp_path / "parts", column) == columns(tmp_path / "straight", column)


def test_nothing_is_left_to_do_for_a_run_that_is_resumed_at_its_end(train):
    train("sample", "--steps=4")
    assert "trained 0 steps" in train("sample", "--steps=4", "--resume")


@pytest.mark.parametrize("output", ["generated", "targets"])
@pytest.mark.parametrize("interval", ["1", "100"])
def test_samples_do_not_change_the_training(train, tmp_path, output, interval):
    train("sample", "--steps=8", "--display-samples=100", out="seldom")
    train("sample", "--steps=8", f"--sample-output={output}", f"--display-samples={interval}", out="often")
    name = "checkpoints/checkpoint_step_8.bin"
    assert checkpoint(tmp_path / "often" / name) == checkpoint(tmp_path / "seldom" / name)


def test_a_signal_ends_the_run_behind_the_step_and_saves(train, tmp_path, monkeypatch):
    from trainers.stream import by_step

    class Signalling(by_step.Progress):
        def __init__(self, **values):
            super().__init__(**values)
            if self.count == 3:
                os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(by_step, "Progress", Signalling)
    assert "stopped by a signal after step 3; --resume" in train("sample", "--steps=50", "--no-final-save")
    monkeypatch.undo()
    assert "step_3.bin, 3 steps done" in train("sample", "--steps=5", "--resume")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_stalled_source_ends_the_run_with_a_message_and_a_checkpoint(train, tmp_path):
    """A pipe that somebody keeps open is a source that stalls."""
    pipe = tmp_path / "stalled.jsonl"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR)
    os.write(held, b'{"text": "a text that is long enough"}\n' * 3)
    text = train("sample", "--stall-timeout=1", dataset=pipe, status=2)
    os.close(held)
    assert "stalled.jsonl gave nothing for 1 seconds" in text
    assert "checkpoints/checkpoint_step_3.bin" in files(tmp_path / "out")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vocab-size=100"], "vocab-size is 100, but the tokenizer has 256 tokens"),
        (["--tokenizer=nowhere.model"], "cannot load nowhere.model"),
        (["--dataset=nowhere"], "no texts in nowhere"),
        (["--resume"], "leave out --resume"),
    ],
)
def test_bad_input_is_refused_in_one_line(train, arguments, message):
    text = train("sample", *arguments, status=2)
    assert message in text
    assert text.count("\n") == 1


@pytest.mark.parametrize("option", ["--steps=0", "--stall-timeout=0", "--temperature=-1", "--viz=5", "--loss=odd"])
def test_options_that_make_no_sense_are_refused(train, option):
    with pytest.raises(SystemExit) as ending:
        train("sample", option)
    assert ending.value.code == 2


def test_a_stream_of_nothing_is_an_error(train, tmp_path):
    path = tmp_path / "empty.jsonl"
    path.write_text('{"text": ""}\n' * 5)
    text = train("sample", dataset=path, status=2)
    assert "nothing to train on: end of the data; skipped 5 too short" in text
    path.write_text('{"text": ""}\n' * 50)
    assert "21 examples in a row" in train("sample", "--skip-limit=20", dataset=path, status=2)


def test_a_short_run_is_short_unless_told_otherwise():
    from trainers.stream.arguments import parse_chunk, parse_sample

    assert (parse_sample(["--test"]).steps, parse_sample(["--test"]).max_seq_length) == (100, 128)
    assert parse_sample(["--test", "--steps=7"]).steps == 7
    assert (parse_chunk(["--test"]).max_chunks, parse_chunk(["--test"]).tokens_per_chunk) == (5, 1024)
    assert (parse_sample([]).steps, parse_chunk([]).max_chunks) == (10000, None)


@pytest.mark.parametrize(
    ("package", "option", "extra"),
    [("sentencepiece", "--tokenizer=some.model", "text"), ("datasets", "--dataset=hub:some/where", "hub")],
)
def test_missing_packages_are_named_with_their_extra(train, monkeypatch, package, option, extra):
    monkeypatch.setitem(sys.modules, package, None)
    assert f"install the extra '{extra}'" in train("sample", option, status=2)


def test_charts_need_matplotlib_and_say_so_before_the_training(train, tmp_path, monkeypatch):
    monkeypatch.setattr(book, "find_spec", lambda _: None)
    assert "install the extra 'plots', or use --charts none" in train("sample", "--charts=inline", status=2)
    assert not (tmp_path / "out").exists()


# -- the witness, where the trainer does otherwise by design -----------------------------------------------------------


@pytest.fixture
def witness(tmp_path, monkeypatch):
    def run(*arguments):
        small = ["--tokenizer=bytes", "--vocab-size=256", "--embedding-dim=8"]
        monkeypatch.setattr(sys, "argv", [str(WITNESS), *small, *arguments])
        monkeypatch.chdir(tmp_path)
        runpy.run_path(str(WITNESS), run_name="__main__")

    return run


def test_the_witness_goes_on_to_a_message_where_packages_are_missing(witness, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    witness()
    assert capsys.readouterr().out.startswith("missing: ")


# It never closes its file.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_witness_fails_behind_an_empty_stream(witness, tmp_path):
    (tmp_path / "texts.jsonl").write_text('{"text": ""}\n')
    with pytest.raises(IndexError):
        witness("--dataset=texts.jsonl")
