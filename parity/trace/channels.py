"""The vocabulary: every kind of observable, declared once.

A channel says when in an update it is observed (phase), what its values are (kind), what a difference in it means
(role) and whether it is polluted by an earlier numeric difference (carries). This module is also loaded inside
recorded programs, so it uses the standard library only.
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
    which the ``call_site`` channel holds the place in the program that caused the observation.
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


_STRUCTURE = (
    # setup
    Channel(
        name="config",
        phase=Phase.SETUP,
        kind=Kind.TEXT,
        title="the effective configuration",
        role=Role.CONTEXT,
        name_means="key",
    ),
    Channel(
        name="config_source",
        phase=Phase.SETUP,
        kind=Kind.TEXT,
        title="where the configuration is held",
        role=Role.CONTEXT,
        name_means="holder",
    ),
    Channel(
        name="call_site",
        phase=Phase.SETUP,
        kind=Kind.TEXT,
        title="the place in the program that does a thing",
        role=Role.CONTEXT,
        name_means="thing done",
    ),
    Channel(
        name="environment",
        phase=Phase.SETUP,
        kind=Kind.TEXT,
        title="the environment",
        role=Role.CONTEXT,
        name_means="key",
    ),
    Channel(
        name="parameter_kind",
        site="forward",
        phase=Phase.SETUP,
        kind=Kind.TEXT,
        title="shape, dtype or trainability of a parameter",
        name_means="parameter",
    ),
    Channel(
        name="parameter_initial",
        site="forward",
        phase=Phase.SETUP,
        kind=Kind.DIGEST,
        title="the initial content of a parameter",
        name_means="parameter",
    ),
    Channel(
        name="buffer_initial",
        phase=Phase.SETUP,
        kind=Kind.DIGEST,
        title="the initial content of a buffer",
        name_means="buffer",
    ),
    Channel(
        name="tied_storage",
        phase=Phase.SETUP,
        kind=Kind.TEXT,
        title="which parameters share one storage",
        name_means="parameter",
    ),
    Channel(name="optimizer_type", site="step", phase=Phase.UPDATE, kind=Kind.TEXT, title="the optimizer's class"),
    Channel(
        name="optimizer_group",
        site="optimizer",
        phase=Phase.UPDATE,
        kind=Kind.TEXT,
        title="the optimizer hyper-parameters that apply to a parameter",
        name_means="parameter",
    ),
    Channel(name="world_size", phase=Phase.SETUP, kind=Kind.INTEGER, unit="ranks", title="the number of ranks"),
    # data
    Channel(
        name="micro_steps",
        site="backward",
        phase=Phase.DATA,
        kind=Kind.INTEGER,
        unit="backward passes",
        title="the number of micro-steps in an update",
    ),
    Channel(
        name="tokens",
        site="forward",
        phase=Phase.DATA,
        kind=Kind.INTEGER,
        unit="elements of the first input",
        title="the amount of data consumed by an update",
    ),
    Channel(
        name="batch_shape",
        site="forward",
        phase=Phase.DATA,
        kind=Kind.TEXT,
        title="the shape or dtype of a training batch",
        name_means="argument",
    ),
    Channel(
        name="batch",
        site="forward",
        phase=Phase.DATA,
        kind=Kind.DIGEST,
        title="the content of a training batch",
        name_means="argument",
    ),
    Channel(
        name="rng",
        site="forward",
        phase=Phase.DATA,
        kind=Kind.DIGEST,
        title="the state of a random number generator at a training forward",
        name_means="generator",
    ),
    # forward
    Channel(
        name="train_mode",
        site="forward",
        phase=Phase.FORWARD,
        kind=Kind.INTEGER,
        title="train() or eval() mode while training",
    ),
    # backward, clip, lr
    Channel(
        name="stale_gradients",
        site="zero_grad",
        phase=Phase.BACKWARD,
        kind=Kind.INTEGER,
        unit="parameters",
        title="gradients left over from the update before",
    ),
    Channel(
        name="zero_grad",
        site="zero_grad",
        phase=Phase.BACKWARD,
        kind=Kind.INTEGER,
        unit="calls",
        title="the number of zero_grad calls between two updates",
        role=Role.CONTEXT,
    ),
    Channel(
        name="clip_calls",
        site="clip",
        phase=Phase.CLIP,
        kind=Kind.INTEGER,
        unit="calls",
        title="the number of gradient clips",
    ),
    Channel(
        name="clip_limit",
        site="clip",
        phase=Phase.CLIP,
        kind=Kind.FLOAT,
        title="the limit that gradients are clipped to",
    ),
    Channel(
        name="lr", site="step", phase=Phase.LR, kind=Kind.FLOAT, title="the learning rate", name_means="parameter group"
    ),
    Channel(
        name="scheduler_steps",
        site="scheduler",
        phase=Phase.LR,
        kind=Kind.INTEGER,
        unit="calls",
        title="the number of scheduler steps between two updates",
    ),
    Channel(
        name="step_skipped",
        phase=Phase.UPDATE,
        kind=Kind.INTEGER,
        site="step",
        title="an optimizer step that the loss scaler skipped",
    ),
    # eval
    Channel(
        name="eval_forwards",
        site="evaluation",
        phase=Phase.EVAL,
        kind=Kind.INTEGER,
        unit="calls",
        title="the number of evaluations",
    ),
    Channel(
        name="eval_mode",
        site="evaluation",
        phase=Phase.EVAL,
        kind=Kind.INTEGER,
        title="train() or eval() mode while evaluating",
    ),
    Channel(
        name="eval_batch_shape",
        site="evaluation",
        phase=Phase.EVAL,
        kind=Kind.TEXT,
        title="the shape or dtype of an evaluation batch",
        name_means="argument",
    ),
    Channel(
        name="eval_batch",
        site="evaluation",
        phase=Phase.EVAL,
        kind=Kind.DIGEST,
        title="the content of an evaluation batch",
        name_means="argument",
    ),
    # checkpoint
    Channel(
        name="checkpoint_file",
        site="checkpoint",
        phase=Phase.CHECKPOINT,
        kind=Kind.INTEGER,
        unit="writes",
        title="which checkpoint file is written",
        name_means="file",
    ),
    Channel(
        name="checkpoint_kind",
        site="checkpoint",
        phase=Phase.CHECKPOINT,
        kind=Kind.TEXT,
        title="the keys, types, shapes and dtypes of a checkpoint",
        name_means="file and key",
    ),
    # log
    Channel(
        name="log_line",
        phase=Phase.LOG,
        kind=Kind.INTEGER,
        unit="lines",
        title="which lines are printed",
        role=Role.CONTEXT,
        name_means="line with its numbers taken out",
    ),
    # exit
    Channel(name="exception", phase=Phase.EXIT, kind=Kind.TEXT, title="the exception that ended the program"),
    Channel(name="exit_status", phase=Phase.EXIT, kind=Kind.TEXT, title="how the program ended"),
    Channel(name="updates", phase=Phase.EXIT, kind=Kind.INTEGER, unit="updates", title="the number of updates"),
    Channel(
        name="source_file",
        phase=Phase.EXIT,
        kind=Kind.TEXT,
        title="which source files the program is made of",
        role=Role.CONTEXT,
        name_means="file",
    ),
    Channel(
        name="file_written",
        phase=Phase.EXIT,
        kind=Kind.TEXT,
        title="which files are written",
        role=Role.CONTEXT,
        name_means="file",
    ),
)

_VALUES = (
    Channel(
        name="output",
        site="forward",
        phase=Phase.FORWARD,
        kind=Kind.FLOAT,
        carries=Carries.VALUES,
        title="a scalar that the model returned",
        name_means="position in the output",
    ),
    Channel(
        name="loss",
        site="backward",
        phase=Phase.LOSS,
        kind=Kind.FLOAT,
        carries=Carries.VALUES,
        title="the loss that is differentiated (loss scale removed)",
    ),
    Channel(
        name="loss_scale",
        site="backward",
        phase=Phase.LOSS,
        kind=Kind.FLOAT,
        carries=Carries.VALUES,
        title="the loss scale of mixed-precision training",
    ),
    Channel(
        name="gradient_norm",
        site="backward",
        phase=Phase.BACKWARD,
        kind=Kind.FLOAT,
        carries=Carries.VALUES,
        title="the global L2 norm of the gradients before clipping",
    ),
    Channel(
        name="gradient",
        site="backward",
        phase=Phase.BACKWARD,
        kind=Kind.DIGEST,
        carries=Carries.VALUES,
        title="the gradient of a parameter before clipping",
        name_means="parameter",
    ),
    Channel(
        name="clip_norm",
        site="clip",
        phase=Phase.CLIP,
        kind=Kind.FLOAT,
        carries=Carries.VALUES,
        title="the norm that gradient clipping measured",
    ),
    Channel(
        name="parameter",
        site="step",
        phase=Phase.UPDATE,
        kind=Kind.DIGEST,
        carries=Carries.VALUES,
        title="the content of a parameter after the update",
        name_means="parameter",
    ),
    Channel(
        name="optimizer_state",
        site="step",
        phase=Phase.STATE,
        kind=Kind.DIGEST,
        carries=Carries.VALUES,
        title="the optimizer's state for a parameter",
        name_means="parameter and state",
    ),
    Channel(
        name="buffer",
        phase=Phase.STATE,
        kind=Kind.DIGEST,
        carries=Carries.VALUES,
        title="the content of a buffer after the update",
        name_means="buffer",
    ),
    Channel(
        name="eval_output",
        site="evaluation",
        phase=Phase.EVAL,
        kind=Kind.FLOAT,
        carries=Carries.VALUES,
        title="a scalar that the model returned while evaluating",
        name_means="position in the output",
    ),
    Channel(
        name="checkpoint_tensor",
        site="checkpoint",
        phase=Phase.CHECKPOINT,
        kind=Kind.DIGEST,
        carries=Carries.VALUES,
        title="a tensor in a checkpoint",
        name_means="file and key",
    ),
    Channel(
        name="checkpoint_value",
        site="checkpoint",
        phase=Phase.CHECKPOINT,
        kind=Kind.TEXT,
        carries=Carries.VALUES,
        title="a value in a checkpoint",
        name_means="file and key",
    ),
    Channel(
        name="log_value",
        phase=Phase.LOG,
        kind=Kind.FLOAT,
        carries=Carries.VALUES,
        title="a number that is printed",
        name_means="line with its numbers taken out, and the position of the number",
    ),
)

CHANNELS: dict[str, Channel] = {channel.name: channel for channel in (*_STRUCTURE, *_VALUES)}
