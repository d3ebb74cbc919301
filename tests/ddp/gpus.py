"""What of the tests needs GPUs: ranks over nccl, two where there are two GPUs, else a world of one."""

from typing import Final

import pytest
import torch

GPUS: Final = torch.cuda.device_count()
RANKS: Final = min(GPUS, 2) or 1
needs_a_gpu: Final = pytest.mark.skipif(not GPUS, reason="no GPU: nccl runs as one rank on one, as two on two")
needs_two: Final = pytest.mark.skipif(
    GPUS < 2, reason=f"nccl gives each rank a GPU, and there are {GPUS} for two ranks"
)
