"""What between a leader and its follower proves nothing: what feeds it differs, and could not be taken over."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from parity.align.names import STATE_SEPARATOR, Alignment
from parity.trace.model import Process, Series
from parity.trace.printed import decimals, rounds_to

_LAST: Final = 1 << 30
_PRINTED: Final = "log_value"
Updates = dict[int, str]
"""Updates, and why something is not compared there."""


@dataclass(frozen=True)
class Notes:
    """What a follower said about itself: writes in all, by update, what could not be taken over, and until when."""

    process: Process

    @cached_property
    def _said(self) -> list[Mapping[str, Any]]:
        return [note["follow"] for note in self.process.notes if "follow" in note]

    @property
    def writes(self) -> dict[str, int]:
        """Number of values taken over, by what they are."""
        found: Counter[str] = Counter()
        for writes in self.written.values():
            found.update(writes)
        return dict(sorted(found.items()))

    @cached_property
    def written(self) -> dict[int, Mapping[str, int]]:
        """Values taken over in each update."""
        return {int(said["update"]): said["writes"] for said in self._said if "writes" in said}

    @cached_property
    def unforced(self) -> dict[int, Mapping[str, str]]:
        """What could not be taken over in each update, and why."""
        return {int(said["update"]): said["unforced"] for said in self._said if said.get("unforced")}

    @property
    def alone(self) -> tuple[int, str]:
        """The update from which on the follower was alone, and why; beyond all updates where it never was."""
        return next(((int(said["update"]), str(said["alone"])) for said in self._said if "alone" in said), (_LAST, ""))


@dataclass(frozen=True)
class Pair:
    """Two processes, series by series."""

    reference: Process
    candidate: Process
    alignment: Alignment

    def series(self) -> Iterator[tuple[Series, Series | None, Series | None]]:
        """All series of both sides with their counterparts, after the one of both that gives the name."""
        met = set()
        for (channel, name), series in self.reference.series.items():
            other = (channel, self.alignment.candidate_name(channel, name))
            met.add(other)
            yield series, series, self.candidate.series.get(other)
        yield from ((series, None, series) for key, series in self.candidate.series.items() if key not in met)

    @cached_property
    def different(self) -> dict[str, dict[str, frozenset[int]]]:
        """Updates at which values differ, are missing or extra, by channel and by the reference's name."""
        found: dict[str, dict[str, frozenset[int]]] = {}
        for one, series, other in self.series():
            updates = _differing(series, other)
            if updates:
                found.setdefault(one.channel.name, {})[one.name] = updates
        return found

    def differs(self, *channels: str) -> frozenset[int]:
        """Updates at which anything in ``channels`` differs."""
        return frozenset().union(
            *(updates for channel in channels for updates in self.different.get(channel, {}).values())
        )


class Excuses:
    """Why values are not compared at some updates: what feeds them differs, and could not be taken over."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        notes = Notes(pair.candidate)
        self._alone = notes.alone
        fed = self._unforced(notes, "inputs", "parameters", "buffers", "generators")
        cut = dict.fromkeys(pair.differs("micro_steps"), "the number of micro-steps differs")
        fed |= cut
        shown = dict.fromkeys(
            pair.differs("train_mode", "output", "output_content") - fed.keys(), "the forward differs"
        )
        # A model that returns a number returns its loss: what else it returns is not needed for that.
        numbers = {update for one in pair.reference.channel("output") for update in one.updates.tolist()}
        kept = pair.differs("output_content") - _written(notes, "outputs") - numbers
        lost = self._unforced(notes, "outputs") | dict.fromkeys(kept, "what the model returned differs, and was kept")
        target = dict.fromkeys(pair.differs("target", "target_shape"), "what the loss is measured against differs")
        scale = dict.fromkeys(pair.differs("loss") - _written(notes, "output gradients"), "the loss differs")
        loss = fed | lost | target
        gradient = loss | scale | shown
        clip = self._unforced(notes, "gradients")
        step = self._unforced(notes, "clipped gradients", "learning rates", "optimizer state")
        step |= dict.fromkeys(pair.differs("step_skipped"), "the step is skipped on one side")
        evaluation = self._unforced(notes, "evaluation inputs")
        self._by_channel: dict[str, Updates] = {
            **dict.fromkeys(("output", "output_content", "rng_left"), fed),
            **dict.fromkeys(("loss", "output_gradient", "target", "target_shape"), fed),
            **dict.fromkeys(("gradient", "gradient_norm"), gradient),
            **dict.fromkeys(("clip_norm", "gradient_applied"), clip),
            **dict.fromkeys(("parameter", "optimizer_state", "parameter_after", "parameter_outside"), step),
            **dict.fromkeys(("eval_output", "eval_content", "eval_rng"), evaluation),
            "train_mode": cut,
            "buffer": fed | shown,
        }
        self._by_channel |= {"loss": loss, "output_gradient": loss}
        self._grouped = {name: min(at) for name, at in pair.different.get("optimizer_group", {}).items()}

    def of(self, channel: str, name: str) -> Updates:
        """Updates at which the series is not compared, and why."""
        out = dict(self._by_channel.get(channel, {}) if channel != _PRINTED else self._losses_in_print(name))
        parameter = name.rpartition(STATE_SEPARATOR)[0] if channel == "optimizer_state" else name
        if channel in ("parameter", "optimizer_state") and parameter in self._grouped:
            why = "the hyper-parameters that apply to it differ"
            out |= dict.fromkeys(self._updates(since=self._grouped[parameter]), why)
        since, why = self._alone
        return out | dict.fromkeys(self._updates(since=since), f"not followed: {why}")

    def _losses_in_print(self, name: str) -> Updates:
        """Updates at which both sides print a loss that is not compared itself."""
        excused = self._by_channel["loss"]
        other = self._pair.alignment.candidate_name(_PRINTED, name)
        sides = (
            (self._pair.reference, self._pair.reference.get(_PRINTED, name)),
            (self._pair.candidate, self._pair.candidate.get(_PRINTED, other)),
        )
        out: Updates = {}
        for update in updates_of(sides[0][1]) if excused else ():
            # a loss is printed in its own update, or at the end of it, when the next one has begun
            for at in (update, update - 1):
                if at in excused and all(_prints_loss(process, series, update, at) for process, series in sides):
                    out[update] = excused[at]
        return out

    def _updates(self, since: int) -> range:
        """Updates that both sides have: what one has beyond them is missing or extra, however it came about."""
        return range(since, min(self._pair.reference.last_update, self._pair.candidate.last_update) + 1)

    @staticmethod
    def _unforced(notes: Notes, *whats: str) -> Updates:
        return {
            update: f"{what} could not be taken over: {reasons[what]}"
            for update, reasons in notes.unforced.items()
            for what in whats
            if what in reasons
        }


def updates_of(*both: Series | None) -> set[int]:
    """Updates at which either side has a value."""
    return {update for one in both if one is not None for update in one.updates.tolist()}


def _prints_loss(process: Process, series: Series | None, update: int, at: int) -> bool:
    """Whether all that is printed under ``update`` is the loss of a micro-step of ``at``, their mean or their sum."""
    printed = series.at(update).tolist() if series is not None else []
    losses = [value for one in process.channel("loss") for value in one.at(at).tolist()]
    if not printed or not losses:
        return False
    digits, total = decimals(*printed), sum(losses)
    known = (*losses, total, total / len(losses))
    return all(any(rounds_to(one, value, digits) for value in known) for one in printed)


def _written(notes: Notes, what: str) -> frozenset[int]:
    return frozenset(update for update, writes in notes.written.items() if what in writes)


def _differing(series: Series | None, other: Series | None) -> frozenset[int]:
    """Updates at which two series are not equal, bit for bit and value by value."""
    if series is None or other is None:
        one = series if series is not None else other
        return frozenset(one.updates.tolist()) if one is not None else frozenset()
    ours, theirs = _bits(series), _bits(other)
    if np.array_equal(series.updates, other.updates):
        return frozenset(series.updates[ours != theirs].tolist())
    return frozenset(
        update
        for update in {*series.updates.tolist(), *other.updates.tolist()}
        if series.at(update).tolist() != other.at(update).tolist()
    )


def _bits(series: Series) -> Any:
    return series.values.view(np.uint64) if series.values.dtype == np.float64 else series.values
