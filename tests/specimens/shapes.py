"""Programs of every shape: how many updates each makes, and what its trace must hold of them."""

import math
from typing import Any, Final

from parity.trace.model import Value
from tests.specimens.table import Check, Specimen, some, times

_MICRO: Final = "micro_steps"
_NEVER_A_STEP: Final = ("lr", "optimizer_type", "optimizer_group", "optimizer_state")


def _different(number: int) -> Check:
    """Check: ``number`` values, no two the same."""
    return lambda found: len(found) == len(set(found)) == number


def _finite_but(position: int, number: int) -> Check:
    """Check: ``number`` values, of which only the one at ``position`` is not finite."""
    return lambda found: [math.isfinite(float(one)) for one in found] == [at != position for at in range(number)]


def _step(way: str, updates: int = 3, **more: Any) -> Specimen:
    """A row of ``steps.py``: four parameters, and one target for each micro-step."""
    expects: dict[str, list[Value] | Check] = {
        _MICRO: [1] * updates,
        "lr": times(updates),
        "update_inferred": [],
        "parameter:0.weight": _different(updates),
        "gradient:0.weight": _different(updates),
        "target": _different(updates),
        "target_shape": ["int64[4]"] * updates,
        "batch": times(updates),
        "batch_shape": lambda found: set(found) == {"float32[4, 8]"},
        "eval_forwards": [],
        "parameter_initial": times(4),
        "stale_gradients": [0] * updates,
        "optimizer_group": times(4),
        **more.pop("expects", {}),
    }
    return Specimen(id=way, words=("steps.py", way), updates=updates, expects=expects, **more)


STEPS: Final = (
    _step("fused"),
    _step("foreach"),
    _step("closure"),
    _step("lbfgs", expects={_MICRO: [3, 3, 3], "target": times(9), "target_shape": times(9), "batch": times(9)}),
    _step(
        "nested",
        expects={
            "target": times(6),
            "target_shape": times(6),
            "batch": times(6),
            "lr": times(6),
            "optimizer_type": ["AdamW", "Outer"],
            "optimizer_group": times(8),
            "parameter:0.weight": times(6),
        },
    ),
    _step("in-backward", expects={"lr": times(12), "lr:all groups": times(3), "optimizer_type": times(4)}),
    _step("modulo", expects={_MICRO: [2, 2, 2], "target": times(6), "target_shape": times(6), "batch": times(6)}),
    _step(
        "micro-loop",
        expects={
            _MICRO: [3, 3, 3],
            "tokens": [96, 96, 96],
            "target": times(9),
            "target_shape": times(9),
            "batch": times(9),
            "clip_norm": times(3),
            "clip_limit": [1.0, 1.0, 1.0],
        },
    ),
    _step(
        "masked",
        expects={
            "parameter_after:0.weight": _different(2),
            # multiplied by ones
            "parameter_after:3.weight": [],
            "parameter:0.weight": _different(3),
        },
    ),
    _step("checkpoint"),
    _step("checkpoint-reentrant"),
    _step(
        "average",
        expects={
            "parameter_initial": times(8),
            "parameter_outside:AveragedModel#1.module.0.weight": _different(2),
            "buffer_initial:AveragedModel#1.n_averaged": times(1),
            "buffer:AveragedModel#1.n_averaged": some,
            "optimizer_state:0.weight/exp_avg": _different(3),
            "eval_forwards": [1, 1, 1],
            "eval_mode": [1, 1, 1],
            "eval_batch": times(3),
            "eval_batch_shape": ["float32[4, 8]"] * 3,
        },
    ),
)

_SEEN_WITH_STEPS: Final = {"update_inferred": [], "parameter_outside": []}

SEVERAL: Final = (
    Specimen(
        id="gan",
        words=("several_optimizers.py", "gan"),
        updates=6,
        expects={
            **_SEEN_WITH_STEPS,
            _MICRO: [1] * 6,
            "loss": times(6),
            "lr": times(6),
            "optimizer_type": ["SGD", "Adam"],
        },
    ),
    # a parameter that was replaced has not been updated by hand
    Specimen(
        id="parameter-replaced-before-the-first-update",
        words=("grown.py",),
        updates=3,
        expects={**_SEEN_WITH_STEPS, _MICRO: [2] * 3, "loss": times(6), "updates": [3]},
    ),
    Specimen(
        id="two-optimizers-after-one-backward",
        words=("several_optimizers.py", "together"),
        updates=3,
        expects={**_SEEN_WITH_STEPS, _MICRO: [1] * 3, "loss": times(3), "lr": times(6)},
    ),
    Specimen(
        id="actor-critic",
        words=("several_optimizers.py", "actor-critic"),
        updates=6,
        expects={
            "update_inferred": [],
            _MICRO: [1] * 6,
            "target": _different(3),
            "eval_forwards": times(3),
            "parameter_outside:0.weight": _different(3),
        },
    ),
)


def _by_hand(way: str, micro_steps: int = 1) -> Specimen:
    return Specimen(
        id=f"by-hand-{way}",
        words=("by_hand.py", way),
        updates=4,
        expects={
            "update_inferred": [1, 1, 1, 1],
            _MICRO: [micro_steps] * 4,
            "loss": times(4 * micro_steps),
            "parameter:0.weight": _different(4),
            "gradient:0.weight": _different(4),
            "gradient_norm": times(4),
            "eval_forwards": [1],
            "eval_output": times(1),
            "updates": [4],
        },
        lacks=_NEVER_A_STEP,
    )


BY_HAND: Final = (
    _by_hand("grad"),
    _by_hand("duck"),
    _by_hand("versions"),
    _by_hand("accumulated", 2),
    _by_hand("replaced"),
    _by_hand("clipped"),
)

_SKIPPED: Final = [0, 1, 0, 0]
_SCALES: Final = [1024.0, 1024.0, 512.0, 512.0]


def _scaled(way: str, parameters: Check, rates: int) -> Specimen:
    """Gradients are those without the scale, so that a fused optimizer shows the same as one that is not."""
    return Specimen(
        id=f"scaler-{way}",
        words=("precision.py", way),
        updates=4,
        expects={
            "step_skipped": _SKIPPED,
            "loss_scale": _SCALES,
            "loss": _finite_but(1, 4),
            "gradient_norm": lambda found: _finite_but(1, 4)(found) and 0.1 < float(found[0]) < 1.0,
            "gradient:0.weight": _different(4),
            "parameter:0.weight": parameters,
            "lr": times(rates),
            "update_inferred": [],
        },
    )


PRECISION: Final = (
    _scaled("plain", _different(3), 3),
    _scaled("unscaled", _different(3), 3),
    _scaled("fused", lambda found: len(found) == 4 and found[0] == found[1] and len(set(found)) == 3, 4),
    Specimen(
        id="bf16-autocast",
        words=("precision.py", "bf16"),
        updates=4,
        expects={_MICRO: [1] * 4, "gradient:0.weight": _different(4), "parameter_kind:0.weight": ["float32[16, 8]"]},
        lacks=("step_skipped", "loss_scale"),
    ),
)


def _compiled(way: str, prefix: str, backend: str = "eager", **expects: Any) -> Specimen:
    return Specimen(
        id=f"compile-{way}" if backend == "eager" else f"compile-{way}-{backend}",
        words=("compiled.py", way, backend),
        updates=3,
        expects={
            _MICRO: [1, 1, 1],
            "loss": _different(3),
            "target": times(3),
            "batch": _different(3),
            "eval_forwards": [1, 1, 1],
            "train_mode": [1, 1, 1],
            "lr": times(3),
            "update_inferred": [],
            f"parameter:{prefix}inner.weight": _different(3),
            f"gradient:{prefix}inner.weight": _different(3),
            **expects,
        },
    )


_UNHEARD: Final[dict[str, Any]] = {"batch": [], "tokens": [], "train_mode": [], "eval_forwards": []}

COMPILED: Final = (
    _compiled("module", "_orig_mod.blocks.0."),
    _compiled("method", "blocks.0."),
    _compiled("inner", "blocks.0._orig_mod."),
    _compiled("lambda", "blocks.0.", **_UNHEARD),
    _compiled("step", "blocks.0.", lr=[], update_inferred=[1, 1, 1]),
    _compiled("whole", "blocks.0.", lr=[], update_inferred=[1, 1, 1], batch=[], tokens=[], train_mode=[]),
    _compiled("module", "_orig_mod.blocks.0.", backend="inductor"),
)


def _framework(way: str, requires: str, micro_steps: int = 1, **expects: Any) -> Specimen:
    return Specimen(
        id=way,
        words=("frameworks.py", way),
        updates=3,
        requires=(requires,),
        expects={
            _MICRO: [micro_steps] * 3,
            "loss": _different(3 * micro_steps),
            "batch:0": _different(3 * micro_steps),
            "target": some,
            "clip_calls": [1, 1, 1],
            "lr": times(3),
            "update_inferred": [],
            **expects,
        },
    )


FRAMEWORKS: Final = (
    _framework("accelerate", "accelerate", 2, **{"parameter:0.weight": _different(3)}),
    _framework("fabric", "lightning", **{"parameter:_forward_module.0.weight": _different(3)}),
    _framework("lightning", "lightning", **{"parameter:0.weight": _different(3), "eval_forwards": [1, 1]}),
    _framework("trainer", "transformers", 2, tied_storage=["transformer.wte.weight"], output=times(6)),
)

RANKS: Final = tuple(
    Specimen(
        id=way,
        words=("shards.py", way),
        world=2,
        updates=3,
        warm=False,
        expects={
            _MICRO: [2, 2, 2],
            "loss": times(6),
            f"parameter:{prefix}0.weight": _different(3),
            f"gradient:{prefix}0.weight": _different(3),
            "lr": times(3),
            "update_inferred": [],
            "parameter_outside": [],
        },
    )
    for way, prefix in (("ddp", "module."), ("fsdp", ""))
)

BESIDE: Final = (
    Specimen(id="func", words=("beside.py", "func"), updates=0, expects={"updates": [0]}, lacks=("loss", "parameter")),
    Specimen(
        id="thread",
        words=("beside.py", "thread"),
        updates=3,
        expects={_MICRO: [1, 1, 1], "batch": times(3), "train_mode": times(3)},
    ),
    Specimen(
        id="forward-called-itself",
        words=("beside.py", "forward"),
        updates=3,
        expects={_MICRO: [1, 1, 1], "loss": _different(3), "lr": times(3), "parameter": times(12)},
    ),
)

SHAPES: Final[tuple[Specimen, ...]] = (
    *STEPS,
    *SEVERAL,
    *BY_HAND,
    *PRECISION,
    *COMPILED,
    *FRAMEWORKS,
    *RANKS,
    *BESIDE,
)
