"""Loading saved weights into a model whose parameters may be called otherwise."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from trainers.common.errors import CheckpointError

WRAPPER_PREFIXES = ("_orig_mod.", "module.")
"""What ``torch.compile`` and ``DistributedDataParallel`` put in front of names, in any order and number."""

MAIN = "main_weight"
"""Under this name a layer with a low-rank adapter keeps what it had without."""


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """What became of each saved tensor, by its saved name, and which parameters of the model got none."""

    loaded: tuple[str, ...]
    remapped: tuple[str, ...]
    skipped: tuple[str, ...]
    missing: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """Give the counts, and the names that something is wrong with."""
        yield (
            f"weights: {len(self.loaded)} loaded, {len(self.remapped)} remapped, {len(self.skipped)} skipped, "
            f"{len(self.missing)} missing"
        )
        for title, names in (("skipped", self.skipped), ("missing", self.missing)):
            if names:
                yield f"{title}: {', '.join(names)}"


def strip_prefixes(name: str) -> str:
    """Return the name that a parameter has without wrappers."""
    while name.startswith(WRAPPER_PREFIXES):
        name = name.partition(".")[2]
    return name


def find_target(name: str, wanted: Collection[str]) -> str | None:
    """Tell which of the ``wanted`` names the parameter ``name`` goes to: its own, or one with or without an adapter."""
    *layer, parameter = name.split(".")
    plain = layer[:-1] if layer[-1:] == [MAIN] else layer
    candidates = (name, ".".join([*layer, MAIN, parameter]), ".".join([*plain, parameter]))
    return next((one for one in candidates if one in wanted), None)


def apply_smart_state_dict_loading(model: nn.Module, saved: Mapping[str, torch.Tensor]) -> LoadReport:
    """Put saved tensors where their names say; parameters that none is meant for stay as they are.

    Raises:
        CheckpointError: nothing fits, or a parameter has another shape.
    """
    wanted = model.state_dict()
    targets = {name: find_target(strip_prefixes(name), wanted) for name in saved}
    tensors = {target: saved[name] for name, target in targets.items() if target is not None}
    if not tensors:
        raise CheckpointError("the checkpoint and the model have no parameter in common; use another --out_dir")
    try:
        model.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"the checkpoint does not fit; leave the sizes as they were saved: {reason}") from error
    return LoadReport(
        loaded=tuple(name for name, target in targets.items() if target == strip_prefixes(name)),
        remapped=tuple(name for name, target in targets.items() if target not in (None, strip_prefixes(name))),
        skipped=tuple(name for name, target in targets.items() if target is None),
        missing=tuple(name for name in wanted if name not in tensors),
    )
