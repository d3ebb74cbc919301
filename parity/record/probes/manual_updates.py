"""Updates that no optimizer step announces: by hand, by a duck-typed optimizer, or by a step that is compiled.

The evidence is a backward after which known parameters are no longer what they were when the next forward, backward or
checkpoint begins. The update is then closed and marked as inferred.
"""

from typing import Any, Final

from .samples import sample

CHANNELS: Final = ("update_inferred",)
SEAM: Final = "version counters of known parameters after a backward; also their first bytes until a step is seen"
BLIND: Final = (
    "learning rate, hyper-parameters and state of an update by hand; one through .data on an accelerator, or beside "
    "optimizers whose steps are seen; parameters perturbed between two backwards (SAM) look like an update"
)
_UNKNOWN: Final = ["lr", "optimizer_type", "optimizer_group", "optimizer_state"]


class _Evidence:
    """What the parameters were like after the last backward, until a step explains any change of them."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener
        self._versions: dict[int, int] = {}
        self._content: dict[str, tuple[int, int]] = {}
        self._said = False

    def take(self, *_: Any) -> None:
        if self._listener.stepped:
            return
        by_hand = self._listener.may_be_by_hand()
        if by_hand:
            # A parameter replaced before the backward, its name still on the old one, was updated by nobody.
            self._listener.refresh_parameters()
        self._versions = self._listener.roots.versions()
        self._content = self._read() if by_hand else {}

    def drop(self, *_: Any) -> None:
        self._versions = {}

    def judge(self, *_: Any) -> None:
        if not self._versions:
            return
        now = self._listener.roots.versions()
        moved = any(self._versions.get(key, version) != version for key, version in now.items())
        if moved or (self._content and self._has_other_content()):
            self._close()

    def _close(self) -> None:
        listener = self._listener
        self.drop()
        listener.by_hand = True
        listener.emit("first_step_begins")
        listener.observe("update_inferred", 1)
        listener.emit("updated_by_hand")
        if not self._said:
            self._said = True
            listener.note({"blind": "updates without a step that could be seen: inferred", "channels": _UNKNOWN})
        listener.step_done()

    def _has_other_content(self) -> bool:
        # Parameters may have been replaced by new ones, which nobody has named yet.
        self._listener.refresh_parameters()
        return any(self._content.get(name, state) != state for name, state in self._read().items())

    def _read(self) -> dict[str, tuple[int, int]]:
        """Identity and a sample of the content of every known parameter."""
        return {name: (id(tensor), sample(tensor)) for name, tensor in self._listener.roots.parameters()}


def install(listener: Any) -> None:
    """Take evidence when a backward ends and judge it when something else begins."""
    evidence = _Evidence(listener)
    listener.on("backward_ends", "manual_updates", evidence.take)
    listener.on("step_ends", "manual_updates", evidence.drop)
    listener.on("scaler_stepped", "manual_updates", evidence.drop)
    listener.on("settle", "manual_updates", evidence.judge)
    listener.on("saved", "manual_updates", evidence.judge)
