"""Causes in how samples are dealt to ranks: epochs never set, shards that overlap, samples lost, doubled or padded."""

import re
from typing import Final

from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.across import worlds
from parity.diagnose.library.reach import VALUE, at, expects, explained, first, measurements
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase
from parity.trace.model import Process, Trace
from parity.trace.shapes import dimensions

_SAMPLES: Final = re.compile(r"\b(\d+) samples\b")
_SEED: Final = re.compile(r"\bsampler seeded (-?\d+)")
_DEALT: Final = ("batch", "batch_shape", "tokens", "rng", "eval_batch")


@rule(
    "sampler-epoch-not-set",
    needs=("sampler_epoch", "batch"),
    predicts="batches from a later epoch on, and all numbers from there on",
    advice="Call sampler.set_epoch(epoch) at the beginning of every epoch.",
)
def sampler_epoch_not_set(case: Case) -> Cause | None:
    """The reference tells its sampler every epoch, the candidate does not, and begins to differ in a later one."""
    batch = first(case, "batch", differences=VALUE)
    if case.sides is None or batch is None:
        return None
    told, silent = (_epochs(side) for side in case.sides)
    later = [update for update, epoch in told.items() if epoch != next(iter(told.values()))]
    if not later or len(set(silent.values())) > 1 or batch.update < max(0, min(later)):
        return None
    return _cause(
        case,
        "sampler-epoch-not-set",
        "The candidate never tells its sampler the epoch",
        batch.moment,
        (
            evidence.both(
                "different epochs that the sampler is told", len(set(told.values())), len(set(silent.values()))
            ),
            evidence.line(batch),
        ),
        "Every epoch deals the samples in the same order, to the same ranks.",
    )


def _epochs(process: Process) -> dict[int, int]:
    """The epoch that samplers are told, by update."""
    return {
        int(update): int(value)
        for series in process.channel("sampler_epoch")
        for update, value in zip(series.updates, series.values, strict=True)
    }


@rule(
    "sampler-seed",
    needs=("loader_epoch", "batch"),
    predicts="batches, and all numbers from there on",
    advice="Compare where the seed comes from; where it is broadcast, from which rank.",
)
def sampler_seed(case: Case) -> Cause | None:
    """The samplers of both sides deal as many samples, by another seed."""
    batch = first(case, "batch", differences=VALUE)
    pairs = [pair for pair in case.pairs("loader_epoch") if len(pair[0]) and len(pair[1])]
    seeds = [(_SEED.search(str(ours.values[0])), _SEED.search(str(theirs.values[0]))) for ours, theirs in pairs]
    found = next(((one[1], other[1]) for one, other in seeds if one and other and one[1] != other[1]), None)
    if batch is None or found is None or _dealt(case.reference) != _dealt(case.candidate):
        return None
    return _cause(
        case,
        "sampler-seed",
        "The candidate's sampler shuffles by another seed",
        batch.moment,
        (evidence.both("seed of the sampler", *found), evidence.line(batch)),
        "The same samples come in another order, to other ranks.",
    )


@rule(
    "shards-overlap",
    needs=("batch",),
    predicts="batches, and all numbers from there on",
    advice="Give the sampler the number of ranks and the rank, or cut the data by them.",
)
def shards_overlap(case: Case) -> Cause | None:
    """Ranks of the candidate train on the same batch in one update, those of the reference never do."""
    batch = first(case, "batch", differences=VALUE)
    if not worlds(case) or batch is None or _shared(case.reference) is not None:
        return None
    shared = _shared(case.candidate)
    if shared is None or shared[0] > batch.update:
        return None
    update, ranks = shared
    return _cause(
        case,
        "shards-overlap",
        f"The candidate's ranks {' and '.join(map(str, ranks))} train on the same data",
        batch.moment,
        (f"{evidence.moment(update)}: one batch is on ranks {' and '.join(map(str, ranks))}", evidence.line(batch)),
        "Several ranks compute one gradient: an update sees less data than it seems to.",
    )


def _shared(trace: Trace) -> tuple[int, tuple[int, int]] | None:
    """The first update in which two ranks have one batch, and these ranks."""
    owners: dict[tuple[int, int], int] = {}
    found: list[tuple[int, tuple[int, int]]] = []
    for process in trace.processes:
        series = process.get("batch", "0")
        for update, value in zip(series.updates, series.values, strict=True) if series is not None else ():
            owner = owners.setdefault((int(update), int(value)), process.rank)
            if owner != process.rank:
                found.append((int(update), (owner, process.rank)))
    return min(found, default=None)


@rule(
    "samples-per-epoch",
    needs=("loader_epoch", "batch"),
    predicts="batches, and all numbers from there on",
    advice="Compare how the data is cut: divisions that leave a remainder, the number of ranks that the sampler is "
    "told, where a shard begins and ends.",
)
def samples_per_epoch(case: Case) -> Cause | None:
    """Over all ranks, the samplers of the candidate deal more samples in an epoch, or fewer."""
    batch = first(case, "batch", "batch_shape", differences=VALUE)
    ours, theirs = _dealt(case.reference), _dealt(case.candidate)
    if not worlds(case) or batch is None or case.findings("eval_batch_shape", "eval_forwards"):
        return None
    found = [label for label in ours if ours[label] != theirs.get(label, ours[label])]
    if len(found) != 1:
        return None
    before, after = ours[found[0]], theirs[found[0]]
    fewer = after < before
    return _cause(
        case,
        "samples-per-epoch",
        f"The candidate's ranks go through {abs(after - before)} samples {'fewer' if fewer else 'more'} in an epoch",
        batch.moment,
        (evidence.both("samples in an epoch, over all ranks", before, after), evidence.line(batch)),
        "Some samples are never seen." if fewer else "Some samples are seen more than once in an epoch.",
    )


def _dealt(trace: Trace) -> dict[str, int]:
    """Samples that the loaders with one label deal in their first epoch, over all ranks."""
    total: dict[str, int] = {}
    for process in trace.processes:
        for series in process.channel("loader_epoch"):
            found = _SAMPLES.search(str(series.values[0])) if len(series) else None
            if found:
                total[series.name] = total.get(series.name, 0) + int(found[1])
    return total


@rule(
    "evaluation-padded",
    needs=("eval_batch_shape",),
    predicts="the batches of evaluations, and what is computed from them",
    advice="DistributedSampler pads with the first samples; evaluate without it, or leave the padding out again.",
)
def evaluation_padded(case: Case) -> Cause | None:
    """Over all ranks the candidate evaluates a whole number of samples for each, more than the reference."""
    one = first(case, "eval_batch_shape", "eval_forwards")
    world = worlds(case)
    if not world or one is None or case.findings("batch_shape"):
        return None
    ours, theirs = (_evaluated(trace, one.update) for trace in (case.reference, case.candidate))
    samples, padded = sum(ours), sum(theirs)
    if not samples < padded == -(-samples // world) * world or len(set(theirs)) != 1:
        return None
    since = at(one.update, Phase.EVAL)
    return Cause(
        id="evaluation-padded",
        title=f"The candidate evaluates {evidence.plural(padded - samples, 'sample')} twice, to give all ranks as many",
        explains=explained(case, expects("eval_batch_shape", "eval_batch", "eval_forwards", "eval_mode"), since=since),
        evidence=(
            evidence.both(
                f"samples of each rank, {evidence.moment(one.update)}", *(str(one) for one in (ours, theirs))
            ),
            f"{padded} is {samples} rounded up to a multiple of {world} ranks",
        ),
        consequence="The estimate depends on the number of ranks: some samples count twice.",
    )


def _evaluated(trace: Trace, update: int) -> list[int]:
    """Samples that each rank evaluates after ``update``."""
    found = []
    for process in trace.processes:
        series = process.get("eval_batch_shape", "0")
        shapes = [dimensions(text) for text in (series.at(update) if series is not None else ())]
        found.append(sum(shape[0] for shape in shapes if shape))
    return found


def _cause(
    case: Case,
    identifier: str,
    title: str,
    since: tuple[int, int, int],
    lines: tuple[str, ...],
    consequence: str,
) -> Cause:
    """A cause that explains data from a place on, and all that follows from it."""
    earliest = min([since, *(one.moment for one in measurements(case, "batch", differences=VALUE))])
    return Cause(
        id=identifier,
        title=title,
        explains=explained(case, expects(*_DEALT, since=earliest), since=earliest),
        evidence=lines,
        consequence=consequence,
    )
