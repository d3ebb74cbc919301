"""Gradients as they are before clipping: a digest of each and the global norm."""

from typing import Any, Final

from ...trace.digests import digest_tensor

CHANNELS: Final = ("gradient", "gradient_norm")
SEAM: Final = "the first of unscale_, clip_grad_norm_, clip_grad_value_ and the optimizer's step in each update"
BLIND: Final = "gradients that the program clips by hand are seen after it has done so"


def install(listener: Any) -> None:
    """Observe the gradient of each parameter once per update.

    The norm that clip_grad_norm_ returns is taken as it is; only where nothing is clipped is it computed here.
    """
    import torch

    done: set[int] = set()
    unmeasured: list[Any] = []

    def begin() -> None:
        done.clear()
        unmeasured.clear()

    def observe(parameters: Any) -> None:
        fresh = [p for p in parameters if p.grad is not None and id(p) not in done]
        done.update(id(parameter) for parameter in fresh)
        unmeasured.extend(fresh)
        if listener.level != "scalars":
            for parameter in fresh:
                listener.observe("gradient", digest_tensor(parameter.grad), listener.parameter_name(parameter))

    def measure(norm: Any) -> None:
        if not unmeasured:
            return
        if norm is None:
            with torch.no_grad():
                norm = torch.nn.utils.get_total_norm([parameter.grad for parameter in unmeasured])
        unmeasured.clear()
        listener.observe_scalar("gradient_norm", norm)

    listener.on("update_begins", "gradients", begin)
    listener.on("gradients_ready", "gradients", observe)
    listener.on("gradient_norm", "gradients", measure)
