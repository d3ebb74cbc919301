"""Runs of ``python -m trainers gpt2`` small enough for a unit test."""

import json
import re

import pytest
import torch

from trainers.__main__ import main
from trainers.common.distributed import World
from trainers.common.flags import parse_flags
from trainers.gpt2.config import ALIASES, Gpt2Config
from trainers.gpt2.vanilla import VanillaGPT2Trainer

KEYS = ["model", "optimizer", "iter_num", "best_val_loss", "config", "args"]
ALONE = World(rank=0, local_rank=0, size=1, is_distributed=False)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    assert main(["data", "char-tiny", "--out", str(directory / "char-tiny")]) == 0
    return directory


@pytest.fixture
def flags(data_dir, tmp_path):
    fixed = {
        "data-dir": data_dir,
        "dataset": "char-tiny",
        "output-dir": tmp_path / "out",
        "device": "cpu",
        "model-name": "gpt2-tiny",
        "block-size": 8,
        "batch-size": 2,
        "gradient-accumulation": 2,
        "learning-rate": 1e-2,
        "warmup-steps": 2,
        "eval-interval": 4,
        "eval-samples": 1,
        "log-interval": 1,
        "max-iters": 6,
    }
    return [word for key, value in fixed.items() for word in (f"--{key}", str(value))]


@pytest.fixture
def train(flags, capsys):
    """Train; returns what was printed."""

    def run(text="", *, status=0):
        assert main(["gpt2", *flags, *text.split()]) == status
        captured = capsys.readouterr()
        return captured.err if status else captured.out

    return run


def files(directory):
    return sorted(path.name for path in directory.iterdir())


def test_mistakes_end_in_one_line(train):
    error = train("--optimizer adamx", status=2)
    assert error.startswith("trainers: error: optimizer is 'adamx'")
    assert error.count("\n") == 1
    assert "no tokens in" in train("--dataset nowhere", status=2)
    assert "no checkpoint nowhere.pt" in train("--resume nowhere.pt", status=2)


def test_help_lists_the_flags(capsys):
    with pytest.raises(SystemExit) as left:
        main(["gpt2", "--help"])
    assert left.value.code == 0
    assert "--gradient-accumulation" in capsys.readouterr().out


def test_a_run_prints_what_scripts_read(train, tmp_path):
    printed = train("--device cuda")
    if not torch.cuda.is_available():
        assert "CUDA is not available" in printed
    number = r"-?[\d.e+-]+"
    lines = re.findall(
        rf"^Iter ( +\d+) \| loss {number} \| ppl {number} \| lr ({number}) \| sparsity 0.0000 \| {number}ms/iter$",
        printed,
        flags=re.MULTILINE,
    )
    assert [line[0] for line in lines] == [f" {iteration:4d}"[:5] for iteration in range(6)]
    assert [line[1] for line in lines][:3] == ["0.00e+00", "5.00e-03", "1.00e-02"]
    assert len(re.findall(rf"^Validation loss: {number} \| ppl: {number}$", printed, flags=re.MULTILINE)) == 2
    assert "update: 1 process(es) x 2 micro-step(s) x 2 sequences x 8 tokens = 32 tokens, 6 updates in all" in printed
    assert "latency of 512 tokens: p50 -1.00ms, p95 -1.00ms" in printed
    assert files(tmp_path / "out") == ["final_model.pt"]


def test_the_first_log_line_is_divided_by_the_interval(train):
    losses = [float(text) for text in re.findall(r"loss (\d\.\d+) \| ppl \d+\.\d\d \| lr", train())]
    summed = [float(text) for text in re.findall(r"loss (\d\.\d+) \| ppl \d+\.\d\d \| lr", train("--log-interval 3"))]
    assert summed == pytest.approx([losses[0] / 3, sum(losses[1:4]) / 3], abs=1e-4)


def test_checkpoints_are_kept_on_request(train, tmp_path):
    train("--save-checkpoint --checkpoint-interval 2 --json-output " + str(tmp_path / "deep" / "metrics.json"))
    out = tmp_path / "out"
    assert files(out) == [
        "best_model.pt",
        "checkpoint_iter_2.pt",
        "checkpoint_iter_4.pt",
        "final_model.pt",
        "training_metrics.json",
    ]
    best, final = (torch.load(out / name) for name in ("best_model.pt", "final_model.pt"))
    assert list(best) == KEYS
    assert list(final) == [*KEYS, "val_loss"]
    assert best["config"]["n_embd"] == 32
    assert best["args"]["learning_rate"] == 1e-2
    assert "save_checkpoint" not in best["args"]
    metrics = json.loads((out / "training_metrics.json").read_text())
    assert metrics == json.loads((tmp_path / "deep" / "metrics.json").read_text())
    assert metrics["iterations"] == list(range(6))
    assert metrics["val_iterations"] == [0, 4]
    assert metrics["best_val_loss"] == min(metrics["val_losses"]) == best["best_val_loss"]
    assert metrics["final_iteration"] == 6
    assert metrics["latency_1024_p95_ms"] == -1.0
    assert {"model_params", "total_time", "training_mode", "max_time", "gpu_memory_reserved_mb"} <= metrics.keys()


STATE = "--optimizer adamwprune --pruning-method state --pruning-warmup 1 --pruning-frequency 1"


@pytest.mark.parametrize(
    "options",
    [
        "--dropout 0.2",
        f"{STATE} --adamwprune-base-optimizer-name adamwspam --spam-interval 5 --spam-enable-clip --spam-theta 1",
        "--pruning-method movement --pruning-warmup 1 --optimizer sgd",
        "--log-interval 4 --optimizer adamwspam --spam-interval 8 --spam-warmup-steps 7",
    ],
)
def test_a_resumed_run_goes_on_as_if_nothing_had_happened(options, train, tmp_path):
    options += " --max-iters 10 --save-checkpoint --checkpoint-interval 4"
    straight = train(options)
    out = tmp_path / "out"
    expected = torch.load(out / "final_model.pt")
    resumed = train(f"{options} --resume {out / 'checkpoint_iter_4.pt'}")
    found = torch.load(out / "final_model.pt")
    for name, tensor in expected["model"].items():
        assert torch.equal(found["model"][name], tensor), name
    for number, state in expected["optimizer"]["state"].items():
        for key, value in state.items():
            assert torch.equal(torch.as_tensor(found["optimizer"]["state"][number][key]), torch.as_tensor(value))
    assert found["val_loss"] == expected["val_loss"]
    assert found["best_val_loss"] == expected["best_val_loss"]

    def later_lines(printed):
        return [
            re.sub(r"\| [\d.]+ms/iter", "", line)
            for line in printed.splitlines()
            if line.startswith(("Iter     5", "Iter     8", "Iter     9", "Final", "best"))
        ]

    assert later_lines(resumed) == later_lines(straight)
    assert "Iter     4" not in resumed


def test_only_what_fits_is_resumed(train, tmp_path):
    train("--save-checkpoint --checkpoint-interval 2")
    out = tmp_path / "out"
    assert "not a run to resume" in train(f"--resume {out / 'best_model.pt'}", status=2)
    error = train(f"--resume {out / 'checkpoint_iter_2.pt'} --block-size 4", status=2)
    assert "block_size 8 there, 4 here" in error
    saved = torch.load(out / "checkpoint_iter_2.pt")
    saved["progress"]["generators"] *= 2
    torch.save(saved, out / "two.pt")
    assert "saved by 2 process(es)" in train(f"--resume {out / 'two.pt'}", status=2)


@pytest.mark.parametrize(
    "options",
    [
        *(f"--optimizer {name}" for name in ("sgd", "adam", "adamw", "adamwadv", "adamwspam", "adamwprune", "sinkgd")),
        "--pruning-method magnitude --pruning-warmup 0 --target-sparsity 0.9",
    ],
)
def test_everything_trains(options, train):
    printed = train(f"{options} --max-iters 8")
    losses = [float(text) for text in re.findall(r"^Iter.* loss (\d\.\d+)", printed, flags=re.MULTILINE)]
    assert len(losses) == 8
    assert all(loss < 4.6 for loss in losses)
    if "magnitude" in options:
        assert float(re.findall(r"sparsity (\d\.\d+)", printed)[-1]) > 0.5


def test_the_run_ends_when_its_time_is_up(flags, capsys):
    config = parse_flags(Gpt2Config, [*flags, "--max-time", "9.5"], program="gpt2", description="", aliases=ALIASES)
    now = [0.0]

    def clock():
        now[0] += 1.0
        return now[0]

    config.output_dir.mkdir(parents=True)
    torch.manual_seed(0)
    trainer = VanillaGPT2Trainer(config, world=ALONE, device=torch.device("cpu"), clock=clock)
    trainer.run()
    # two readings per iteration, one for the limit and one for the log line
    assert trainer.iteration == 5
    assert "max_time of 9.5 seconds reached at iteration 5" in capsys.readouterr().out
