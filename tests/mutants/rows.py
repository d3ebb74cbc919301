"""The form of a row: a planted defect, or a harmless change, and how it is planted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from parity.trace.channels import Phase

WORLD_2: Final = "world-2"
SCRATCH: Final = "scratch"
CONSTANT: Final = "constant"
DEFAULT_WARMUP: Final = "default-warmup"
BARE_SCHEDULE: Final = "bare-schedule"
SELDOM_LOGGED: Final = "seldom-logged"
STEP_BEFORE: Final = "step-before"
CUDA_ASKED: Final = "cuda-asked"
FROM_THE_HUB: Final = "from-the-hub"
ASKED_TO_SPREAD: Final = "asked-to-spread"
CLOCK: Final = "clock"
EVALUATION_ONLY: Final = "evaluation-only"
TRACKED: Final = "tracked"
TRACKED_ANALYSIS: Final = "tracked-analysis"
DEFAULT_PRECISION: Final = "default-precision"


@dataclass(frozen=True, kw_only=True)
class Edit:
    """Replace ``old``, which stands exactly ``times`` times in ``file`` under trainers/, by ``new``."""

    file: str
    old: str
    new: str
    times: int = 1


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A scenario of the policy with more arguments, on both sides or for the candidate alone.

    What ``made_by`` makes, by one more command into the files that all runs read, is there before. ``without`` names
    options of the scenario that are left out, so that their defaults count; ``environment`` is given to both sides.
    ``starts_in_out`` starts both programs in their output directory, where a bare file name belongs.
    """

    scenario: str
    arguments: tuple[str, ...] = ()
    candidate_arguments: tuple[str, ...] = ()
    made_by: str = ""
    without: tuple[str, ...] = ()
    starts_in_out: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


_TRACKER: Final = {"WANDB_MODE": "disabled", "WANDB_SILENT": "true"}

VARIANTS: Final = {
    CONSTANT: Variant(scenario=SCRATCH, arguments=("--decay_lr=False",)),
    DEFAULT_WARMUP: Variant(
        scenario=SCRATCH, arguments=("--batch-size=2",), candidate_arguments=("--warmup-pct=0.05",)
    ),
    FROM_THE_HUB: Variant(
        scenario=SCRATCH,
        arguments=("--initial-checkpoint={shared}/occ-canine-v1/last.bin",),
        made_by="python -m trainers occ train-mixer --save-dir={shared}/occ-canine-v1 --train-data={shared}/train.csv "
        "--val-data={shared}/val.csv --device=cpu --batch-size=40 --num-epochs=1 --max-len=48 --seed=2",
    ),
    ASKED_TO_SPREAD: Variant(scenario=SCRATCH, candidate_arguments=("--distributed", "--world-size=2")),
    BARE_SCHEDULE: Variant(
        scenario="operations", arguments=("--scaling_schedule_file=schedule.json",), starts_in_out=True
    ),
    SELDOM_LOGGED: Variant(scenario="r0", arguments=("--log-interval", "2")),
    STEP_BEFORE: Variant(scenario="v2", candidate_arguments=("--ra-step", "V6")),
    CUDA_ASKED: Variant(scenario="vanilla", arguments=("--device", "cuda"), environment={"CUDA_VISIBLE_DEVICES": ""}),
    EVALUATION_ONLY: Variant(scenario=SCRATCH, arguments=("--eval_only=True",)),
    TRACKED: Variant(scenario=CLOCK, arguments=("--wandb_log=True",), environment=_TRACKER),
    TRACKED_ANALYSIS: Variant(scenario=CLOCK, arguments=("--analysis=sync", "--wandb_log=True"), environment=_TRACKER),
    DEFAULT_PRECISION: Variant(scenario=SCRATCH, arguments=("--max_iters=6",), without=("--dtype",)),
}
"""Conditions under which a mutant shows, and for which the policy has no scenario."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A planted defect, and what the instrument must say about it: where it first shows, and why.

    ``cause`` is an invariant where both runs train alike and the candidate betrays itself.

    ``part`` names the outcome that must say so, of a scenario that is made of several.
    """

    id: str
    edits: tuple[Edit, ...]
    update: int
    phase: Phase
    channel: str
    cause: str
    scenario: str = SCRATCH
    family: str = "char-gpt"
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class Benign:
    """A harmless change: it must not gate."""

    id: str
    edits: tuple[Edit, ...]
    scenario: str = SCRATCH
    family: str = "char-gpt"


def planted(
    name: str, cause: str, scenario: str, place: tuple[int, Phase, str], *edits: tuple[str, str, str]
) -> Mutant:
    """A row in short: ``place`` is update, phase and channel of the first divergence, an edit is file, old, new."""
    update, phase, channel = place
    return Mutant(
        id=name,
        edits=_edits(edits),
        scenario=scenario,
        update=update,
        phase=phase,
        channel=channel,
        cause=cause,
    )


def harmless(name: str, scenario: str, *edits: tuple[str, str, str]) -> Benign:
    """A harmless row in short."""
    return Benign(id=name, edits=_edits(edits), scenario=scenario)


def _edits(edits: tuple[tuple[str, str, str], ...]) -> tuple[Edit, ...]:
    return tuple(Edit(file=file, old=old, new=new) for file, old, new in edits)
