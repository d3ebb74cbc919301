"""Follow mode: two programs in lockstep, one of which is set to the other's values at every boundary of an update.

The leader (the reference) publishes what it holds at each boundary. The follower (the candidate) looks at its own value
first, so that its trace tells what this phase of the candidate made of the reference's values, and only then, where
they differ, takes over the reference's. So the trace of a follower holds what is different by itself, no consequences.

Loaded inside recorded programs: the standard library, and torch where it already is.
"""

from collections.abc import Mapping
from typing import Any

from . import between, forwards, gradients, modules, scalers, steps
from .follower import Follower
from .leader import Leader
from .ring import Ring

CHANNELS = tuple(name for part in (between, forwards, gradients, scalers, steps) for name in part.CHANNELS)


def install(listener: Any, options: Mapping[str, Any]) -> None:
    """Meet the other program at every boundary; ``options`` are what ``parity.run.follow`` gives to both sides.

    ``role`` is leader or follower, ``directory`` holds the ring, ``backwards`` tells how many backward passes make an
    update, ``names`` leads from the reference's names of parameters to the candidate's, and ``timeout`` is how many
    seconds the other side may stand still. Where given, ``modules`` say which forward is followed module by module, and
    ``free`` is the update whose gradients are left as they are, for a close-up.
    """
    ring, free = Ring(options), options.get("free")
    leads = options["role"] == "leader"
    side = Leader(listener, ring, free) if leads else Follower(listener, ring, free, options["names"])
    between.install(listener, side)
    forwards.install(listener, side)
    gradients.install(listener, side, options["backwards"])
    scalers.install(listener, side)
    steps.install(listener, side)
    if options.get("modules"):
        modules.install(listener, side, options["modules"])

    def refuse(reason: str) -> None:
        side.leave(reason)

    listener.on("closure_step", "follow", lambda: refuse("an optimizer computes its gradients in a closure"))
    listener.on("updated_by_hand", "follow", lambda: refuse("parameters are updated without an optimizer's step"))
    listener.on("update_ends", "follow", side.close)
    listener.on("finish", "follow", lambda _: side.finish())


def describe(options: Mapping[str, Any]) -> str:
    """What following changes in a program, in words."""
    if options["role"] == "leader":
        return "its state is published at every boundary, for the candidate to follow"
    return "set to the reference's values at every boundary where its own differ"
