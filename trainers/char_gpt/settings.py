"""The hyper-parameters that operations may change while the training goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainers.char_gpt.config import CharGptConfig
from trainers.common.config import flatten


@dataclass(kw_only=True)
class ValuesInForce:
    """Values in force. All but the last two are keys of the configuration, which says what the run began with."""

    learning_rate: float
    warmup_iters: int
    batch_size: int
    """Of validation batches, and of what is told about throughput: the training stream keeps its own."""
    gradient_accumulation_steps: int
    """Summed over all processes."""
    eval_iters: int
    eval_interval: int
    curriculum_alpha: float
    remapping_active: bool = True
    changed: dict[str, object] = field(default_factory=dict)
    """What operations have set, by name: a resumed run begins with it."""

    def change(self, name: str, value: float) -> None:
        """Set a value, and remember that an operation did."""
        assert hasattr(self, name), f"{name} cannot be changed"
        setattr(self, name, value)
        self.changed[name] = value


CONFIGURED = (
    *("learning_rate", "warmup_iters", "batch_size", "gradient_accumulation_steps"),
    *("eval_iters", "eval_interval", "curriculum_alpha"),
)


def begin_settings(config: CharGptConfig, changed: Mapping[str, object]) -> ValuesInForce:
    """Begin with what ``config`` says, but for what operations had ``changed`` before a resume."""
    values = flatten(config)
    chosen: dict[str, object] = {name: values[name] for name in CONFIGURED}
    return ValuesInForce(**{**chosen, **changed}, changed=dict(changed))  # type: ignore[arg-type]
