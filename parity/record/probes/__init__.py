"""One probe per seam. A probe subscribes to events, patches what it must, and can be left out alone.

Each module declares ``CHANNELS`` (what it observes), ``SEAM`` (the hook or patch it uses), ``BLIND`` (what it cannot
see) and a function ``install(listener)``.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from . import (
    afterwards,
    arithmetic,
    backward,
    batches,
    charts,
    checkpoints,
    clipping,
    collectives,
    configuration,
    distributed,
    environment,
    evaluation,
    exits,
    files,
    forward,
    gradients,
    holdings,
    loaders,
    loading,
    losses,
    manual_updates,
    modes,
    optimizers,
    parameters,
    printing,
    randomness,
    scaling,
    schedulers,
    seeding,
    signals,
    sketching,
    trackers,
    zeroing,
)

MODULES: Final[dict[str, ModuleType]] = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        files,
        exits,
        printing,
        forward,
        parameters,
        loading,
        configuration,
        seeding,
        environment,
        arithmetic,
        signals,
        randomness,
        modes,
        batches,
        loaders,
        evaluation,
        backward,
        losses,
        distributed,
        collectives,
        scaling,
        gradients,
        clipping,
        schedulers,
        zeroing,
        optimizers,
        afterwards,
        holdings,
        sketching,
        manual_updates,
        checkpoints,
        charts,
        trackers,
    )
}

PROBES: Final[dict[str, Callable[[Any], None]]] = {name: module.install for name, module in MODULES.items()}
