"""Number formats: what the forward pass computes in, and how small gradients survive it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def preferred_dtype() -> str:
    """Choose bfloat16 where a GPU can do it, float16 otherwise."""
    return "bfloat16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "float16"


def allow_tf32() -> None:
    """Let GPUs multiply float32 matrices in TF32: faster, with the mantissa of a float16."""
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True


@dataclass(frozen=True, kw_only=True)
class Precision:
    """The number format of one run on one type of device."""

    dtype: str
    device_type: str

    def autocast(self) -> AbstractContextManager[None]:
        """Return a context for the forward pass; on the CPU everything stays float32."""
        if self.device_type != "cuda":
            return nullcontext()
        return torch.amp.autocast(device_type="cuda", dtype=DTYPES[self.dtype])

    def gradient_scaler(self) -> torch.amp.GradScaler:
        """Make a loss scaler, which lets everything pass unchanged unless the dtype is float16."""
        return torch.amp.GradScaler(self.device_type, enabled=self.dtype == "float16")
