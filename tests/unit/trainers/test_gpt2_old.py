"""The entry points of before: they run, warn, and point to the new command."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from trainers.__main__ import main
from trainers.gpt2.old.forward import TRAIN, TRAIN_RA_MLA

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    assert main(["data", "char-tiny", "--out", str(directory / "char-tiny")]) == 0
    return directory


@pytest.mark.parametrize(
    ("entry", "old", "new"),
    [
        (TRAIN, "--lr 1 --output-dir o", "gpt2 --architecture vanilla --save-checkpoint --lr 1 --output-dir o"),
        (TRAIN_RA_MLA, "--checkpoint-dir o", "gpt2 --architecture unified-ra --save-checkpoint --output-dir o"),
        (TRAIN_RA_MLA, "--checkpoint-dir=o", "gpt2 --architecture unified-ra --save-checkpoint --output-dir=o"),
    ],
)
def test_old_options_are_translated(entry, old, new):
    assert entry.translate(old.split()) == new.split()


@pytest.mark.parametrize(
    ("entry", "directory", "options"),
    [(TRAIN, "--output-dir", ""), (TRAIN_RA_MLA, "--checkpoint-dir", "--ra-step V1")],
    ids=lambda one: getattr(one, "name", ""),
)
def test_an_old_entry_point_trains_like_the_command_it_names(entry, directory, options, data_dir, tmp_path, capsys):
    common = f"""--dataset char-tiny --data-dir {data_dir} --device cpu --dtype float32 --model-name gpt2-tiny
        --block-size 8 --batch-size 2 --max-iters 2 --eval-samples 1 {options}""".split()
    with pytest.warns(FutureWarning) as caught:
        assert entry.run([*common, directory, str(tmp_path / "old")]) == 0
    (warning,) = caught
    said, _, command = str(warning.message).partition("use python -m trainers ")
    assert said.startswith(f"{entry.name} is deprecated")
    again = [word.replace(str(tmp_path / "old"), str(tmp_path / "new")) for word in command.split()]
    assert main(again) == 0
    capsys.readouterr()
    ours, theirs = (sorted(path.name for path in (tmp_path / one).iterdir()) for one in ("old", "new"))
    assert ours == theirs
    assert "best_model.pt" in ours
    key = "model" if entry is TRAIN else "model_state_dict"
    old, new = (torch.load(tmp_path / one / "final_model.pt")[key] for one in ("old", "new"))
    assert all(torch.equal(tensor, new[name]) for name, tensor in old.items())


def test_the_warning_is_on_standard_error_and_mistakes_end_as_ever(tmp_path):
    command = [sys.executable, "-m", "trainers.gpt2.old.train_ra_mla", "--ra-step", "V99"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "FutureWarning: train_ra_mla.py is deprecated" in done.stderr
    assert "trainers: error: ra_step is 'V99'" in done.stderr
