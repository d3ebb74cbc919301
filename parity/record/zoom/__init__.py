"""An attachment: a close-up of one update, its modules, operations and gradients by digest.

Options: ``update``; ``micro_step``, or null for every micro-step of the update. Nothing is changed but this: a program
that compiles its model is made to run it eagerly, because inside a compiled graph there are no operations to see.

Loaded inside recorded programs: the standard library, and torch where it already is.
"""

from collections.abc import Callable, Mapping
from typing import Any

from .compiling import run_eagerly
from .watch import Watch


def install(listener: Any, options: Mapping[str, Any]) -> None:
    """Watch the asked micro-step of the asked update."""
    watch = Watch(listener, int(options["update"]), options.get("micro_step"))
    run_eagerly(watch.write)
    actions: dict[str, Callable[..., Any]] = {
        "training_forward": watch.forward_begins,
        "training_output": watch.forward_ends,
        "backward_begins": watch.backward_begins,
        "backward_ends": watch.backward_ends,
        **dict.fromkeys(("eval_forward", "first_step_begins", "update_ends", "finish"), watch.close),
    }
    for event, action in actions.items():
        listener.on(event, "zoom", watch.guarded(action))


def describe(options: Mapping[str, Any]) -> str:
    """What the attachment changes in the program, in words."""
    micro_step = options.get("micro_step")
    which = "" if micro_step is None else f", micro-step {micro_step}"
    return f"modules and operations digested at update {options['update']}{which}; torch.compile made to do nothing"
