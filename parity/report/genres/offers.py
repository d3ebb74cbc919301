"""What both sources offer, name by name: flags, features and definitions, each with the lines that show it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from parity.compare.surface import SurfaceDifference, SurfaceKind
from parity.report.document import Code, Text
from parity.report.facts import texts
from parity.report.genres.behaviours import Behaviour, Standing, gravest, of_channels
from parity.report.subject import Subject
from parity.report.wording import count, quoted
from parity.surface.model import Definition, Flag, Place

IDENTICAL: Final = "identical"
_LONGEST: Final = 60
PARTLY: Final = "identical where compared"
UNCONFIRMED: Final = "in both, not confirmed by a run"
ADDED: Final = "added"
MISSING: Final = "missing"

# What a run shows of a feature that a source has. What stands here for none cannot be told from outside.
CONFIRMED_BY: Final = {
    "charts": ("chart", "chart_series"),
    "data loader workers": ("loader_epoch", "loader_seed"),
    "distributed data parallel": ("distributed_option", "gradient_syncs"),
    "distributed sampler": ("sampler_epoch",),
    "gradient accumulation without synchronisation": ("no_sync",),
    "gradient clipping": ("clip_calls", "clip_limit", "clip_norm"),
    "gradient scaling": ("loss_scale",),
    "learning rate scheduler": ("scheduler_steps", "lr"),
    "loading of checkpoints": ("weights_loaded",),
    "saving of checkpoints": ("checkpoint_file", "checkpoint_kind", "checkpoint_tensor", "checkpoint_value"),
    "seeding": ("seeding",),
    "signal handling": ("signal_handler",),
    "Trackio": ("tracker",),
    "Weights & Biases": ("tracker",),
}
_WORDS: Final = {
    SurfaceKind.FLAG_MISSING: MISSING,
    SurfaceKind.FLAG_EXTRA: ADDED,
    SurfaceKind.FLAG_RENAMED: "renamed",
    SurfaceKind.FLAG_DEFAULT: "default changed",
    SurfaceKind.FLAG_COMPUTED: "default computed",
    SurfaceKind.FEATURE_MISSING: MISSING,
    SurfaceKind.FEATURE_EXTRA: ADDED,
    SurfaceKind.DEFINITION_MISSING: "no counterpart",
    SurfaceKind.DEFINITION_EXTRA: ADDED,
    SurfaceKind.DEFINITION_MOVED: "moved, same body",
    SurfaceKind.DEFINITION_RENAMED: "renamed, same body",
    SurfaceKind.DEFINITION_CHANGED: "changed",
}


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One thing that at least one side offers; a place is None where that side does not.

    ``word`` says how both sides stand to each other, ``note`` what a run or the source adds to that.
    """

    name: str
    word: str
    reference: str = ""
    candidate: str = ""
    reference_place: Place | None = None
    candidate_place: Place | None = None
    note: Text = ()


def flags(subject: Subject) -> tuple[Offer, ...]:
    """All flags, those of the reference first, with the values that the runs gave them."""
    if subject.reference is None or subject.candidate is None:
        return ()
    kinds = (
        SurfaceKind.FLAG_RENAMED,
        SurfaceKind.FLAG_DEFAULT,
        SurfaceKind.FLAG_COMPUTED,
        SurfaceKind.FLAG_MISSING,
    )
    changed = {one.name: one for one in subject.differences if one.kind in kinds}
    theirs = {flag.name: flag for flag in subject.candidate.flags}
    rows = [_flag(subject, flag, theirs.get(flag.name), changed.get(flag.name)) for flag in subject.reference.flags]
    rows += [_of(one, _default(theirs[one.name])) for one in subject.differences if one.kind is SurfaceKind.FLAG_EXTRA]
    return tuple(rows)


def _flag(subject: Subject, flag: Flag, other: Flag | None, changed: SurfaceDifference | None) -> Offer:
    if changed is not None and changed.kind is SurfaceKind.FLAG_RENAMED:
        return Offer(
            name=flag.name,
            word="renamed",
            reference=_default(flag),
            candidate=changed.candidate,
            reference_place=flag.place,
            candidate_place=changed.candidate_place,
            note=("; ".join(changed.changes),),
        )
    return Offer(
        name=flag.name,
        word=_WORDS[changed.kind] if changed is not None else IDENTICAL,
        reference=_default(flag),
        candidate=_default(other) if other is not None else "",
        reference_place=flag.place,
        candidate_place=other.place if other is not None else None,
        note=effective(subject, flag.name),
    )


def _default(flag: Flag) -> str:
    return flag.default or "none"


def effective(subject: Subject, name: str) -> Text:
    """The values that a flag had in the runs: one where both sides always agree, else each pair that was seen."""
    parts: list[str | Code] = []
    seen: set[tuple[str | None, ...]] = set()
    for _, comparison in subject.comparisons:
        sides = tuple(texts(trace, "config").get(name) for trace in (comparison.reference, comparison.candidate))
        if sides in seen or sides == (None, None):
            continue
        seen.add(sides)
        ours, theirs = (("not recorded",) if one is None else quoted(one, _LONGEST) for one in sides)
        parts += ["; " if parts else "ran with ", *ours, *(() if ours == theirs else (" / ", *theirs))]
    return tuple(parts)


def features(subject: Subject, known: Iterable[Behaviour]) -> tuple[Offer, ...]:
    """All features by name. One that both sources have is identical only where a run has shown it."""
    if subject.reference is None or subject.candidate is None:
        return ()
    listed = tuple(known)
    ours = {one.name: one for one in subject.reference.features}
    theirs = {one.name: one for one in subject.candidate.features}
    changed = {one.name: one for one in subject.differences if one.kind in _WORDS and one.name in ours.keys() ^ theirs}
    rows = []
    for name in sorted(ours.keys() | theirs.keys(), key=str.lower):
        word, note = _confirmed(of_channels(listed, CONFIRMED_BY.get(name, ())))
        if name in changed:
            word = _WORDS[changed[name].kind]
        rows.append(
            Offer(
                name=name,
                word=word,
                reference_place=ours[name].place if name in ours else None,
                candidate_place=theirs[name].place if name in theirs else None,
                note=note,
            )
        )
    return tuple(rows)


def _confirmed(shown: tuple[Behaviour, ...]) -> tuple[str, Text]:
    standing = gravest(shown)
    seen = [one for one in shown if one.standing is not Standing.UNSEEN]
    parts: list[str | Code] = []
    for one in seen:
        parts += ["; " if parts else "", Code(one.channel.name), f" {one.standing}, {count(one.values, 'value')}"]
    words = {
        Standing.PROVED: IDENTICAL,
        Standing.PARTLY: PARTLY,
        Standing.DIFFERENT: "different",
        Standing.MISSING: MISSING,
    }
    return words.get(standing, UNCONFIRMED), tuple(parts)


def definitions(subject: Subject) -> Iterator[Offer]:
    """All functions and classes of the reference, then those that only the candidate has."""
    if subject.reference is None or subject.candidate is None:
        return
    by_place = {str(one.reference_place): one for one in subject.differences if one.kind.startswith("definition")}
    for one in subject.reference.definitions:
        changed = by_place.get(str(one.place))
        yield _of(changed) if changed is not None else _same(one)
    for extra in subject.differences:
        if extra.kind is SurfaceKind.DEFINITION_EXTRA:
            yield _of(extra)


def _same(one: Definition) -> Offer:
    shown = f"{one.path}({one.signature})"
    return Offer(
        name=one.path,
        word=IDENTICAL,
        reference=shown,
        candidate=shown,
        reference_place=one.place,
        candidate_place=one.place,
    )


def _of(one: SurfaceDifference, candidate: str = "") -> Offer:
    return Offer(
        name=one.name,
        word=_WORDS[one.kind],
        reference=one.reference,
        candidate=candidate or one.candidate,
        reference_place=one.reference_place,
        candidate_place=one.candidate_place,
        note=("; ".join(one.changes),) if one.changes else (),
    )
