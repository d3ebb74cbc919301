"""Causes in when checkpoints are written, and under which key their content is found."""

from collections import Counter
from typing import Final

from parity.compare.measurement import Difference, Measurement
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import expects, explained, measurements
from parity.diagnose.registry import Cause, rule

_SEPARATOR: Final = "::"
_FILE: Final = "checkpoint_file"
_MOVED: Final = "checkpoint_moved"
_KEYS: Final = ("checkpoint_kind", "checkpoint_tensor", "checkpoint_value")

Writes = Counter[tuple[str, int]]
"""How often a file is written after an update."""


@rule(
    "checkpoint-cadence",
    needs=(_FILE,),
    predicts="files that are missing or extra, with all that they hold",
    advice="Compare the interval, what it is counted in (updates, epochs, evaluations), and whether the counter begins "
    "at zero or at one.",
)
def checkpoint_cadence(case: Case) -> Cause | None:
    """Both sides write checkpoints while they train, each after updates at which the other one does not."""
    ours, theirs = _writes(case)
    lost, added = ({update for _, update in one} for one in (ours - theirs, theirs - ours))
    if not lost - added or not added - lost:
        return None
    return Cause(
        id="checkpoint-cadence",
        title="The candidate writes its checkpoints after other updates",
        explains=_explained(case, Difference.MISSING, Difference.EXTRA),
        evidence=_occasions(ours, theirs),
        consequence="A run that is stopped loses another amount of work, and resumes from another update.",
    )


@rule(
    "checkpoint-not-written",
    needs=(_FILE,),
    predicts="that these files are missing, with all that they hold",
    advice="Look at the condition for writing: a best value that is updated before it is compared is never improved "
    "on, and an interval that is never reached never fires.",
)
def checkpoint_not_written(case: Case) -> Cause | None:
    """The reference writes checkpoints after updates at which the candidate writes none, or fewer files."""
    ours, theirs = _writes(case)
    if not ours - theirs or theirs - ours:
        return None
    never = sorted({name for name, _ in ours} - {name for name, _ in theirs})
    what = f"never writes {evidence.listing(never)}" if never else f"leaves out {_which(ours - theirs)}"
    return Cause(
        id="checkpoint-not-written",
        title=f"The candidate {what}",
        explains=_explained(case, Difference.MISSING),
        evidence=_occasions(ours, theirs),
        consequence="What the reference keeps is in no file: there is less to resume from, or to use afterwards.",
    )


@rule(
    "checkpoint-added",
    needs=(_FILE,),
    predicts="that these files are extra, with all that they hold",
    advice="Decide whether the additional files are wanted, and say so; an interval that divides zero writes one "
    "before anything is learned.",
)
def checkpoint_added(case: Case) -> Cause | None:
    """The candidate writes checkpoints after updates at which the reference writes none, or more files."""
    ours, theirs = _writes(case)
    if not theirs - ours or ours - theirs:
        return None
    return Cause(
        id="checkpoint-added",
        title=f"The candidate also writes {_which(theirs - ours)}",
        explains=_explained(case, Difference.EXTRA),
        evidence=_occasions(ours, theirs),
        consequence="Nothing in the training changes; time and space do, and so does the file that a resumed run, or "
        "whoever looks for the latest one, finds.",
    )


@rule(
    "checkpoint-content-moved",
    needs=("checkpoint_kind",),
    predicts="keys that are missing or extra, with their values",
    advice="Compare the dictionaries that are saved, key by key: parity checkpoint A B.",
)
def checkpoint_content_moved(case: Case) -> Cause | None:
    """What the reference saves under one key of a checkpoint, the candidate saves under another one."""
    added = _below(measurements(case, "checkpoint_kind", differences={Difference.EXTRA}))
    lost = _below(measurements(case, "checkpoint_kind", differences={Difference.MISSING}))
    found = [
        (source, target)
        for target, keys in added.items()
        for source, others in lost.items()
        # a single key that fits may be chance
        if source != target and len(keys) > 1 and keys <= others
    ]
    if len(found) != len(added) or not found:
        return None
    (source, target), count = found[0], sum(map(len, added.values()))
    replaced = sorted(lost.get(target, frozenset()))
    return Cause(
        id="checkpoint-content-moved",
        title=f"The candidate saves under {target!r} what the reference saves under {source!r}",
        explains=explained(case, expects(*_KEYS, differences={Difference.MISSING, Difference.EXTRA})),
        evidence=(
            evidence.both(f"{evidence.plural(count, 'key')} are found below", repr(source), repr(target)),
            f"such as {evidence.listing(sorted(added[target]))}",
            *((f"no longer below {target!r}: {evidence.listing(replaced)}",) if replaced else ()),
        ),
        consequence="Whoever reads the checkpoint finds something else under this key, or nothing.",
    )


def _writes(case: Case) -> tuple[Writes, Writes]:
    """What each side writes, by the names of the reference where they correspond."""
    if case.sides is None:
        return Counter(), Counter()
    reference, candidate = case.sides
    names = case.judgement.comparison.alignment
    known = {names.candidate_name(_FILE, series.name): series.name for series in reference.channel(_FILE)}
    ours, theirs = (
        Counter((series.name, int(update)) for series in side.channel(_FILE) for update in series.updates)
        for side in (reference, candidate)
    )
    return ours, Counter({(known.get(name, name), update): count for (name, update), count in theirs.items()})


def _explained(case: Case, *differences: Difference) -> tuple[str, ...]:
    return explained(case, expects(_FILE, _MOVED, *_KEYS, differences=differences))


def _occasions(ours: Writes, theirs: Writes) -> tuple[str, ...]:
    what = evidence.both("updates after which checkpoints are written", _updates(ours), _updates(theirs))
    return (what, evidence.both("checkpoints written", ours.total(), theirs.total()))


def _updates(writes: Writes) -> str:
    return evidence.listing([str(update) for update in sorted({update for _, update in writes})]) or "none"


def _which(writes: Writes) -> str:
    where = "update" if len({update for _, update in writes}) == 1 else "updates"
    return f"{evidence.plural(writes.total(), 'checkpoint')}, after {where} {_updates(writes)}"


def _below(found: list[Measurement]) -> dict[str, frozenset[str]]:
    """The keys that differ, by the key at the top that they stand below; of whatever file."""
    below: dict[str, set[str]] = {}
    for one in found:
        top, dot, rest = one.name.partition(_SEPARATOR)[2].partition(".")
        if dot:
            below.setdefault(top, set()).add(rest)
    return {top: frozenset(rest) for top, rest in below.items()}
