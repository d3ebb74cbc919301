"""Witness and trainer of family gpt2 beside each other: metrics, trackers, the end of the time, unknown steps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainers.__main__ import main

ROOT = Path(__file__).parents[3]
WITNESS = ["legacy/gpt2/train.py"]
TRAINER = ["-m", "trainers", "gpt2"]
SMALL = (
    *("--dataset", "char-tiny", "--device", "cpu", "--dtype", "float32", "--model-name", "gpt2-tiny"),
    *("--block-size", "8", "--batch-size", "2", "--gradient-accumulation", "1", "--max-iters", "4"),
    *("--eval-interval", "2", "--eval-samples", "1", "--log-interval", "1", "--warmup-steps", "2"),
)
KEYS = {
    *("config", "model_params", "iterations", "timestamps", "learning_rates", "sparsities"),
    *("train_losses", "train_perplexities", "val_iterations", "val_losses", "val_perplexities", "best_val_loss"),
    *("final_val_loss", "final_val_perplexity", "final_sparsity", "final_iteration"),
    *("latency_512_p50_ms", "latency_512_p95_ms", "latency_1024_p50_ms", "latency_1024_p95_ms"),
    *("gpu_memory_allocated_mb", "gpu_memory_reserved_mb", "total_time", "training_mode", "max_iters", "max_time"),
}
CLOCKED = {"timestamps", "total_time", "config"}
TOLD = """
import json, os
def tell(*words):
    with open(os.environ["TOLD"], "a") as file:
        file.write(json.dumps(words, default=str) + "\\n")
init = lambda **options: tell("init", options["project"], options["name"], options["config"]["learning_rate"])
log = lambda values, step: tell("log", values, step)
finish = lambda: tell("finish")
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    assert main(["data", "char-tiny", "--out", str(directory / "char-tiny")]) == 0
    return directory


def start(program, arguments, directory, **environment):
    words = [sys.executable, *program, *arguments]
    path = os.pathsep.join([str(directory), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(words, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("limit", ["0", "1e-9"], ids=["to-the-end", "until-the-time-is-up"])
def test_both_sides_write_the_same_metrics_and_tell_trackers_the_same(limit, data_dir, tmp_path):
    (tmp_path / "wandb.py").write_text(TOLD)
    runs = []
    for side, program in (("reference", WITNESS), ("candidate", TRAINER)):
        place = tmp_path / side
        options = [*SMALL, "--data-dir", data_dir, "--output-dir", place, "--json-output", place / "metrics.json"]
        options += ["--max-time", limit, "--tracker", "wandb", "--tracker-project", "p", "--tracker-run-name", "r"]
        place.mkdir()
        runs.append((place, start(program, map(str, options), tmp_path, TOLD=str(place / "told"))))
    results = []
    for place, run in runs:
        printed, errors = run.communicate(timeout=300)
        assert run.returncode == 0, errors
        assert ("max_time of 1e-09 seconds reached at iteration 0" in printed) == (limit != "0")
        metrics = json.loads((place / "metrics.json").read_text())
        assert metrics == json.loads((place / "training_metrics.json").read_text())
        assert metrics.keys() == KEYS
        assert metrics["training_mode"] == ("iterations" if limit == "0" else "time")
        assert len(metrics["timestamps"]) == len(metrics["iterations"]) == metrics["final_iteration"]
        told = (place / "told").read_text().splitlines()
        assert json.loads(told[0]) == ["init", "p", "r", 6e-4]
        assert json.loads(told[-1]) == ["finish"]
        results.append(({key: value for key, value in metrics.items() if key not in CLOCKED}, told))
    assert results[0] == results[1]
    assert results[0][0]["final_iteration"] == (4 if limit == "0" else 0)


def test_real_trackers_work_without_a_network(data_dir, tmp_path):
    pytest.importorskip("wandb")
    pytest.importorskip("trackio")
    options = [*SMALL, "--data-dir", data_dir, "--output-dir", tmp_path / "out", "--json-output", tmp_path / "m.json"]
    options += ["--tracker", "wandb,trackio", "--tracker-project", "p", "--tracker-run-name", "r"]
    there = {"WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path), "TRACKIO_DIR": str(tmp_path / "trackio")}
    run = start(TRAINER, map(str, options), tmp_path, **there)
    printed, errors = run.communicate(timeout=300)
    assert run.returncode == 0, errors
    assert "Final validation loss" in printed
    assert len(list(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))) == 1
    assert (tmp_path / "trackio" / "p.db").is_file()


def test_both_sides_refuse_steps_that_do_not_exist(tmp_path):
    name = "L8"
    witness = start(["legacy/gpt2/train_ra_mla.py"], ["--ra-step", name], tmp_path)
    trainer = start([*TRAINER, "--architecture", "unified-ra"], ["--ra-step", name], tmp_path)
    (_, complaint), (_, answer) = (run.communicate(timeout=300) for run in (witness, trainer))
    expected = f"{name!r}, expected one of V0, V1, V2"
    assert (witness.returncode, trainer.returncode) == (1, 2)
    assert f"ValueError: unknown step {expected}" in complaint
    assert f"trainers: error: ra_step is {expected}" in answer
    # all names there are, on either side
    names = [text.rstrip().rpartition("expected one of ")[2] for text in (complaint, answer)]
    assert names[0] == names[1]
    assert names[0].endswith("S3, R0, R1, R2, R3")
