"""Family occ on two real processes."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from parity.record.launch import Recording, record
from parity.trace.model import Trace
from parity.trace.store import read_trace
from trainers.__main__ import main
from trainers.occ.dataset import OccDataset
from trainers.occ.evaluation import evaluate_mixer
from trainers.occ.formatters import PAD, make_formatter
from trainers.occ.loaders import LoaderOptions
from trainers.occ.losses import BlockOrderInvariantLoss, LossMixer
from trainers.occ.model import build_mixer
from trainers.occ.tables import Columns, read_rows
from trainers.occ.tokenizers import HashTokenizer
from trainers.occ.update import Updater

COLUMNS = Columns(text="occ1", language="lang", targets=("code1", "code2", "code3", "code4", "code5"))
SMALL = ["--batch-size=4", "--num-epochs=2", "--max-len=32", "--device=cpu", "--seed=1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("occupations")
    assert main(["data", "occupations", "--out", str(directory)]) == 0
    return directory


def trained(place: Path, *arguments: str) -> Trace:
    argv = [sys.executable, "-m", "trainers", "occ", *arguments, *SMALL, f"--save-dir={place / 'out'}"]
    record(argv, place / "trace", Recording(world=2), streams=False)
    trace = read_trace(place / "trace")
    assert trace.exit_status == 0
    return trace


def test_both_ranks_train_one_model_and_the_main_one_evaluates_every_row_once(data: Path, tmp_path: Path) -> None:
    tables = [f"--train-data={data / 'train.csv'}", f"--val-data={data / 'val.csv'}"]
    trace = trained(tmp_path, "train-mixer", "--distributed", *tables, "--eval-interval=10", "--save-interval=10")
    first, second = trace.processes
    assert [process.updates for process in (first, second)] == [10, 10]
    for series in first.channel("parameter"):
        assert np.array_equal(series.values, second.get("parameter", series.name).values)
    batches = [process.get("batch", "0").values.tolist() for process in (first, second)]
    assert not set(batches[0]) & set(batches[1])
    # 13 rows in batches of 4, on one rank
    assert sum(first.get("eval_forwards").values.tolist()) == 4
    assert second.get("eval_forwards") is None
    assert not list(second.channel("checkpoint_file"))
    logged = list(csv.DictReader((tmp_path / "out" / "logs.csv").read_text().splitlines()))
    assert len(logged) == 1
    found = evaluated(tmp_path / "out" / "10.bin", data / "val.csv")
    assert {name: float(logged[0][name]) for name in found} == found


def evaluated(checkpoint: Path, table: Path) -> dict[str, float]:
    saved = torch.load(checkpoint)
    formatter = make_formatter("hisco", codes=list(saved["key"]), max_codes=5)
    dataset = OccDataset(
        read_rows(table, COLUMNS),
        columns=COLUMNS,
        key=saved["key"],
        tokenizer=HashTokenizer(32),
        formatter=formatter,
    )
    options = LoaderOptions(batch_size=4, workers=0, pin_memory=False, prefetch_factor=None, persistent_workers=False)
    model = build_mixer("tiny", vocabulary_size=15, classes=len(saved["key"]), dropout=0.0)
    model.load_state_dict(saved["model"])
    optimizer = torch.optim.AdamW(model.parameters())
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
    cpu = torch.device("cpu")
    return evaluate_mixer(
        model,
        options.validation(dataset),
        loss=LossMixer(
            seq2seq=BlockOrderInvariantLoss(pad=PAD, blocks=5, block_size=5),
            linear=nn.BCEWithLogitsLoss(),
            seq2seq_weight=0.5,
        ),
        blocks=5,
        block_size=5,
        device=cpu,
        autocast=Updater(model, optimizer=optimizer, scheduler=scheduler, device=cpu).autocast,
    )


def test_finetune_shares_out_whole_batches(data: Path, tmp_path: Path) -> None:
    columns = ["--target-cols", *COLUMNS.targets]
    trace = trained(tmp_path, "finetune", f"--dataset={data / 'data.csv'}", *columns)
    # 48 training rows are 24 on each rank, six batches of 4 in each of two epochs
    assert [process.updates for process in trace.processes] == [12, 12]
    shapes = {shape for process in trace.processes for shape in process.get("batch_shape", "0").values.tolist()}
    assert shapes == {"int64[4, 32]"}
    assert (tmp_path / "out" / "last.bin").exists()


def test_two_processes_that_would_train_alone_are_refused(data: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    for name, value in (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    tables = [f"--train-data={data / 'train.csv'}", f"--val-data={data / 'val.csv'}", f"--save-dir={tmp_path / 'out'}"]
    assert main(["occ", "train-mixer", *tables]) == 2
    assert "use --distributed" in capsys.readouterr().err
    assert main(["occ", "train", *tables]) == 2
    assert "train runs on one process" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
