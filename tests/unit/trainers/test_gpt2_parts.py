"""The small parts of family gpt2: options, schedule, batches, model, evaluation."""

import math
import sys
import types
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.common.errors import ConfigError, DataError
from trainers.common.flags import parse_flags
from trainers.common.tracking import Tracking, default_project, split_names
from trainers.gpt2.architecture import SIZES, build_architecture
from trainers.gpt2.batches import RandomBatches
from trainers.gpt2.config import ALIASES, Gpt2Config
from trainers.gpt2.evaluation import mean_loss, measure_latency, perplexity
from trainers.gpt2.model import GPT2
from trainers.gpt2.precision import PlainPrecision, UnscaledPrecision
from trainers.gpt2.schedule import WarmupFromZero

CPU = torch.device("cpu")
EXACT = PlainPrecision(dtype="float32", device_type="cpu")


def parse(*arguments):
    return parse_flags(Gpt2Config, arguments, program="gpt2", description="", aliases=ALIASES)


def tiny(**options):
    torch.manual_seed(0)
    return GPT2(
        build_architecture("gpt2-tiny", **{"block_size": 8, "vocab_size": 11, "dropout": 0.0, "bias": True, **options})
    )


def test_the_defaults_are_those_of_the_reference():
    kept = parse().remembered()
    expected = {
        "dataset": "shakespeare",
        "data_dir": "data",
        "batch_size": 64,
        "gradient_accumulation": 4,
        "num_epochs": 1,
        "max_iters": 10000,
        "max_time": 0.0,
        "learning_rate": 6e-4,
        "min_lr": 6e-5,
        "weight_decay": 0.1,
        "warmup_steps": 100,
        "decay_lr": True,
        "optimizer": "adamw",
        "pruning_method": "none",
        "target_sparsity": 0.5,
        "pruning_warmup": 1000,
        "pruning_frequency": 50,
        "spam_theta": 50.0,
        "spam_interval": 1000,
        "spam_warmup_steps": 100,
        "spam_enable_clip": False,
        "sinkgd_iterations": 5,
        "sinkgd_temperature": 0.1,
        "adamwprune_base_optimizer_name": "adamw",
        "adamwprune_beta1": 0.9,
        "adamwprune_beta2": 0.999,
        "adamwprune_weight_decay": 0.1,
        "adamwprune_amsgrad": "false",
        "adamwprune_variant": "bitter0",
        "eval_interval": 100,
        "eval_samples": 200,
        "log_interval": 10,
        "json_output": None,
        "device": "cuda",
        "dtype": "bfloat16",
        "compile": False,
        "output_dir": "gpt2/outputs",
        "tracker": "none",
        "tracker_project": "",
        "tracker_run_name": "",
        "block_size": 1024,
        "dropout": 0.1,
        "bias": True,
        "model_name": "gpt2",
    }
    assert kept == expected


@pytest.mark.parametrize(
    ("arguments", "key", "expected"),
    [
        ("--epochs 3", "num_epochs", 3),
        ("--no-bias", "bias", False),
        ("--compile", "compile", True),
        ("--learning-rate 1e-3", "learning_rate", 1e-3),
        ("--json-output m.json", "json_output", "m.json"),
        ("--max-time 0", "max_time", 0.0),
    ],
)
def test_flags(arguments, key, expected):
    found = parse(*arguments.split()).remembered()[key]
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ("--optimiser adamw", "--optimiser"),
        ("--batch 4", "--batch"),  # no abbreviations
        ("--batch-size many", "'many'"),
        ("--optimizer adamx", "optimizer is 'adamx', expected one of sgd"),
        ("--adamwprune-variant bitter10", "'bitter10'"),
        ("--model-name gpt3", "'gpt3'"),
        ("--batch-size 0", "batch_size is 0, expected at least 1"),
        ("--target-sparsity 1.5", "target_sparsity is 1.5, expected 0 to 1"),
        ("--learning-rate nan", "learning_rate is nan"),
        ("--tracker wandb,tensorboard", "tensorboard"),
        ("--no-decay-lr", "decay_lr is False"),
        ("--pruning-method state", "--optimizer adamwprune"),
        ("--architecture unified", "'unified'"),
    ],
)
def test_senseless_values_are_refused(arguments, fragment):
    with pytest.raises(ConfigError) as caught:
        parse(*arguments.split())
    assert fragment in str(caught.value)


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        parse("--batch-size", "0", "--optimizer", "adamx")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("variant", "max_iters", "expected"),
    [
        ("bitter0", 10000, 10000),
        ("bitter2", 10000, 12100),
        ("bitter7", 10000, 10000),
        ("bitter2", 500, 500),
        *((f"bitter{number}", 10000, 13000) for number in (3, 4, 5, 6, 8, 9)),
    ],
)
def test_some_variants_train_longer_with_the_same_ramp(variant, max_iters, expected):
    arguments = f"--optimizer adamwprune --adamwprune-variant {variant} --max-iters {max_iters}".split()
    config = parse(*arguments, "--pruning-method", "state")
    assert (config.iterations, config.remembered()["max_iters"], config.length.max_iters) == (
        expected,
        expected,
        max_iters,
    )
    assert parse(*arguments).iterations == max_iters  # without state pruning there is nothing to prune longer for


def test_what_is_in_force_depends_on_the_machine():
    asked = parse("--tracker", "wandb", "--device", "cuda:1")
    there = asked.resolved({}, has_cuda=True)
    assert (there.system.device, there.output.tracker) == ("cuda:1", "wandb")
    here = asked.resolved({"TRACKER": "none", "TRACKER_PROJECT": "p", "TRACKER_RUN_NAME": "r"}, has_cuda=False)
    assert here.system.device == "cpu"
    assert (here.output.tracker, here.output.tracker_project, here.output.tracker_run_name) == ("none", "p", "r")


@given(
    iteration=st.integers(0, 120),
    warmup=st.integers(0, 50),
    length=st.integers(0, 60),
)
def test_the_schedule_is_its_definition(iteration, warmup, length):
    end = warmup + length
    found = WarmupFromZero(peak=1.0, floor=0.1, warmup_iterations=warmup, decay_end=end)(iteration)
    if iteration < warmup:
        assert found == iteration / warmup
    elif iteration > end:
        assert found == 0.1
    elif length == 0:
        assert found == 1.0
    else:
        assert found == pytest.approx(0.1 + 0.45 * (1 + math.cos(math.pi * (iteration - warmup) / length)))


def test_batches_are_cut_where_the_global_generator_says(tmp_path):
    np.arange(500, dtype="<u2").tofile(tmp_path / "train.bin")
    batches = RandomBatches(tmp_path / "train.bin", batch_size=3, block_size=7, device=CPU)
    torch.manual_seed(5)
    inputs, targets = batches.get_batch()
    torch.manual_seed(5)
    starts = torch.randint(493, (3,))
    assert torch.equal(inputs, starts[:, None] + torch.arange(7))
    assert torch.equal(targets, inputs + 1)
    assert (inputs.dtype, inputs.is_contiguous(), targets.is_contiguous()) == (torch.int64, True, True)


def test_files_without_a_sequence_are_refused(tmp_path):
    np.arange(7, dtype="<u2").tofile(tmp_path / "train.bin")
    with pytest.raises(DataError, match="holds 7 tokens"):
        RandomBatches(tmp_path / "train.bin", batch_size=1, block_size=7, device=CPU)
    with pytest.raises(DataError, match=r"val\.bin"):
        RandomBatches(tmp_path / "val.bin", batch_size=1, block_size=7, device=CPU)


def test_no_position_sees_the_future():
    model = tiny().eval()
    ids = torch.randint(11, (1, 8))
    changed = ids.clone()
    changed[0, 5] = (changed[0, 5] + 1) % 11
    before, after = (model(one, one)[0] for one in (ids, changed))
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.equal(before[:, 5], after[:, 5])


def test_the_model():
    model = tiny()
    # 11 tokens and, per layer, 4 + 8 matrices of 32 x 32 with biases, and two norms; a norm at the end
    assert model.parameter_count() == 11 * 32 + 2 * (12 * 32 * 32 + 9 * 32 + 4 * 32) + 2 * 32
    assert model.transformer.wte.weight is model.lm_head.weight
    assert all("bias" not in name for name, _ in tiny(bias=False).named_parameters())
    logits, loss = model(torch.zeros(2, 8, dtype=torch.long))
    assert (logits.shape, loss) == ((2, 1, 11), None)
    with pytest.raises(ValueError, match="9 tokens"):
        model(torch.zeros(1, 9, dtype=torch.long))
    # what is added to the residual stream twice per layer starts smaller
    assert model.transformer.wte.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert model.transformer.h[0].mlp.c_proj.weight.std().item() == pytest.approx(0.02 / 2, rel=0.1)
    assert {name: (one.n_layer, one.n_head, one.n_embd) for name, one in SIZES.items()} == {
        "gpt2-tiny": (2, 2, 32),
        "gpt2": (12, 12, 768),
        "gpt2-medium": (24, 16, 1024),
        "gpt2-large": (36, 20, 1280),
        "gpt2-xl": (48, 25, 1600),
    }


def test_an_untrained_model_is_as_good_as_guessing():
    batch = torch.randint(11, (4, 8)), torch.randint(11, (4, 8))
    model = tiny(dropout=0.5).eval()
    loss = mean_loss(model, lambda: batch, batches=3, precision=EXACT)
    assert loss == pytest.approx(math.log(11), abs=0.2)
    assert model.training
    assert perplexity(loss) == pytest.approx(11, rel=0.2)
    assert perplexity(1000.0) == math.exp(20)


def test_latency_is_measured_or_failed():
    model = tiny()
    measured = measure_latency(model, length=8, device=CPU, precision=EXACT)
    assert 0 < measured.median <= measured.p95
    failed = measure_latency(model, length=9, device=CPU, precision=EXACT)
    assert (failed.median, failed.p95) == (-1.0, -1.0)
    assert model.training


@pytest.mark.parametrize("kind", [PlainPrecision, UnscaledPrecision])
def test_float32_is_computed_without_autocast_on_any_device(kind):
    for device in ("cpu", "cuda"):
        precision = kind(dtype="float32", device_type=device)
        assert isinstance(precision.autocast(), nullcontext)
        assert not precision.gradient_scaler().is_enabled()


def test_flash_attention_can_be_chosen_or_left_alone():
    chosen = [parse(*words).run.flash_attention for words in ([], ["--flash-attention"], ["--no-flash-attention"])]
    assert chosen == [None, True, False]


def test_trackers_are_started_told_and_finished(monkeypatch, capsys, tmp_path):
    told = []
    module = types.ModuleType("wandb")
    module.init = lambda **options: told.append(options)
    module.log = lambda values, step: told.append((values, step))
    module.finish = lambda: told.append("finished")
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.setitem(sys.modules, "trackio", None)  # as if it were not installed
    names = split_names("wandb, trackio")
    tracking = Tracking(names, project="p", run_name="r", config={"a": 1})
    tracking.log({"loss": 1.0}, step=3)
    tracking.finish()
    assert told == [{"project": "p", "name": "r", "config": {"a": 1}}, ({"loss": 1.0}, 3), "finished"]
    assert "warning: no trackio" in capsys.readouterr().out
    assert split_names("none") == split_names("") == []
    assert default_project(tmp_path).startswith(f"{tmp_path.name}-")
