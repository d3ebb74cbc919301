"""How paths are written so that both sides can be compared."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from parity.record.places import Places, _temporary


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Places]:
    monkeypatch.chdir(tmp_path)
    assert sys.modules["torch"] is torch
    monkeypatch.setenv("TMPDIR", "/scratch/")
    _temporary.cache_clear()
    yield Places({"neutral": {"/scratch/tmp12345678/out": "{out}"}})
    _temporary.cache_clear()


@pytest.mark.parametrize(
    ("path", "neutral"),
    [
        ("/scratch/tmp12345678/out/ckpt.pt", "{out}/ckpt.pt"),
        ("/scratch/tmp12345678/out", "{out}"),
        ("/scratch/tmpabcd_12z/header.hpp", "{temporary}/header.hpp"),
        ("/scratch/tmpabcd_12z", "{temporary}"),
        ("/scratch/tmpabcd_12z.txt", "/scratch/tmpabcd_12z.txt"),
        ("/scratch/tmpABCD_12z/x", "/scratch/tmpABCD_12z/x"),
        ("/elsewhere/tmpabcd_12z/x", "/elsewhere/tmpabcd_12z/x"),
    ],
)
def test_paths(places: Places, path: str, neutral: str) -> None:
    assert places.path(path) == neutral
    assert places.neutral(f"saved {path} now") == f"saved {neutral} now"
