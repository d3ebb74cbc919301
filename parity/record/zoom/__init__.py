"""An attachment: a close-up of one update, its modules, operations and gradients by digest.

Options: ``update``; ``micro_step``, or null for every micro-step of the update. Nothing is changed but this: a program
that compiles its model is made to run it eagerly, because inside a compiled graph there are no operations to see.

Loaded inside recorded programs: the standard library, and torch where it already is.
"""

from collections.abc import Mapping
from typing import Any

from .compiling import run_eagerly
from .watch import Watch


def install(listener: Any, options: Mapping[str, Any]) -> None:
    """Watch the asked micro-step of the asked update."""
    watch = Watch(listener, int(options["update"]), options.get("micro_step"))
    run_eagerly(watch.write)
    listener.on("training_forward", "zoom", watch.forward_begins)
    listener.on("training_output", "zoom", watch.forward_ends)
    listener.on("backward_begins", "zoom", watch.backward_begins)
    listener.on("backward_ends", "zoom", watch.backward_ends)
    for event in ("eval_forward", "first_step_begins", "update_ends", "finish"):
        listener.on(event, "zoom", watch.close)


def describe(options: Mapping[str, Any]) -> str:
    """What the attachment changes in the program, in words."""
    micro_step = options.get("micro_step")
    which = "" if micro_step is None else f", micro-step {micro_step}"
    return f"modules and operations digested at update {options['update']}{which}; torch.compile made to do nothing"
