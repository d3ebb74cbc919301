"""Mixed-precision loss scaling: the scale, unscaling, and steps skipped on overflow."""

import functools
from typing import Any, Final

CHANNELS: Final = ("loss_scale", "step_skipped", "clip_scale")
SEAM: Final = "patch of torch.amp.GradScaler.scale, unscale_ and step"
BLIND: Final = "loss scaling by hand"


def install(listener: Any) -> None:
    """Note the scale of the loss that is about to be differentiated, and tell when gradients are unscaled."""
    unscaled_now: set[int] = set()

    def clips(parameters: Any) -> None:
        if listener.loss_scale:
            ready = all(id(one) in unscaled_now for one in parameters if one.grad is not None)
            listener.observe("clip_scale", 1.0 if ready else listener.loss_scale)

    _patch_scale(listener)
    _patch_unscale(listener, unscaled_now)
    _patch_step(listener)
    listener.on("update_begins", "scaling", unscaled_now.clear)
    listener.on("clip_begins", "scaling", clips)
    listener.on("scale_begins", "scaling", lambda scaler: listener.observe("loss_scale", scaler.get_scale()))
    listener.on("scaler_stepped", "scaling", lambda skipped: listener.observe_scalar("step_skipped", skipped))


def _patch_scale(listener: Any) -> None:
    import torch

    scale = torch.amp.GradScaler.scale

    @functools.wraps(scale)
    def scaled(self: Any, outputs: Any) -> Any:
        if self.is_enabled():
            listener.emit("scale_begins", self)
            listener.loss_scale = self.get_scale()
            # The scale is a float32: what it is multiplied with may gain precision only here.
            listener.scaled_dtype = getattr(outputs, "dtype", None)
        return scale(self, outputs)

    listener.patches.put(torch.amp.GradScaler, "scale", scaled)


def _patch_unscale(listener: Any, unscaled_now: set[int]) -> None:
    import torch

    unscale = torch.amp.GradScaler.unscale_

    @functools.wraps(unscale)
    def unscaled(self: Any, optimizer: Any) -> Any:
        result = unscale(self, optimizer)
        if self.is_enabled():
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            unscaled_now.update(map(id, parameters))
            listener.emit("gradients_ready", parameters)
        return result

    listener.patches.put(torch.amp.GradScaler, "unscale_", unscaled)


def _patch_step(listener: Any) -> None:
    """A step that the scaler skips ends an update too; whether it does is known only if steps are seen."""
    import torch

    step = torch.amp.GradScaler.step
    overflow: list[Any] = []

    def begins(optimizer: Any) -> None:
        """An optimizer that unscales by itself is stepped even on overflow and decides on its own device."""
        found = getattr(optimizer, "found_inf", None)
        if found is not None:
            overflow.append(found)

    @functools.wraps(step)
    def stepped(self: Any, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        before = listener.steps
        overflow.clear()
        result = step(self, optimizer, *args, **kwargs)
        if self.is_enabled() and listener.has("optimizers"):
            skipped = listener.steps == before
            if skipped:
                listener.emit("gradient_norm", None)
                if not listener.stepped:
                    listener.emit("first_step_begins")
            listener.emit("scaler_stepped", overflow[0] if overflow else torch.tensor(skipped))
            if skipped:
                listener.step_done()
        return result

    listener.patches.put(torch.amp.GradScaler, "step", stepped)
    listener.on("step_begins", "scaling", begins)
