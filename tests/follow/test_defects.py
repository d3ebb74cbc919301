"""A followed candidate gets a verdict of its own on every phase, and every defect is found beside the others."""

from dataclasses import dataclass

import pytest

from parity.compare.engine import compare
from parity.compare.zoom_model import Direction, Zoom
from parity.diagnose.outcome import Outcome
from parity.errors import PARITY, VIOLATED
from parity.findings.following import word_of
from parity.findings.model import Verdict
from parity.run.plan import Side
from parity.trace.channels import CHANNELS
from parity.trace.model import Trace
from parity.trace.store import read_trace
from parity.trace.zoom import OUTSIDE
from tests.follow import defects
from tests.follow.lockstep import Lockstep
from tests.mutants.rows import Edit

EVERY = (0, 1, 2, 3, 4, 5, 6)
EVALUATED = (-1, 2, 5)
SAVED = (2, 5)
SCALED = ("--dtype=float16",)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One candidate: which phases differ at which updates, which are not compared, why, and what is taken over.

    All phases that are not named are identical. Of ``unexplained`` findings nobody knows the cause. ``closeups``, where
    several are expected, say direction, module and operation.
    """

    id: str
    edits: tuple[Edit, ...]
    different: dict[str, tuple[int, ...]]
    causes: tuple[str, ...]
    writes: set[str]
    not_compared: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    world: int = 1
    unexplained: int = 0
    closeups: tuple[tuple[Direction, str, str], ...] = ()


SINGLE = (
    Row(
        id="no-prefetch",
        edits=defects.NO_PREFETCH,
        different={"data": (0, 3, 6), "eval": EVALUATED, "checkpoint": SAVED},
        causes=("batches-reordered",),
        writes={"inputs", "evaluation inputs"},
        # Where the stream stands is saved too, and it stands elsewhere.
        unexplained=3,
    ),
    Row(
        id="gelu",
        edits=defects.GELU,
        different={"forward": EVERY, "eval": EVALUATED},
        not_compared=("backward",),
        causes=("gelu-variant",),
        writes={"outputs", "evaluation outputs", "gradients"},
    ),
    Row(
        id="detached",
        edits=defects.DETACH,
        different={"backward": EVERY},
        causes=("gradient-cut",),
        writes={"gradients"},
    ),
    Row(
        id="zero",
        edits=defects.ZERO,
        different={"backward": (1, 4)},
        causes=("gradients-not-cleared",),
        writes={"stale gradients"},
    ),
    Row(
        id="no-clip",
        edits=defects.NO_CLIP,
        different={"clip": EVERY},
        causes=("clip-missing",),
        writes={"clipped gradients"},
    ),
    Row(
        id="warm-up",
        edits=defects.WARMUP,
        different={"lr": (0, 1, 2), "log": (0, 1, 2)},
        causes=("schedule-warmup",),
        writes={"learning rates"},
    ),
    Row(
        id="betas",
        edits=defects.BETAS,
        different={"update": (0,), "checkpoint": SAVED},
        not_compared=("state",),
        causes=("optimizer-hyperparameter",),
        writes={"optimizer state", "parameters"},
    ),
    Row(
        id="clamped",
        edits=defects.CLAMPED,
        different={"between": (1, 2, 3, 4, 5, 6)},
        causes=("changed-between-updates",),
        writes={"parameters"},
    ),
    Row(
        id="initial",
        edits=defects.INITIAL,
        different={"setup": (-1,)},
        causes=("seed-or-initialisation",),
        writes={"parameters"},
    ),
    Row(
        id="evaluation-in-training-mode",
        edits=defects.EVAL_MODE,
        different={"eval": EVALUATED},
        causes=("evaluation-in-train-mode",),
        writes={"evaluation outputs", "generators"},
    ),
    Row(
        id="scale",
        edits=defects.SCALE,
        different={"loss": (0,)},
        causes=("loss-scale",),
        writes={"loss scaler"},
        options=SCALED,
    ),
)

SEVERAL = (
    Row(
        id="six",
        edits=(
            *defects.WINDOW,
            *defects.GELU,
            *defects.CLIP,
            *defects.WARMUP,
            *defects.BIASES,
            *defects.PRINTED,
        ),
        different={
            "data": EVERY,
            "forward": EVERY,
            "clip": EVERY,
            "lr": (0, 1, 2),
            "update": (0,),
            "eval": EVALUATED,
            "checkpoint": SAVED,
            "log": (-1, 0, 1, 2, 5),
        },
        not_compared=("backward", "state"),
        causes=(
            "batches-elsewhere",
            "gelu-variant",
            "clip-limit",
            "schedule-warmup",
            "decay-group-membership",
            "evaluation-one-split-twice",
        ),
        writes={
            "inputs",
            "evaluation inputs",
            "outputs",
            "evaluation outputs",
            "gradients",
            "clipped gradients",
            "learning rates",
            "parameters",
        },
    ),
    Row(
        id="renamed-and-three",
        edits=(*defects.RENAMED, *defects.LOSS, *defects.CLIP, *defects.DETACH),
        different={"loss": EVERY, "backward": EVERY, "clip": EVERY, "log": EVERY},
        causes=("accumulation-divisor", "gradient-cut", "clip-limit"),
        writes={"output gradients", "gradients", "clipped gradients"},
        closeups=(
            (Direction.FORWARD, OUTSIDE, "aten.div.Tensor"),
            (Direction.BACKWARD, "transformer.h.1.ln_2", "aten.native_layer_norm_backward.default"),
        ),
    ),
    Row(
        id="forward-and-loss",
        edits=(*defects.GELU, *defects.TERM),
        different={"forward": EVERY, "loss": EVERY, "eval": EVALUATED, "log": EVERY},
        not_compared=("backward",),
        causes=("gelu-variant", "model-operation-changed"),
        # The loss that is printed follows from the one that is differentiated.
        unexplained=1,
        writes={"outputs", "evaluation outputs", "output gradients", "gradients"},
        closeups=(
            (Direction.FORWARD, "transformer.h.0.mlp.gelu", "aten.gelu.default"),
            (Direction.FORWARD, OUTSIDE, "aten.pow.Tensor_Scalar"),
        ),
    ),
)

RANKS = (
    Row(
        id="ranks",
        edits=(*defects.WINDOW, *defects.GELU, *defects.CLIP),
        different={"data": EVERY, "forward": EVERY, "clip": EVERY, "eval": EVALUATED, "checkpoint": SAVED},
        causes=("batches-elsewhere", "gelu-variant", "clip-limit"),
        writes={"inputs", "evaluation inputs", "outputs", "evaluation outputs", "gradients", "clipped gradients"},
        not_compared=("backward",),
        # The batches that wait to be served are saved too.
        unexplained=1,
        world=2,
    ),
)

HARMLESS = (
    Row(id="identical", edits=(), different={}, causes=(), writes=set()),
    Row(id="renamed", edits=defects.RENAMED, different={}, causes=(), writes=set()),
    Row(id="identical-ranks", edits=(), different={}, causes=(), writes=set(), world=2),
    Row(id="identical-scaled", edits=(), different={}, causes=(), writes=set(), options=SCALED),
)


def _standing(outcome: Outcome) -> tuple[dict[str, tuple[int, ...]], tuple[str, ...]]:
    """Phases that differ, with their updates, and phases that were not compared."""
    words = [(phase, word_of(phase)) for phase in outcome.followed.phases]
    different = {phase.name: phase.different for phase, word in words if word is Verdict.DIFFERENT}
    return different, tuple(phase.name for phase, word in words if word is Verdict.NOT_COMPARED)


def _place(zoom: Zoom) -> tuple[Direction, str, str]:
    operation = zoom.operation.reference or zoom.operation.candidate
    return zoom.direction, operation.module, operation.name


@pytest.mark.parametrize("row", [*SINGLE, *SEVERAL, *RANKS], ids=lambda row: row.id)
def test_every_phase_is_judged_on_its_own(row: Row, lockstep: Lockstep) -> None:
    outcome = lockstep.outcome(row.id, *row.edits, options=row.options, world=row.world)
    assert outcome.exit_code == VIOLATED
    assert outcome.followed.refusal == ""
    assert _standing(outcome) == (row.different, row.not_compared)
    assert tuple(cause.id for cause in outcome.diagnosis.causes) == row.causes
    assert len(outcome.diagnosis.unexplained) == row.unexplained
    assert set(outcome.followed.writes) == row.writes
    assert not row.closeups or tuple(_place(zoom) for zoom in outcome.closeups) == row.closeups
    plain = outcome.followed.plain
    # It may see more at the place where both sides part, but never parts later.
    assert outcome.judgement.first_divergence.first.place <= plain.first_divergence.first.place
    assert len(outcome.judgement.gating) <= len(plain.gating)


@pytest.mark.parametrize("row", HARMLESS, ids=lambda row: row.id)
def test_what_is_equal_is_not_written_to(row: Row, lockstep: Lockstep) -> None:
    outcome = lockstep.outcome(row.id, *row.edits, options=row.options, world=row.world)
    assert (outcome.exit_code, _standing(outcome)) == (PARITY, ({}, ()))
    assert outcome.followed.writes == {}
    # Neither leading nor following changes a bit: the traces, and the checkpoints in them, are those of before.
    following = read_trace(lockstep.place(row.id, Side.FOLLOWER) / "trace")
    leading = read_trace(lockstep.place(row.id, Side.LEADER) / "trace")
    candidate = read_trace(lockstep.place(row.id, Side.CANDIDATE) / "trace")
    for plain, other in ((candidate, following), (lockstep.references[*row.options, str(row.world)], leading)):
        compared = compare(plain, other)
        changed = {one.channel.name for one in compared.measurements if not one.channel.only_followed}
        assert changed <= {"config"}, "clock readings among the script's variables are all that may change"
        assert compared.coverage["checkpoint_tensor"].values > 0
        assert {one.name for one in CHANNELS.values() if one.only_followed} <= {key[0] for key in _observed(other)}


def _observed(trace: Trace) -> set[tuple[str, str]]:
    return set(trace.processes[0].series)
