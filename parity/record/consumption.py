"""Which samples an update consumes, whatever the micro-batches they come in and whatever their order.

A sample is one row of everything that belongs to a batch: of the model's inputs, and of the targets that a loss
function is given. The digest of an update is the sum of the digests of its samples: two micro-batches of 16 are seen to
be four of 8, and a row with the target of another one is not overlooked. With the option ``rows`` each sample is kept
as well: which are lost, and which are doubled, shows only over all ranks together. Loaded inside recorded programs: the
standard library only, and torch where it already is.
"""

from collections.abc import Mapping
from typing import Any, Final

from ..trace.digests import digest_bytes, digest_tensor
from .probes.losses import targets
from .probes.roots import inputs

CHANNELS: Final = ("samples", "sample")


def describe(options: Mapping[str, Any]) -> str:  # noqa: ARG001
    """What is changed in the program, in words."""
    return "samples identified one by one (this changes nothing)"


def install(listener: Any, options: Mapping[str, Any]) -> None:
    """Observe ``samples``, and with ``rows`` each ``sample``, when the first step of an update begins."""
    import torch

    rows: list[list[int]] = []
    taken: list[int] = []

    def begin() -> None:
        rows.clear()
        taken.clear()

    def take(model: Any, args: Any, kwargs: Any) -> None:
        rows.append(_rows(inputs(model, args, kwargs)))

    def aim(tensors: Any) -> None:
        """The targets of this backward belong to the forward before it, where there is one for each row."""
        losses = [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)
        found = list(targets(losses))
        known = rows.pop() if rows else []
        settle()
        own = _rows(found, len(known)) if found and known else []
        taken.extend([_mixed(pair) for pair in zip(known, own, strict=True)] if own else known)

    def settle() -> None:
        for held in rows:
            taken.extend(held)
        rows.clear()

    def observe() -> None:
        settle()
        listener.observe("samples", sum(taken))
        for one in taken if options.get("rows") else ():
            listener.observe("sample", one)

    listener.on("update_begins", "consumption", begin)
    listener.on("training_forward", "consumption", take)
    listener.on("backward_begins", "consumption", aim)
    listener.on("first_step_begins", "consumption", observe)


def _rows(tensors: list[Any], count: int = 0) -> list[int]:
    """One digest for each row; what has no row for each sample belongs to all of them, as a whole.

    ``count`` is the number of samples, by default that of the first tensor. A tensor with a multiple of it, such as
    flattened targets, has several of its own rows for each.
    """
    shaped = [tensor for tensor in tensors if tensor.dim()]
    count = count or (shaped[0].shape[0] if shaped else 0)
    split = [one for one in shaped if count and one.shape[0] and one.shape[0] % count == 0]
    shared = _mixed([digest_tensor(one) for one in tensors if not any(one is other for other in split)])
    # Rows are many and small: a device is asked once for all of them.
    parts = [one.detach().cpu().reshape(count, -1, *one.shape[1:]) for one in split]
    kinds = digest_bytes(repr([(str(one.dtype), list(one.shape[1:])) for one in parts]).encode())
    return [_mixed([kinds, shared, *(digest_tensor(part[row]) for part in parts)]) for row in range(count)]


def _mixed(digests: Any) -> int:
    return digest_bytes(b"".join(one.to_bytes(8, "little") for one in digests))
