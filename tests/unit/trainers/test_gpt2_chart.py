"""The chart of an ablation, and the line that tells how far a run has come."""

import io
import re

import pytest
import torch

from trainers.__main__ import main
from trainers.common.distributed import World
from trainers.common.errors import ConfigError
from trainers.common.flags import parse_flags
from trainers.common.progress import Progress
from trainers.gpt2 import chart
from trainers.gpt2.chart import Curve, write_chart
from trainers.gpt2.config import Gpt2Config
from trainers.gpt2.vanilla import VanillaGPT2Trainer

CURVES = [
    Curve(step="V0", iterations=[0, 5, 9], losses=[4.2, 4.0, 3.9], final=3.9),
    Curve(step="V1", iterations=[0, 5, 9], losses=[4.2, 4.1, 4.0], final=4.0),
]


def test_the_chart_shows_every_step_twice_and_always_has_the_same_bytes(tmp_path):
    pytest.importorskip("matplotlib")
    write_chart(CURVES, tmp_path / "one.svg")
    write_chart(CURVES, tmp_path / "two.svg")
    text = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "two.svg").read_text(encoding="utf-8")
    # in the legend and below its bar
    assert [len(re.findall(rf">{step}<", text)) for step in ("V0", "V1", "V2")] == [2, 2, 0]
    assert "validation loss (nats per token)" in text
    write_chart(CURVES[:1], tmp_path / "other.svg")
    assert (tmp_path / "other.svg").read_text(encoding="utf-8") != text
    write_chart(CURVES, tmp_path / "one.png")
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")


def test_a_chart_that_cannot_be_drawn_is_refused_before_any_training(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(chart, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="--no-chart"):
        chart.require_matplotlib()
    flags = (
        f"--architecture unified-ra --ablation-mode --ablation-steps V0 --device cpu --output-dir {tmp_path / 'out'}"
    )
    assert main(["gpt2", *flags.split()]) == 2
    assert "pip install training-parity[plots]" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_run_shows_its_progress_on_a_terminal(tmp_path, capsys):
    assert main(["data", "char-tiny", "--out", str(tmp_path / "char-tiny")]) == 0
    flags = f"""--data-dir {tmp_path} --dataset char-tiny --output-dir {tmp_path} --device cpu --model-name gpt2-tiny
        --block-size 8 --batch-size 2 --max-iters 3 --eval-interval 9 --eval-samples 1 --log-interval 2"""
    config = parse_flags(Gpt2Config, flags.split(), program="gpt2", description="", aliases={})
    world = World(rank=0, local_rank=0, size=1, is_distributed=False)
    trainer = VanillaGPT2Trainer(config, world=world, device=torch.device("cpu"))
    terminal = Terminal()
    trainer.progress_line = Progress(start=0, total=3, stream=terminal)
    trainer.run()
    steps = re.findall(r"\[([#-]+)\] step (\d)/3, loss 4\.\d{4}", terminal.getvalue())
    assert [(bar.count("#"), len(bar), step) for bar, step in steps] == [(6, 20, "1"), (13, 20, "2"), (20, 20, "3")]
    # the line is wiped before another one is printed, and at the end
    assert terminal.getvalue().endswith("\r\033[K")
    assert "step 1/3" not in capsys.readouterr().out
