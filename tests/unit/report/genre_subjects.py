"""Pairs with sources on disk, as the genres that read both traces and sources are given them."""

from pathlib import Path

from parity.report.subject import Planned, Subject
from parity.surface.reading import read_surface_of

REFERENCE = '''"""Train a small model."""
import argparse
import signal

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--warmup-steps", type=int, default=0)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--resume")


class TokenLoss(torch.nn.Module):
    def forward(self, logits, targets):
        scores = logits.mean()
        return scores - targets.mean()


def train(model, optimizer, loader):
    signal.signal(signal.SIGTERM, print)
    for batch in loader:
        optimizer.zero_grad()
        loss = model(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    torch.save(model.state_dict(), "last.pt")
'''
CANDIDATE = {
    "trainer/loop.py": '''"""Train a small model, in parts."""
import argparse

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--warmup-pct", type=float, default=0.05)
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--resume", default=None)


def train(model, optimizer, loader):
    for batch in loader:
        loss = model(batch)
        loss.backward()
        optimizer.zero_grad()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    torch.save(model.state_dict(), "last.pt")
''',
    "trainer/losses.py": '''"""The losses."""
import torch


class TokenLoss(torch.nn.Module):
    def forward(self, logits, targets):
        mean = logits.mean()
        return mean - targets.mean()
''',
}


def subject(place: Path, *outcomes, pair="char_gpt", planned=()):
    """A pair with the sources above, written under ``place``."""
    files = {"train.py": REFERENCE, **CANDIDATE}
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Subject(
        pair=pair,
        outcomes=outcomes,
        reference=read_surface_of(place, ["train.py"]),
        candidate=read_surface_of(place, list(CANDIDATE)),
        unread="",
        planned=tuple(Planned(name=name, tier="full") for name in planned),
    )


def unread(*outcomes, pair="char_gpt"):
    """A pair whose sources are not at hand."""
    return Subject(pair=pair, outcomes=outcomes, unread="train.py is gone")
