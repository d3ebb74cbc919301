"""A recorded program does what the unrecorded one does: same bits, same output, same end."""

import signal
import sys
from pathlib import Path

import pytest
import torch

from tests.e2e.programs import ROOT, SCRIPTS, TINY, parity, parity_process, run


def tensors(value: object, prefix: str = "") -> dict[str, torch.Tensor]:
    """All tensors of a checkpoint by dotted key."""
    if isinstance(value, torch.Tensor):
        return {prefix: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    return {key: tensor for name, item in items for key, tensor in tensors(item, f"{prefix}.{name}").items()}


def recorded(tmp_path: Path, words: list[str]) -> tuple[int, bytes, bytes]:
    done = parity_process("record", "-o", str(tmp_path / "trace"), "--", *words, cwd=tmp_path)
    talk, _, _ = done.stderr.partition(b"parity: recorded in")
    return done.returncode, done.stdout, talk


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--raise-at=3"],
        ["--exit-at=2", "--exit-status=7"],
        ["--lr=not-a-number"],
        ["--random-data=numpy", "--steps=0"],
    ],
    ids=["success", "exception", "exit", "usage", "nothing"],
)
def test_streams_and_status_are_those_of_the_bare_program(arguments: list[str], tmp_path: Path) -> None:
    words = [sys.executable, str(TINY), *arguments]
    bare = run(words, cwd=tmp_path)
    assert recorded(tmp_path, words) == (bare.returncode, bare.stdout, bare.stderr)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_signals_end_the_program_as_they_do_without_recording(name: str, tmp_path: Path) -> None:
    words = [sys.executable, str(TINY), "--kill-at=3", f"--signal={name}"]
    bare = run(words, cwd=tmp_path)
    status, stdout, _ = recorded(tmp_path, words)
    assert bare.returncode == -getattr(signal, name)
    assert (status, stdout) == (128 + getattr(signal, name), bare.stdout)


def test_parameters_are_bit_identical(tmp_path: Path) -> None:
    words = [sys.executable, str(TINY), "--out=out"]
    for place in ("bare", "recorded"):
        (tmp_path / place).mkdir()
    assert run(words, cwd=tmp_path / "bare").returncode == 0
    assert recorded(tmp_path / "recorded", words)[0] == 0
    bare, listened = (torch.load(tmp_path / place / "out/final.pt") for place in ("bare", "recorded"))
    ours, theirs = tensors(bare), tensors(listened)
    assert ours.keys() == theirs.keys()
    assert len(ours) == 16
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_witness_trains_to_the_same_checkpoint_with_and_without_recording(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert run([sys.executable, "-m", "trainers", "data", "char-tiny", "--out", str(data)], cwd=ROOT).returncode == 0
    flags = (
        f"--data_dir={data} --dataset=tiny --device=cpu --compile=False --dtype=float32 --n_layer=1 --n_head=2 "
        "--n_embd=16 --block_size=16 --batch_size=4 --gradient_accumulation_steps=2 --dropout=0.2 --eval_interval=4 "
        "--eval_iters=2 --max_iters=8 --file_logging=False --out_dir=out"
    ).split()
    words = [sys.executable, str(ROOT / "legacy/char_gpt/train.py"), *flags]
    for place in ("bare", "recorded"):
        (tmp_path / place).mkdir()
    assert run(words, cwd=tmp_path / "bare").returncode == 0
    assert recorded(tmp_path / "recorded", words)[0] == 0
    bare, listened = (torch.load(tmp_path / place / "out/ckpt.pt") for place in ("bare", "recorded"))
    ours, theirs = tensors(bare), tensors(listened)
    assert len(ours) > 40
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_foreign_sitecustomize_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('foreign start-up ran')\n", encoding="utf-8")
    script = tmp_path / "main.py"
    script.write_text("import sys, sitecustomize\nprint(sitecustomize.__file__, len(sys.argv))\n", encoding="utf-8")
    words = [sys.executable, str(script)]
    bare = run(words, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    code = (
        "import sys; from pathlib import Path; from parity.record.launch import record, Recording; "
        f"sys.exit(record({words!r}, Path({str(tmp_path / 'trace')!r}), Recording()))"
    )
    done = run([sys.executable, "-c", code], cwd=ROOT, PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert bare.stdout in done.stdout
    assert b"foreign start-up ran" in bare.stdout


def test_an_interpreter_without_this_package_can_be_recorded(tmp_path: Path) -> None:
    done = parity_process(
        "record", "-o", str(tmp_path / "trace"), "--", sys.executable, "-c", PROBE_IMPORT, cwd=tmp_path
    )
    assert done.stdout.splitlines() == [b"ModuleNotFoundError"]


PROBE_IMPORT = """
import sys, torch
sys.path[:] = [entry for entry in sys.path if "site-packages" in entry or "lib/python" in entry]
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
try:
    import parity
except ModuleNotFoundError as error:
    print(type(error).__name__)
"""


def test_probes_that_raise_are_switched_off_and_the_program_goes_on(tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPTS / "breaks_a_probe.py")]
    bare = run(words, cwd=tmp_path)
    assert recorded(tmp_path, words)[:2] == (0, bare.stdout)
    done = parity("diff", "trace", "trace", "--json", cwd=tmp_path)
    assert b"switched off" in done.stdout
