"""Gradients as they are before clipping: a digest of each and the global norm."""

from typing import Any, Final

from ...trace.device_digests import OwedDigest, digests_soon

CHANNELS: Final = ("gradient", "gradient_norm")
SEAM: Final = (
    "the first of unscale_, clip_grad_norm_, clip_grad_value_ and the optimizer's step in each update; "
    "the end of the last backward where the update is made by hand"
)
BLIND: Final = "gradients that the program clips by hand are seen after it has done so"


def install(listener: Any) -> None:
    """Observe the gradient of each parameter once per update.

    The norm that clip_grad_norm_ returns is taken as it is; only where nothing is clipped is it computed here. An
    optimizer that unscales while it steps is shown scaled gradients: they are divided here as it will do it.
    """
    import torch

    done: set[int] = set()
    unmeasured: list[Any] = []

    def begin() -> None:
        done.clear()
        unmeasured.clear()

    def observe(parameters: Any, scale: Any = None) -> None:
        fresh = [p for p in parameters if id(p) not in done and p.grad is not None]
        done.update(id(parameter) for parameter in fresh)
        unmeasured.extend(fresh)
        if listener.level != "scalars":
            gradients = ((one, one.grad if scale is None else _unscaled(one.grad, scale)) for one in fresh)
            listener.observe_tensors([("gradient", grad, listener.parameter_name(one)) for one, grad in gradients])

    def measure(norm: Any, scale: Any = None) -> None:
        if not unmeasured:
            return
        if norm is None:
            norm = torch.nn.utils.get_total_norm([_dense(p.grad) for p in unmeasured if p.grad is not None])
            norm = norm if scale is None else norm / scale
        unmeasured.clear()
        listener.observe_scalar("gradient_norm", norm)

    listener.on("update_begins", "gradients", begin)
    listener.on("gradients_ready", "gradients", observe)
    listener.on("gradient_norm", "gradients", measure)
    _listen_for_updates_by_hand(listener, done)


def _dense(gradient: Any) -> Any:
    """The elements of a gradient, of a sparse one those that it holds."""
    gradient = gradient.detach()
    return gradient.coalesce().values() if gradient.is_sparse else gradient


def _unscaled(gradient: Any, scale: Any) -> Any:
    return gradient.detach() * scale.double().reciprocal().float()


def _listen_for_updates_by_hand(listener: Any, done: set[int]) -> None:
    """Keep the digests of each backward's gradients while no step was ever seen: by its end, they may be gone."""
    import torch

    kept: dict[str, int | OwedDigest] = {}
    norms: list[Any] = []

    def keep(parameters: Any, taken: Any) -> None:
        kept.clear()
        norms.clear()
        if listener.stepped or not listener.may_be_by_hand():
            return
        known = parameters or [tensor for _, tensor in listener.roots.parameters()]
        pairs = zip(known, taken if parameters else [one.grad for one in known], strict=True)
        held = [(one, _dense(gradient)) for one, gradient in pairs if gradient is not None and id(one) not in done]
        if held:
            norms.append(torch.nn.utils.get_total_norm([gradient for _, gradient in held]))
        if listener.level != "scalars":
            names = (listener.parameter_name(one) for one, _ in held)
            kept.update(zip(names, digests_soon(gradient for _, gradient in held), strict=True))

    def drop(*_: Any) -> None:
        kept.clear()
        norms.clear()

    def supersede(parameters: Any, _: Any = None) -> None:
        """What is unscaled or clipped was seen at that point: it is not told again."""
        norms.clear()
        for parameter in parameters if kept else ():
            kept.pop(listener.parameter_name(parameter), None)

    def write() -> None:
        for name, digest in kept.items():
            listener.observe("gradient", digest, name)
        for norm in norms:
            listener.observe_scalar("gradient_norm", norm)
        drop()

    listener.on("backward_ends", "gradients", keep)
    listener.on("gradients_ready", "gradients", supersede)
    listener.on("step_ends", "gradients", drop)
    listener.on("updated_by_hand", "gradients", write)
