"""Programs that are written for GPUs run on hosts without any, and the recording says what was mapped."""

import sys
from pathlib import Path

import pytest
import torch

from parity.record.launch import Recording, record
from parity.record.processes import Launcher
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="nothing is mapped where there is a GPU")
MAPPED = {
    "DistributedDataParallel(device_ids, output_device) left out",
    "Tensor.cuda() left out",
    "Tensor.pin_memory() left out",
    "Tensor.to cuda -> cpu",
    "backend nccl -> gloo",
    "torch.cuda.current_device answered",
    "torch.cuda.device_count answered with 2",
    "torch.cuda.set_device left out",
    "torch.cuda.synchronize left out",
    "torch.load cuda -> cpu",
    "torch.tensor cuda -> cpu",
    "torch.zeros cuda -> cpu",
}


@pytest.mark.parametrize(
    ("way", "mapped"),
    [("name", "Module.to cuda -> cpu"), ("number", "Module.to cuda -> cpu"), ("cuda()", "Module.cuda() left out")],
)
def test_cuda_and_nccl_are_mapped_and_listed(way: str, mapped: str, warm: Launcher, tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPTS / "worlds" / "gpu.py"), str(tmp_path / "model.pt"), way]
    assert record(words, tmp_path / "trace", Recording(world=2), streams=False, launcher=warm) == 0
    trace = read_trace(tmp_path / "trace")
    assert trace.manifest["engine"] == "baton"
    listed = [one for one in trace.manifest["interventions"] if one.startswith("without a GPU: ")]
    assert set(listed) == {f"without a GPU: {one}" for one in {*MAPPED, mapped}}
    assert (trace.directory / "stdout.txt").read_text(encoding="utf-8").splitlines()[-1] == "False gloo cpu"


def test_a_program_that_names_no_gpu_is_left_alone(warm: Launcher, tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPTS / "ddp.py")]
    assert record(words, tmp_path, Recording(world=2), streams=False, launcher=warm) == 0
    assert not [one for one in read_trace(tmp_path).manifest["interventions"] if "without a GPU" in one]
