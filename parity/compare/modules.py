"""From what a leader and its follower say of one forward to a verdict on each of its modules."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parity.compare.zoom_model import Part
from parity.trace.model import Process

_NOTE = "modules"
_GIVEN_OTHERWISE = "it is given tensors of other shapes"


@dataclass(frozen=True, kw_only=True)
class ModuleVerdict:
    """One module of one forward, which was given the reference's values, and whose parts were set right.

    One side is None where the other has no such module. ``computes`` says whether it makes something else of what it is
    given, ``passes`` to which of its parts it passes something else; ``reason`` why it could not be compared.
    """

    reference: Part | None
    candidate: Part | None
    computes: bool = False
    passes: tuple[str, ...] = ()
    reason: str = ""

    @property
    def differs(self) -> bool:
        """Whether the module differs by itself. One that the other side lacks shows in the module that calls it."""
        return self.computes or bool(self.passes)


@dataclass(frozen=True, kw_only=True)
class _Call:
    label: str
    part: Part
    caller: str
    given: Sequence[Sequence[object]]
    made: Sequence[Sequence[object]]


def judge_modules(reference: Process, candidate: Process) -> tuple[ModuleVerdict, ...]:
    """Verdicts on all modules, in the order in which they return: what is in a module comes before it."""
    ours, theirs = ({call.label: call for call in _calls(process)} for process in (reference, candidate))
    passed: dict[str, list[str]] = defaultdict(list)
    for label, call in theirs.items():
        if label in ours and ours[label].given != call.given:
            passed[call.caller].append(call.part.path)
    if not ours or not theirs:
        return ()
    missing = (
        ModuleVerdict(reference=call.part, candidate=None) for label, call in ours.items() if label not in theirs
    )
    return *(_verdict(ours.get(label), call, passed[label]) for label, call in theirs.items()), *missing


def _verdict(ours: _Call | None, theirs: _Call, passed: Sequence[str]) -> ModuleVerdict:
    if ours is None:
        return ModuleVerdict(reference=None, candidate=theirs.part)
    same = ours.made == theirs.made
    fed = [kind for kind, _ in ours.given] == [kind for kind, _ in theirs.given]
    return ModuleVerdict(
        reference=ours.part,
        candidate=theirs.part,
        computes=fed and not same,
        passes=tuple(passed),
        reason="" if fed or same else _GIVEN_OTHERWISE,
    )


def _calls(process: Process) -> Iterator[_Call]:
    for note in process.notes:
        for label, path, kind, arguments, caller, given, made in note.get(_NOTE, ()):
            part = Part(path=path, kind=kind, arguments=arguments)
            yield _Call(label=label, part=part, caller=caller, given=given, made=made)
