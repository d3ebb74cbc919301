"""Sends the program a signal at a place of its training, the same one on both sides.

Options: ``signal`` by name; ``update``, and ``micro_step`` or None for the end of the update's step; ``ranks`` or None
for all. The signal comes from the program's own process, so that it arrives exactly there. What a handler of the
program raises goes the way it would go without us: the signal is sent from hooks of torch, not from those of the
listener, which holds up exceptions.

Loaded inside recorded programs.
"""

import functools
import os
import signal
from collections.abc import Mapping
from typing import Any

NOTE = "interrupted"


def describe(options: Mapping[str, Any]) -> str:
    """The place of the signal in words."""
    micro_step = options.get("micro_step")
    where = "" if micro_step is None else f"micro-step {micro_step} of "
    ranks = options.get("ranks")
    to = "" if ranks is None else f" to rank {', '.join(str(rank) for rank in ranks)}"
    return f"sent {options['signal']} after {where}update {options['update']}{to}"


def install(listener: Any, options: Mapping[str, Any]) -> None:
    """Send the signal once; nothing is installed on a rank that gets none."""
    ranks = options.get("ranks")
    if ranks is not None and int(os.environ.get("RANK", "0")) not in ranks:
        return
    micro_step = options.get("micro_step")
    number = getattr(signal, options["signal"])
    sent: list[int] = []

    def send() -> None:
        if sent or listener.update != options["update"]:
            return
        sent.append(listener.update)
        listener.note({NOTE: options["signal"], "update": listener.update, "micro_step": micro_step})
        listener.flush()
        os.kill(os.getpid(), number)

    if micro_step is None:
        _after_steps(listener, send)
    else:
        _after_backwards(listener, send, micro_step + 1)


def _after_steps(listener: Any, send: Any) -> None:
    from torch.optim.optimizer import register_optimizer_step_post_hook

    def stepped(*_: Any) -> None:
        if listener.stepped:
            send()

    register_optimizer_step_post_hook(stepped)
    # Steps that the loss scaler skips, and updates by hand, pass no optimizer.
    listener.on("scaler_stepped", "interruption", lambda _: send())
    listener.on("updated_by_hand", "interruption", send)


def _after_backwards(listener: Any, send: Any, micro_steps: int) -> None:
    import torch

    original = torch.autograd.backward

    @functools.wraps(original)
    def backward(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if not listener.in_backward and listener.micro_steps == micro_steps:
            send()
        return result

    torch.autograd.backward = backward
