"""Causes in which micro-batches make an update, and in the loader that serves them."""

from parity.compare.measurement import Measurement
from parity.diagnose.case import Case, Place
from parity.diagnose.library import evidence
from parity.diagnose.library.accumulation import accumulation_not_divided_by_world
from parity.diagnose.library.printout import multiplied
from parity.diagnose.library.reach import VALUE, Prediction, at, explained, first
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase


@rule(
    "accumulation-steps",
    needs=("micro_steps",),
    predicts="printed numbers of tokens with that factor, and everything from the first update on",
    advice="Compare where the number of accumulation steps is read from, and its default.",
)
def accumulation_steps(case: Case) -> Cause | None:
    """An update is made of another number of micro-batches from the first one on."""
    ours, theirs = case.micro_steps()
    if not ours or not theirs or ours == theirs or accumulation_not_divided_by_world(case) is not None:
        return None
    start = at(0, Phase.DATA)
    return Cause(
        id="accumulation-steps",
        title=f"The candidate accumulates over {evidence.plural(theirs, 'micro-step')}, the reference over {ours}",
        explains=explained(case, _since_then(case, start), multiplied((theirs / ours,), "token", "accum", "sequence")),
        evidence=(evidence.both("micro-steps, update 0", ours, theirs),),
        consequence="Each update sees another amount of data, with the same learning rate.",
    )


@rule(
    "accumulation-across-epochs",
    needs=("micro_steps",),
    predicts="everything from the end of that epoch on",
    advice="Decide what becomes of micro-batches that are left over at the end of an epoch: an update of their own, or "
    "a part of the next one.",
)
def accumulation_across_epochs(case: Case) -> Cause | None:
    """One side makes a smaller update of what is left at the end of an epoch, the other goes on accumulating."""
    pair = case.pair("micro_steps")
    one = first(case, "micro_steps", differences=VALUE)
    if pair is None or one is None or one.update <= 0:
        return None
    ours, theirs = (series.values.tolist()[:-1] for series in pair)
    if not ours or not theirs or max(ours) != max(theirs):
        return None
    short = [len(set(side)) > 1 for side in (ours, theirs)]
    if short[0] == short[1]:
        return None
    deed = "carries micro-batches over into the next epoch" if short[0] else "ends an update with its epoch"
    return Cause(
        id="accumulation-across-epochs",
        title=f"The candidate {deed}",
        explains=explained(case, _since_then(case, at(one.update - 1, Phase.CLIP))),
        evidence=(
            evidence.line(one),
            evidence.both(
                "updates with fewer micro-steps", *(sum(n < max(side) for n in side) for side in (ours, theirs))
            ),
        ),
        consequence="Updates hold other samples from the first epoch's end on, and there is another number of them.",
    )


@rule(
    "loader-makeup",
    needs=("loader_epoch",),
    predicts="everything that follows from the first batch",
    advice="Compare the arguments of the data loader: shuffle, drop_last, batch_size, sampler, generator.",
)
def loader_makeup(case: Case) -> Cause | None:
    """A data loader of the training is made up otherwise: another sampler, size, seed, or fate of the last batch."""
    if not case.findings("batch", "batch_shape", "micro_steps"):
        return None
    for pair in case.pairs("loader_epoch"):
        if not len(pair[0]) or not len(pair[1]) or pair[0].python(0) == pair[1].python(0):
            continue
        place = at(max(0, int(pair[0].updates[0]) + 1), Phase.DATA)
        before = evidence.moment(int(pair[0].updates[0]))
        return Cause(
            id="loader-makeup",
            title="The candidate's data loader is made up otherwise",
            explains=explained(case, _since_then(case, min(place, at(int(pair[0].updates[0]), Phase.EVAL)))),
            evidence=(
                evidence.both(
                    f"{pair[0].name}, {before}",
                    _parts(pair[0].python(0), pair[1].python(0)),
                    _parts(pair[1].python(0), pair[0].python(0)),
                ),
            ),
            consequence="Other samples, or the same in another order and number, make up the batches.",
        )
    return None


def _since_then(case: Case, place: Place) -> Prediction:
    """Predict whatever begins to differ from ``place`` on; where the candidate was followed, in its data only."""

    def predicts(one: Measurement) -> bool:
        return one.moment >= place and (not case.followed or one.phase is Phase.DATA)

    return predicts


def _parts(text: object, other: object) -> str:
    """The parts of one description that the other one does not have."""
    known = str(other).split(", ")
    return ", ".join(part for part in str(text).split(", ") if part not in known)
