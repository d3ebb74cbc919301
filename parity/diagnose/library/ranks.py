"""Causes in what ranks have in common and do not: their beginning, their randomness, their counters, their duties."""

from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.across import newly_apart, worlds
from parity.diagnose.library.reach import ANY, VALUE, at, expects, explained, first, measurements
from parity.diagnose.registry import Cause, Declaration, rule, rule_of
from parity.trace.channels import Phase
from parity.trace.model import Trace

_DRAWN = ("rng", "batch", "eval_batch")
_CLIPS = ("clip_calls", "clip_limit", "clip_norm")
_SAVED = ("checkpoint_file", "checkpoint_kind", "checkpoint_tensor", "checkpoint_value", "checkpoint_moved")


@rule(
    "micro-steps-apart",
    needs=("micro_steps",),
    predicts="the data of these micro-steps, and all numbers from there on",
    advice="Look for a remainder that one rank takes, or a condition on the rank around the micro-step loop.",
)
def micro_steps_apart(case: Case) -> Cause | None:
    """Ranks of the candidate make different numbers of micro-steps in one update."""
    parting = newly_apart(case, "micro_steps")
    if parting is None:
        return None
    start = at(parting.update, Phase.DATA)
    per_micro_step = expects("batch", "batch_shape", "rng", "train_mode", "eval_batch", since=start)
    return Cause(
        id="micro-steps-apart",
        title="The candidate's ranks make different numbers of micro-steps",
        explains=explained(case, expects("micro_steps", "tokens", since=start), per_micro_step, since=start),
        evidence=(parting.line, "all ranks of the reference make as many"),
        consequence="DistributedDataParallel averages sums over different amounts of data: a rank that does more "
        "counts for more, and the ranks run through their data at different speeds.",
    )


@rule(
    "ranks-seeded-alike",
    needs=("rng",),
    predicts="random states and what is drawn, and all numbers from there on",
    advice="Add the rank to the seed once the model is built.",
)
def ranks_seeded_alike(case: Case) -> Cause | None:
    """Generators stand at different places on each rank of the reference, and at one place in the candidate."""
    if not worlds(case):
        return None
    found = {
        name: (_openings(case.reference, name), _openings(case.candidate, name))
        for name in dict.fromkeys(series.name for series in case.reference.processes[0].channel("rng"))
    }
    alike = [name for name, (ours, theirs) in found.items() if len(set(ours)) == len(ours) > 1 == len(set(theirs))]
    moved = [one for one in measurements(case, "rng", differences=VALUE) if one.name in alike]
    if not moved or case.findings("parameter_initial"):
        return None
    evaluated = first(case, "eval_batch", differences=VALUE)
    since = min(one.moment for one in (*moved, *((evaluated,) if evaluated is not None else ())))
    return Cause(
        id="ranks-seeded-alike",
        title="The candidate seeds all ranks alike",
        explains=explained(case, expects(*_DRAWN, since=since, differences=VALUE), since=since),
        evidence=(
            f"generators at one place on all {worlds(case)} ranks of the candidate: {evidence.listing(alike)}",
            "in the reference each rank begins at a place of its own",
            *evidence.lines(moved[0]),
        ),
        consequence="All ranks draw the same dropout masks, noise and augmentations, so that less randomness enters "
        "each update than in the reference.",
    )


def _openings(trace: Trace, name: str) -> list[int]:
    """What each rank has of a generator at its first training forward."""
    found = (process.get("rng", name) for process in trace.processes)
    return [int(series.values[0]) for series in found if series is not None and len(series)]


@rule(
    "ranks-begin-apart",
    needs=("parameter_initial",),
    predicts="initial weights and what is drawn after them, and all numbers from there on",
    advice="Build and initialise the model before it is wrapped, which gives the weights of rank 0 to all, and seed "
    "ranks differently after that.",
)
def ranks_begin_apart(case: Case) -> Cause | None:
    """Ranks of the candidate begin with different weights."""
    parting = newly_apart(case, "parameter_initial")
    if parting is None:
        return None
    names = list(dict.fromkeys(one.name for one in measurements(case, "parameter_initial", differences=VALUE)))
    drawn = expects(*_DRAWN, differences=VALUE)
    since = at(parting.update, Phase.SETUP)
    return Cause(
        id="ranks-begin-apart",
        title="The candidate's ranks begin with different weights",
        explains=explained(case, expects("parameter_initial", differences=VALUE), drawn, since=since),
        evidence=(parting.line, f"parameters that differ from the reference's: {evidence.listing(names)}"),
        consequence="The ranks train different models with common gradients, and never become equal.",
    )


@rule(
    "learning-rates-apart",
    needs=("lr",),
    predicts="learning rates and steps of schedulers, and all numbers from there on",
    advice="Look for a decision about the schedule that rests on what only one rank knows, such as an evaluation that"
    " is reduced to the master, and broadcast it.",
)
def learning_rates_apart(case: Case) -> Cause | None:
    """Ranks of the candidate use different learning rates in one update."""
    parting = newly_apart(case, "lr")
    if parting is None:
        return None
    since = at(parting.update, Phase.LR)
    return Cause(
        id="learning-rates-apart",
        title="The candidate's ranks use different learning rates",
        explains=explained(case, expects("lr", "scheduler_steps", since=since), since=since),
        evidence=(parting.line, "all ranks of the reference use the same"),
        consequence="The replicas drift apart: each rank makes another update from the same gradient.",
    )


@rule(
    "clip-on-fewer-ranks",
    needs=("clip_calls",),
    predicts="calls, limits and norms of clipping, and all numbers from there on",
    advice="Take the clipping out of the branch of the master.",
)
def clip_on_fewer_ranks(case: Case) -> Cause | None:
    """All ranks of the reference clip gradients, only some of the candidate's."""
    one = first(case, "clip_calls")
    if not worlds(case) or one is None:
        return None
    ours, theirs = (_ranks_with(trace, "clip_calls") for trace in (case.reference, case.candidate))
    if not theirs or not theirs < ours:
        return None
    since = at(one.update, Phase.CLIP)
    return Cause(
        id="clip-on-fewer-ranks",
        title=f"The candidate never clips gradients on rank {_listed(ours - theirs)}",
        explains=explained(case, expects(*_CLIPS, since=since), since=since),
        evidence=(evidence.both("ranks that clip", len(ours), len(theirs)), evidence.line(one)),
        consequence="The ranks make different updates from the same gradient, and their replicas drift apart.",
    )


@rule_of(
    *(
        Declaration(
            id=identifier,
            what=what,
            needs=("checkpoint_file",),
            predicts="that checkpoints are missing on some ranks, or extra",
            advice="Save on rank 0 alone, and let the others wait for it.",
        )
        for identifier, what in (
            ("checkpoint-on-more-ranks", "More ranks write a checkpoint than in the reference."),
            ("checkpoint-on-other-ranks", "Other ranks write a checkpoint than in the reference."),
        )
    )
)
def checkpoint_ranks(case: Case) -> Cause | None:
    """Other ranks write a checkpoint than in the reference."""
    lone = ANY - VALUE
    one = first(case, "checkpoint_file", differences=lone)
    if not worlds(case) or one is None:
        return None
    ours = _ranks_with(case.reference, "checkpoint_file", one.name)
    theirs = _ranks_with(case.candidate, "checkpoint_file", one.candidate_name)
    if not ours or not theirs - ours:
        return None
    more = ours < theirs
    return Cause(
        id="checkpoint-on-more-ranks" if more else "checkpoint-on-other-ranks",
        title=f"The candidate writes {one.name} on {_named(theirs)}, the reference on {_named(ours)}",
        explains=explained(case, expects(*_SAVED, since=at(one.update, Phase.CHECKPOINT), differences=lone)),
        evidence=(evidence.both("ranks that write it", *map(_listed, (ours, theirs))), evidence.line(one)),
        consequence="Ranks that write one file at the same time can leave a torn one behind."
        if more
        else "What only the master knows is not in the checkpoint, and what waits for the master waits in vain.",
    )


def _ranks_with(trace: Trace, channel: str, name: str = "") -> set[int]:
    """Ranks that counted anything but zero in a series."""
    found = ((one.rank, one.get(channel, name)) for one in trace.processes)
    return {rank for rank, series in found if series is not None and series.values.any()}


def _named(ranks: set[int]) -> str:
    return ("rank " if len(ranks) == 1 else "ranks ") + _listed(ranks)


def _listed(ranks: set[int]) -> str:
    return ", ".join(map(str, sorted(ranks)))
