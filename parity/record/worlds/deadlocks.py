"""Ranks that wait for one another for ever, found in what they have announced. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

State = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Deadlock:
    """Why no rank of ``ranks`` can go on: ``title`` in a line, and what each of them waits for."""

    title: str
    ranks: tuple[int, ...]
    lines: tuple[str, ...]


def find_deadlock(states: Sequence[State], ended: Sequence[bool]) -> Deadlock | None:
    """The deadlock among ``states``, one per rank; ``ended`` says which ranks will announce nothing any more.

    Two ranks whose operations of one group differ at the same position have parted for good. Otherwise a rank is stuck
    when it waits for one that is stuck itself or has ended, and that has not taken part yet.
    """
    found = _disagreement(states)
    met = found is not None and any(_waits(states[rank]) for rank in found.ranks)
    return found if met else _circle(states, ended)


def _disagreement(states: Sequence[State]) -> Deadlock | None:
    issued: dict[tuple[str, int], dict[int, tuple[str, str]]] = {}
    for rank, state in enumerate(states):
        for key, (_, recent) in state.get("issued", {}).items():
            for number, label, site in recent:
                issued.setdefault((key, number), {})[rank] = (label, site)
    for (_, number), by_rank in sorted(issued.items(), key=lambda entry: entry[0][1]):
        labels = {label for label, _ in by_rank.values()}
        if len(labels) > 1:
            said = [(rank, f"{label}{_at(site)}") for rank, (label, site) in sorted(by_rank.items())]
            return Deadlock(
                title=f"ranks have issued different collectives as number {number} of the same group",
                ranks=tuple(sorted(by_rank)),
                lines=_by_text(said),
            )
    return None


def _waits(state: State) -> Any:
    return state.get("waits")


def _circle(states: Sequence[State], ended: Sequence[bool]) -> Deadlock | None:
    stuck = {rank for rank, state in enumerate(states) if _waits(state) and not ended[rank]}
    waited: dict[int, list[int]] = {}
    while True:
        free = set()
        for rank in stuck:
            missing = _missing(rank, states)
            never = [one for one in missing if ended[one] or one in stuck]
            waited[rank] = never
            some = _waits(states[rank]).get("any", False)
            if not missing or (len(never) < len(missing) if some else not never):
                free.add(rank)
        if not free:
            break
        stuck -= free
    if not stuck:
        return None
    said = [(rank, _sentence(rank, states, waited[rank], ended)) for rank in sorted(stuck)]
    gone = sorted({one for rank in stuck for one in waited[rank] if ended[one]})
    title = f"ranks wait for {name_ranks(gone)}, already ended" if gone else "ranks wait for one another for ever"
    return Deadlock(title=title, ranks=tuple(sorted(stuck)), lines=_by_text(said))


def _missing(rank: int, states: Sequence[State]) -> list[int]:
    """Ranks that have not taken part yet in what ``rank`` waits for."""
    wait = _waits(states[rank])
    others = [one for one in wait["ranks"] if one != rank]
    if wait.get("any"):
        return others
    return [one for one in others if states[one].get("issued", {}).get(wait["key"], [0])[0] <= wait["number"]]


def _sentence(rank: int, states: Sequence[State], missing: Sequence[int], ended: Sequence[bool]) -> str:
    wait = _waits(states[rank])
    over = [one for one in missing if ended[one]]
    text = f"waits in {wait['label']}{_at(wait['site'])} for {name_ranks(missing)}"
    return f"{text} ({name_ranks(over)} ended)" if over else text


def find_breach(states: Sequence[State], culprit: int) -> Deadlock | None:
    """Why ``culprit`` failed, where that was in what it did with others, from what ranks said last."""
    found = _disagreement(states)
    if found is not None and culprit in found.ranks:
        return found
    last = [{**state, "waits": state.get("broken") or _waits(state)} for state in states]
    return _circle(last, [not _waits(state) for state in last]) if _waits(last[culprit]) else None


def _at(site: str | None) -> str:
    return f" at {site}" if site else ""


def _by_text(said: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    groups: dict[str, list[int]] = {}
    for rank, text in said:
        groups.setdefault(text, []).append(rank)
    return tuple(f"{name_ranks(ranks)}: {text}" for text, ranks in groups.items())


def name_ranks(ranks: Sequence[int]) -> str:
    """``rank 3`` or ``ranks 0-2, 5``."""
    spans: list[list[int]] = []
    for rank in sorted(ranks):
        if spans and rank == spans[-1][1] + 1:
            spans[-1][1] = rank
        else:
            spans.append([rank, rank])
    words = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
    return f"{'rank' if len(ranks) == 1 else 'ranks'} {words}"


def position(state: State) -> str:
    """Where a rank was when it spoke last."""
    update = state.get("update", -1)
    phase = state.get("phase")
    if phase is None:
        return "before torch was imported"
    where = "before the first update" if update < 0 else f"in update {update}, phase {phase}"
    wait = _waits(state)
    return f"{where}, waiting in {wait['label']}{_at(wait['site'])}" if wait else where
