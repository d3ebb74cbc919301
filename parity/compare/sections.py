"""What a key of a checkpoint is part of, by the words that trainers use for it."""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from parity.checkpoint.model import Entry, Leaf, Path
from parity.checkpoint.tensors import Tensor


class Section(StrEnum):
    """The parts of a checkpoint, in the order in which a reader wants to know about them."""

    FILES = "files"
    MODEL = "model"
    EMA = "ema"
    OPTIMIZER = "optimizer"
    SCHEDULER = "scheduler"
    SCALER = "scaler"
    RNG = "rng"
    COUNTER = "counter"
    METRIC = "metric"
    CONFIG = "config"
    OTHER = "other"


_WORDS: Final = (
    (Section.EMA, re.compile(r"(^|[._])(ema|shadow|averaged)([._]|$)")),
    (Section.OPTIMIZER, re.compile(r"(^|[._])(opt|optim|optimizers?)([._]|$)|optimizer_state")),
    (Section.SCHEDULER, re.compile(r"sched")),
    (Section.SCALER, re.compile(r"scaler|growth_tracker")),
    (Section.RNG, re.compile(r"(^|[._])(rng|random|seed)|generator_state|_rng")),
    (Section.CONFIG, re.compile(r"config|(^|[._])(cfg|args|hparams|hyper_parameters|model_args)([._]|$)|json|yaml")),
    (Section.METRIC, re.compile(r"best|loss|metric|accuracy|(^|[._])score")),
    (Section.COUNTER, re.compile(r"(^|[._])(iter\w*|\w*steps?|epochs?|\w*_num|\w*seen\w*|batch\w*|update\w*)$")),
)


def section(path: Path, entry: Entry, optimizers: Iterable[Path] = (), unit: str = "") -> Section:
    """The section of ``path`` in the file ``unit``; ``optimizers`` are the places of known optimizers."""
    if any(path[: len(root)] == root for root in optimizers):
        return Section.OPTIMIZER
    text = ".".join(str(part) for part in (unit, *path) if isinstance(part, str)).lower()
    inside = ".".join(str(part) for part in path).lower()
    for found, words in _WORDS:
        if words.search(inside if found in (Section.COUNTER, Section.METRIC) else text):
            if isinstance(entry, Tensor) and entry.size > 1 and found in _PLAIN:
                continue
            return found
    if isinstance(entry, Tensor):
        return Section.MODEL
    return Section.OTHER if isinstance(entry, Leaf) else Section.MODEL if not path else Section.OTHER


_PLAIN: Final = frozenset({Section.CONFIG, Section.METRIC, Section.COUNTER, Section.SCHEDULER})
