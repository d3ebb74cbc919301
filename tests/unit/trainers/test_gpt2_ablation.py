"""Runs with replaced parts, and several of them in a row."""

import json
import re

import pytest
import torch

from trainers.__main__ import main
from trainers.common.errors import ConfigError
from trainers.common.flags import parse_flags
from trainers.gpt2.ablation import AblationCoordinator, split_steps
from trainers.gpt2.command import INTERRUPTED
from trainers.gpt2.config import ALIASES
from trainers.gpt2.reciprocal_config import UnifiedRAConfig
from trainers.gpt2.unified_ra import UnifiedRATrainer

SMALL = "--low-size 24 --large-low-size 64 --kept-positions 4 --recent-positions 2 --latent-channels 16"
SOON = "--activation-delay 2 --calm-start 3 --calm-interval 1 --calm-window 3 --calm-threshold 1"


def parse(*arguments):
    return parse_flags(UnifiedRAConfig, arguments, program="gpt2", description="", aliases=ALIASES)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    assert main(["data", "char-tiny", "--out", str(directory / "char-tiny")]) == 0
    return directory


@pytest.fixture
def train(data_dir, tmp_path, capsys):
    """Train; returns what was printed."""

    def words(text, *, out="out"):
        fixed = f"""--architecture unified-ra --data-dir {data_dir} --dataset char-tiny --output-dir {tmp_path / out}
            --device cpu --dtype float32 --model-name gpt2-tiny --block-size 8 --batch-size 2 --gradient-accumulation 2
            --learning-rate 1e-2 --warmup-steps 2 --eval-interval 4 --eval-samples 1 --log-interval 1 --max-iters 6
            {SMALL} {SOON}"""
        return [*fixed.split(), "--no-chart", *text.split()]

    def run(text, *, status=0, out="out"):
        assert main(["gpt2", *words(text, out=out)]) == status
        captured = capsys.readouterr()
        return captured.err if status else captured.out

    run.words = words
    return run


def weights(path):
    return torch.load(path)["model_state_dict"]


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ("--ra-step V20", "ra_step is 'V20', expected one of V0, V1"),
        ("--ra-step L8", "ra_step is 'L8', expected one of V0, V1"),
        ("--ra-step C4", "S3, R0, R1, R2, R3"),
        ("--ra-step S1 --optimizer adamwprune --pruning-method state", "pruning_method is 'state' with 'sinkgd'"),
        ("--narrow-channels 0", "narrow_channels is 0"),
        ("--sinkgd-temperature 0", "sinkgd_temperature is 0"),
        ("--model-name gpt2-tiny --ra-step V13", "large_low_size is 1152, expected less than the 128"),
        ("--low-size 0", "low_size is 0"),
        ("--model-name gpt2-tiny --ra-step C1", "C1 keeps 32 channels of values, heads have 16"),
        ("--latent-channels 3", "latent_channels is 3, expected at least 4"),
        ("--ablation-mode --resume x.pt", "single step"),
        ("--optimizer adamx", "'adamx'"),
    ],
)
def test_senseless_values_are_refused(arguments, fragment):
    with pytest.raises(ConfigError) as caught:
        parse(*arguments.split())
    assert fragment in str(caught.value)


def test_defaults_differ_from_those_of_a_vanilla_run_where_the_reference_does():
    kept = parse().remembered()
    assert (kept["batch_size"], kept["ra_step"], kept["activation_delay"]) == (12, "V0", 75)
    assert (kept["low_size"], kept["large_low_size"], kept["kept_positions"]) == (64, 1152, 391)
    assert (kept["calm_start"], kept["calm_interval"], kept["calm_window"], kept["calm_threshold"]) == (
        250,
        50,
        100,
        0.02,
    )
    assert parse("--max-iters", "10000", "--optimizer", "adamwprune", "--pruning-method", "state").iterations == 10000


def test_a_run_evaluates_before_the_update_and_at_the_end(train, tmp_path):
    printed = train("--ra-step V3 --save-checkpoint --checkpoint-interval 3")
    kinds = re.findall(r"^(eval \d|iter \d|final)", printed, flags=re.MULTILINE)
    expected = ["eval 0", "iter 0", "iter 1", "iter 2", "iter 3", "eval 4", "iter 4", "eval 5", "iter 5", "final"]
    assert kinds == expected
    assert len(re.findall(r"^gate (?:attention|mlp)_w_(?:std|rec): mean ", printed, flags=re.MULTILINE)) == 4
    out = tmp_path / "out"
    names = ["best_model.pt", "checkpoint_iter_3.pt", "final_model.pt", "metrics.json"]
    assert sorted(path.name for path in out.iterdir()) == names
    saved = torch.load(out / "final_model.pt")
    assert list(saved) == ["iteration", "model_state_dict", "optimizer_state_dict", "val_loss", "config"]
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["iterations"] == [0, 4, 5]
    assert metrics["best_val_loss"] == min(metrics["val_losses"]) == torch.load(out / "best_model.pt")["val_loss"]
    assert metrics["final_val_loss"] == saved["val_loss"]
    assert metrics["gates"].keys() == {"attention_w_rec", "attention_w_std", "mlp_w_rec", "mlp_w_std"}


@pytest.mark.parametrize(("step", "iteration"), [("V12", 2), ("V14", 2), ("V16", 3), ("V0", None), ("V1", None)])
def test_sleeping_parts_wake_up_once(step, iteration, train, tmp_path):
    printed = train(f"--ra-step {step} --save-checkpoint --checkpoint-interval 1")
    assert re.findall(r"wake up at iteration (\d)", printed) == ([] if iteration is None else [str(iteration)])
    if iteration is None:
        return
    for number in (iteration - 1, iteration):
        state = torch.load(tmp_path / "out" / f"checkpoint_iter_{number}.pt")["model"]
        gates = [tensor.item() for name, tensor in state.items() if name.endswith("w_rec")]
        assert all((gate == 0) == (number < iteration) for gate in gates)


@pytest.mark.parametrize(
    ("step", "begin"), [("V12", 1), ("V12", 3), ("V14", 1), ("V17", 3), ("V6", 2), ("C2", 2), ("16", 2)]
)
def test_a_resumed_run_goes_on_as_if_nothing_had_happened(step, begin, train, tmp_path):
    options = f"--ra-step {step} --save-checkpoint --checkpoint-interval 1 --optimizer adamwspam --dropout 0.2"
    train(options)
    train(f"{options} --resume {tmp_path / 'out' / f'checkpoint_iter_{begin}.pt'}", out="again")
    assert same(weights(tmp_path / "out" / "final_model.pt"), weights(tmp_path / "again" / "final_model.pt"))
    ours, theirs = (
        {**json.loads((tmp_path / out / "metrics.json").read_text()), "total_time": 0} for out in ("out", "again")
    )
    assert ours == theirs


def test_bfloat16_is_used_on_the_cpu_too(train, tmp_path):
    train("--ra-step V1")
    train("--ra-step V1 --dtype bfloat16", out="low")
    assert not same(weights(tmp_path / "out" / "final_model.pt"), weights(tmp_path / "low" / "final_model.pt"))


def test_steps_of_an_ablation_are_as_if_alone(train, tmp_path):
    printed = train("--ablation-mode --ablation-steps V8,V9,V0", out="all")
    assert re.findall(r"^\[\d/3\] step (V\d)$", printed, flags=re.MULTILINE) == ["V8", "V9", "V0"]
    table = json.loads((tmp_path / "all" / "ablation.json").read_text())
    assert [row["step"] for row in table] == ["V8", "V9", "V0"]
    for row in table:
        train(f"--ra-step {row['step']}", out=row["step"])
        alone = tmp_path / row["step"]
        together = tmp_path / "all" / row["step"]
        assert same(weights(alone / "final_model.pt"), weights(together / "final_model.pt"))
        assert json.loads((alone / "metrics.json").read_text())["final_val_loss"] == row["final_val_loss"]
    # V8 restarts itself, V9 does not: nothing leaks from one to the next
    assert any(name.endswith("alpha") for name in weights(tmp_path / "all" / "V8" / "final_model.pt"))
    assert not any(name.endswith("alpha") for name in weights(tmp_path / "all" / "V9" / "final_model.pt"))
    assert (tmp_path / "all" / "ablation.txt").read_text().splitlines() == printed.splitlines()[-4:]
    lines = printed.splitlines()[-3:]
    assert [line.split()[0] for line in lines] == ["V8", "V9", "V0"]
    assert lines[0].split()[3] == "+0.0000"


def test_an_interrupted_ablation_goes_on(train, tmp_path):
    steps = "--ablation-mode --ablation-steps V0,V1"
    first = train(steps)
    (tmp_path / "out" / "V1" / "metrics.json").unlink()
    before = (tmp_path / "out" / "V0" / "final_model.pt").stat().st_mtime_ns
    again = train(steps)
    assert "[1/2] step V0: done before" in again
    assert "[2/2] step V1\n" in again
    assert (tmp_path / "out" / "V0" / "final_model.pt").stat().st_mtime_ns == before

    def losses(printed):
        return [line.split()[:4] for line in printed.splitlines()[-2:]]

    pytest.importorskip("matplotlib")
    drawn = train(f"{steps} --chart").splitlines()[-1]
    assert drawn == f"chart: {tmp_path / 'out' / 'ablation.svg'}"
    assert ">V1<" in (tmp_path / "out" / "ablation.svg").read_text(encoding="utf-8")

    assert losses(again) == losses(first)
    error = train(f"{steps} --learning-rate 0.5", status=2)
    assert "learning_rate was 0.01, is 0.5" in error


class Keyboard:
    """Interrupts one step in the middle of an update."""

    def __init__(self, step, iteration):
        self._moment = (step, iteration)
        self.went_on_at = None

    def interrupt(self, trainer):
        now = (trainer.config.reciprocal.ra_step, trainer.iteration)
        if self.went_on_at is None and now[0] == self._moment[0]:
            self.went_on_at = now[1]
        if now == self._moment:
            self._moment, self.went_on_at = (now[0], None), None
            raise KeyboardInterrupt


@pytest.mark.parametrize(("options", "first"), [("", 0), ("--save-checkpoint --checkpoint-interval 2", 5)])
def test_who_interrupts_an_ablation_gets_its_table_and_can_go_on(options, first, train, tmp_path, monkeypatch):
    steps = f"--ablation-mode --ablation-steps V0,V2,V6 --optimizer adamwspam {options}"
    train(steps, out="straight")
    keyboard = Keyboard("V2", 5)
    prepare = UnifiedRATrainer.prepare_gradients

    def pressed(trainer):
        keyboard.interrupt(trainer)
        prepare(trainer)

    monkeypatch.setattr(UnifiedRATrainer, "prepare_gradients", pressed)
    assert main(["gpt2", *train.words(f"{steps} --no-chart")]) == INTERRUPTED
    again = train(steps)
    assert keyboard.went_on_at == first
    assert "[1/3] step V0: done before" in again
    for step in ("V0", "V2", "V6"):
        straight, resumed = (tmp_path / out / step / "final_model.pt" for out in ("straight", "out"))
        assert same(weights(straight), weights(resumed))
    ours, theirs = (
        [{**row, "seconds": 0} for row in json.loads((tmp_path / out / "ablation.json").read_text())]
        for out in ("straight", "out")
    )
    assert ours == theirs


@pytest.mark.parametrize(
    ("text", "fragment"),
    [("V0,V99", "'V99'"), ("V0,V1,V0", "V0 is named twice"), (" , ", "empty"), ("V0,V13", "large_low_size")],
)
def test_ablations_that_cannot_work_are_refused_before_any_training(text, fragment):
    config = parse("--model-name", "gpt2-tiny")
    with pytest.raises(ConfigError) as caught:
        AblationCoordinator(config, split_steps(text))
    assert fragment in str(caught.value)
