"""What a channel is: one kind of observable, and what a difference in it means.

Also loaded inside recorded programs: the standard library only.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum


class Phase(IntEnum):
    """Causal position of an observation. The order is the order of events in one update.

    Index -1 holds ``SETUP`` and whatever happens before the first update. Inside update u come ``DATA`` to ``STATE``;
    after it, still under index u, ``EVAL``, ``CHECKPOINT`` and ``LOG``; ``EXIT`` closes the run.
    """

    SETUP = 0
    DATA = 1
    FORWARD = 2
    LOSS = 3
    BACKWARD = 4
    CLIP = 5
    LR = 6
    UPDATE = 7
    STATE = 8
    EVAL = 9
    CHECKPOINT = 10
    LOG = 11
    EXIT = 12


class Kind(Enum):
    """How the 64 bits of a value are to be read."""

    FLOAT = "float"
    INTEGER = "integer"
    DIGEST = "digest"
    TEXT = "text"


class Role(Enum):
    """What a difference means: it changes the training, or only the surroundings."""

    BEHAVIOUR = "behaviour"
    CONTEXT = "context"


class Carries(Enum):
    """Whether a channel inherits earlier numeric differences (``VALUES``) or stands on its own (``STRUCTURE``)."""

    VALUES = "values"
    STRUCTURE = "structure"


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One kind of observable.

    ``title`` completes the sentence "a difference in ..."; ``unit`` is empty where the value has none; ``name_means``
    says what the name of a series in this channel identifies (a parameter, a file, ...); ``site`` is the name under
    which the ``call_site`` channel holds the place in the program that caused the observation. A channel that is
    ``only_followed`` is observed in follow mode alone; of one that is ``owed``, what the candidate adds never counts.
    """

    name: str
    phase: Phase
    kind: Kind
    title: str
    role: Role = Role.BEHAVIOUR
    carries: Carries = Carries.STRUCTURE
    unit: str = ""
    name_means: str = ""
    site: str = ""
    only_followed: bool = False
    owed: bool = False
