"""Checkpoints of three files: NAME.bin with the cell and the memory, NAME.bin.embeddings, NAME.bin.decoder.

The first also holds what a resumed run needs, and is written last: where it is whole, the checkpoint is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trainers.common.errors import CheckpointError
from trainers.common.seeding import generator_states, restore_generators
from trainers.stream.model import Learner
from trainers.stream.reading import START, Position

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run has come: ``count`` steps or chunks are done, and ``tokens`` tokens with a total of ``loss``."""

    count: int = 0
    position: Position = START
    tokens: int = 0
    loss: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """The checkpoints of one directory; ``noun`` is what their numbers count."""

    directory: Path
    noun: str
    resumable: bool = True

    def save(self, learner: Learner, progress: Progress, *, number: int) -> Path:
        """Write a checkpoint; returns its first file."""
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / f"checkpoint_{self.noun}_{number}.bin"
        model = learner.model
        sizes = {
            "version": VERSION,
            "vocab_size": model.vocabulary_size,
            "embedding_dim": model.embedding_size,
        }
        torch.save({**sizes, **model.embeddings.state_dict()}, f"{path}.embeddings")
        torch.save({**sizes, **model.decoder.state_dict()}, f"{path}.decoder")
        trunk: dict[str, object] = {**sizes, "cell": model.cell.state_dict(), "memory": model.memory}
        if self.resumable:
            place = progress.position
            trunk["training"] = {
                "count": progress.count,
                "position": [place.epoch, place.shard, place.offset],
                "tokens": progress.tokens,
                "loss": progress.loss,
                "optimizer": learner.optimizer.state_dict(),
                "generators": generator_states(),
            }
        torch.save(trunk, path)
        return path

    def resume(self, learner: Learner) -> tuple[Path, Progress]:
        """Restore the newest checkpoint that is whole; one that is not, since its run was killed, is passed over.

        Raises:
            CheckpointError: there is none, or it is of another model, or was written without what resuming needs.
        """
        for path in self._newest_first():
            try:
                trunk, parts = _load(path), {part: _load(Path(f"{path}.{part}")) for part in ("embeddings", "decoder")}
            except CheckpointError as error:
                print(f"warning: {error}; passing it over")
                continue
            return path, self._restore(learner, path, trunk, parts)
        raise CheckpointError(f"no checkpoint in {self.directory} to resume from; leave out --resume to begin anew")

    def _restore(
        self, learner: Learner, path: Path, trunk: dict[str, Any], parts: dict[str, dict[str, Any]]
    ) -> Progress:
        model = learner.model
        sizes = (trunk.get("vocab_size"), trunk.get("embedding_dim"))
        wanted = (model.vocabulary_size, model.embedding_size)
        if sizes != wanted or trunk.get("version") != VERSION:
            raise CheckpointError(
                f"{path} is a model of {sizes[0]} tokens and embeddings of {sizes[1]}, version {trunk.get('version')};"
                f" expected {wanted[0]}, {wanted[1]} and {VERSION}: use --vocab-size and --embedding-dim of that run"
            )
        if "training" not in trunk:
            raise CheckpointError(f"{path} holds a model only; a run with --training-state can be resumed")
        model.cell.load_state_dict(trunk["cell"])
        model.memory.copy_(trunk["memory"])
        for module, part in ((model.embeddings, "embeddings"), (model.decoder, "decoder")):
            module.load_state_dict({key: one for key, one in parts[part].items() if isinstance(one, torch.Tensor)})
        training = trunk["training"]
        learner.optimizer.load_state_dict(training["optimizer"])
        restore_generators(training["generators"])
        return Progress(
            count=training["count"],
            position=Position(*training["position"]),
            tokens=training["tokens"],
            loss=training["loss"],
        )

    def _newest_first(self) -> list[Path]:
        found = {
            int(match[1]): path
            for path in self.directory.glob("*.bin")
            if (match := re.fullmatch(rf"checkpoint_{self.noun}_(\d+)\.bin", path.name))
        }
        return [found[number] for number in sorted(found, reverse=True)]


def _load(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"cannot load {path}: {reason}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, expected a part of a checkpoint")
    return content
