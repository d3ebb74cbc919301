"""Parameters that something else changes after their step: the mask of a pruning, a clamp, an average copied back."""

from typing import Any, Final

from ...trace.device_digests import digests_soon
from .samples import mark

CHANNELS: Final = ("parameter_after",)
SEAM: Final = "version counters and first bytes of what an optimizer has stepped, when a model is called or saved next"
BLIND: Final = (
    "changes behind which no model is called and nothing saved; parameters whose updates are inferred; writes through "
    ".data on an accelerator; runs in follow mode, where parameter_carried tells"
)


def install(listener: Any) -> None:
    """Observe each parameter whose content is no longer that of after its step, or of the last look.

    The end of the program is no such moment: what is alive then is not a matter of the training.
    """
    left: dict[str, tuple[Any, Any]] = {}

    def stepped(names: list[str], tensors: list[Any], digests: list[Any]) -> None:
        left.update((name, (mark(one), digest)) for name, one, digest in zip(names, tensors, digests, strict=True))

    def look(*_: Any) -> None:
        known = [(name, one) for name, one in listener.roots.parameters() if name in left]
        moved = [(name, one) for name, one in known if left[name][0] != mark(one)]
        for (name, one), digest in zip(moved, digests_soon([one for _, one in moved]), strict=True):
            # A mask may have been laid over weights that it leaves as they are.
            if int(digest) != int(left[name][1]):
                listener.observe("parameter_after", digest, name)
            left[name] = mark(one), digest

    # In follow mode values are put in place after steps, which is no doing of the program.
    if listener.level != "scalars" and "follow" not in listener.settings.get("attachments", {}):
        listener.on("parameters_stepped", "afterwards", stepped)
        listener.on("model", "afterwards", lambda _: look() if left else None)
        listener.on("saved", "afterwards", look)
        listener.on("update_begins", "afterwards", left.clear)
