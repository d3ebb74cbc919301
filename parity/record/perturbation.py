"""Moves every parameter of a recorded program by about one unit in its last place, once, before its model is used.

How far this carries the training away from its own unperturbed run is the noise floor: what a difference must exceed to
be more than another order of summation. Loaded inside recorded programs: the standard library only, and torch where it
already is.
"""

from collections.abc import Mapping
from typing import Any, Final

from ..trace.digests import digest_bytes

CHANNELS: Final = ()
_SEED_BITS: Final = (1 << 63) - 1


def describe(options: Mapping[str, Any]) -> str:
    """What is changed in the program, in words."""
    return f"every parameter moved by about a unit in its last place before the first forward (seed {options['seed']})"


def install(listener: Any, options: Mapping[str, Any]) -> None:
    """Perturb each model when it is first called, in training or evaluation, after its content has been observed.

    The numbers come from generators of our own, one for each parameter, so that nothing is drawn from the program's and
    neither order nor rank matters. A parameter that is zero stays zero.
    """
    done: set[int] = set()

    def perturb(model: Any) -> None:
        for name, parameter in model.named_parameters():
            if id(parameter) not in done and parameter.is_floating_point() and not parameter.is_inference():
                done.add(id(parameter))
                _move(parameter, f"{options['seed']} {name}")

    listener.on("model", "perturbation", perturb)


def _move(parameter: Any, seed: str) -> None:
    import torch

    # Through .data: an optimizer, or a graph, that already holds the parameter sees no change of version.
    content = parameter.data.to_local() if hasattr(parameter.data, "to_local") else parameter.data
    wide = torch.promote_types(content.dtype, torch.float32)
    generator = torch.Generator(device="cpu").manual_seed(digest_bytes(seed.encode()) & _SEED_BITS)
    noise = torch.randn(content.shape, generator=generator, dtype=wide, device="cpu").to(content.device)
    content.mul_((1 + torch.finfo(content.dtype).eps * noise).to(wide))
