"""What is printed and reported, beside what was computed. These rules read words, so they never gate."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

from parity.invariants.model import Found, Invariant, Unseen, violation
from parity.trace.model import Process, Series, Trace
from parity.trace.printed import decimals, number, rounds_to

_TRAIN: Final = re.compile(r"(?<![a-z])train(?:ing)?(?![a-z])")
_HELD_OUT: Final = re.compile(r"(?<![a-z])(?:val|valid|validation|eval|evaluation|test|dev)(?![a-z])")
_LOSS: Final = re.compile(r"(?<![a-z])loss(?![a-z])")
_WHOLE: Final = re.compile(r"^(?:.*(?<![a-z])train(?:ing)?[ /])?loss$")
_TOKENS: Final = re.compile(r"\btokens (?:per|/) ?(?:iter|iteration|step|update|optimizer step)\b")
_FEWEST: Final = 2
_MOST: Final = 1000
_FIGURES: Final = 1e-4
_FLOAT32: Final = 1e-6
_AS_IT_IS: Final = "as it is differentiated"
_SCALED: Final = "times the number of micro-steps"


@dataclass(frozen=True)
class Number:
    """A number that the program prints or reports: what it is called, where it stands, its values."""

    label: str
    line: str
    series: Series


def _numbers(process: Process) -> Iterator[Number]:
    for series in process.channel("log_value"):
        found = number(series.name)
        if found is not None:
            unit = f" {found.unit}" if "token" in found.unit else ""
            yield Number(found.label + unit, found.template, series)
    for series in process.channel("metric"):
        yield Number(series.name.lower().replace("_", " "), "a metric", series)


def _losses_differ(trace: Trace) -> Iterator[Found]:
    heard = False
    for process in trace.processes:
        lines: dict[str, list[Number]] = defaultdict(list)
        for one in _numbers(process):
            if _LOSS.search(one.label):
                lines[one.line].append(one)
        for together in lines.values():
            held_out = [one for one in together if _HELD_OUT.search(one.label)]
            training = [one for one in together if _TRAIN.search(one.label) and one not in held_out]
            for ours, theirs in product(training, held_out):
                heard = True
                if _always_equal(ours.series, theirs.series):
                    observed = f"{theirs.label.strip()} {theirs.series.python(0)}, the same as {ours.label.strip()}"
                    more = len(ours.series) - 1
                    update, name = int(ours.series.updates[0]), theirs.series.name
                    channel = theirs.series.channel.name
                    yield violation(channel, name, process.rank, update, observed, "two numbers", more=more)
    if not heard:
        yield Unseen("no line or metric shows a loss of the training beside one that is held out")


def _always_equal(ours: Series, theirs: Series) -> bool:
    """Whether two series show the same numbers, and enough different ones that this is no chance."""
    same = np.array_equal(ours.updates, theirs.updates) and np.array_equal(ours.values, theirs.values)
    return same and len(np.unique(ours.values)) >= _FEWEST


def _tokens_add_up(trace: Trace) -> Iterator[Found]:
    if {int(process.header.get("world", 1)) for process in trace.processes} != {trace.world}:
        yield Unseen("not every rank was recorded")
        return
    consumed = [series for process in trace.processes if (series := process.get("tokens")) is not None]
    length = min(map(len, consumed))
    sums = set(np.sum([one.values[:length] for one in consumed], axis=0).tolist())
    shapes = {text for process in trace.processes for one in process.channel("batch_shape") for text in set(one.values)}
    if len(sums) != 1 or not shapes or not all(re.match(r"u?int\d+\[\d+, \d+\]", text) for text in shapes):
        yield Unseen("what updates consume is not one number of tokens")
        return
    (actual,) = sums
    heard = False
    for process in trace.processes:
        for one in _numbers(process):
            if not _TOKENS.search(one.label):
                continue
            heard = True
            printed = float(one.series.values[0])
            if printed != actual:
                observed = f"{printed:,.0f} printed"
                update, name = int(one.series.updates[0]), one.series.name
                expected = f"{actual:,}, which every update consumes"
                yield violation(one.series.channel.name, name, process.rank, update, observed, expected)
    if not heard:
        yield Unseen("no line tells the tokens of an update")


def _whole_loss(trace: Trace) -> Iterator[Found]:
    heard = False
    for process in trace.processes:
        loss = process.get("loss")
        updates = _accumulating(process)
        if loss is None or not updates:
            continue
        for one in _numbers(process):
            if not _WHOLE.search(one.label):
                continue
            told, meaning = _meaning(one.series, loss, updates)
            heard |= told >= _FEWEST or (told > 0 and not meaning)
            if told >= _FEWEST and meaning:
                update, channel = int(one.series.updates[0]), one.series.channel.name
                observed = f"{one.series.python(0)}, the loss of the last micro-step alone, {meaning}"
                expected = "the loss of the whole update"
                yield violation(channel, one.series.name, process.rank, update, observed, expected, more=told - 1)
    if not heard:
        yield Unseen("no reported loss can be told from that of a single micro-step")


def _accumulating(process: Process) -> set[int]:
    """Updates that add up the gradients of several micro-steps, each of one forward with other data than the rest.

    A closure, a second look at the same batch and a second loss make several backward passes too. The first thousand
    updates are enough to tell.
    """
    micro, batch = process.get("micro_steps"), process.get("batch", "0")
    if micro is None or batch is None:
        return set()
    several = micro.values > 1
    return {
        update
        for update, number in zip(micro.updates[several][:_MOST], micro.values[several][:_MOST], strict=True)
        if len(set(batch.at(update).tolist())) == number > _cleared(process, update)
    }


def _cleared(process: Process, update: int) -> int:
    series = process.get("zero_grad")
    return 0 if series is None else int(series.at(update).sum())


def _meaning(shown: Series, loss: Series, updates: set[int]) -> tuple[int, str]:
    """How many shown numbers can be told apart, and what all of these are, if they are that of the last micro-step."""
    digits = decimals(*shown.values[:_MOST].tolist())
    told, common = 0, {_AS_IT_IS, _SCALED}
    for update, value in zip(shown.updates[:_MOST].tolist(), shown.values[:_MOST].tolist(), strict=True):
        parts = loss.at(update)
        if update not in updates or len(parts) < _FEWEST or not np.isfinite(parts).all():
            continue
        whole = (float(parts.sum()), float(parts.mean()))
        last = {_AS_IT_IS: float(parts[-1]), _SCALED: float(parts[-1]) * len(parts)}
        if any(abs(one - part) <= max(_FIGURES * abs(part), 10.0**-digits) for one in whole for part in last.values()):
            continue
        told += 1
        common &= {text for text, part in last.items() if _shows(value, part, digits)}
        if not common:
            break
    return told, min(common, default="")


def _shows(shown: float, value: float, digits: int) -> bool:
    # A tracker's number may have gone through float32.
    return rounds_to(shown, value, digits) or abs(shown - value) <= _FLOAT32 * abs(value)


RULES = (
    Invariant(
        id="losses-reported-apart",
        title="The training loss and the validation loss that are reported are two numbers",
        broken="The training loss and the validation loss that are reported are always equal",
        needs=("loss",),
        reads=("log_value", "metric"),
        check=_losses_differ,
        consequence="One of the two is never reported: overfitting cannot be seen.",
        advice="Compare what is passed to the line that reports the losses.",
        gates=False,
    ),
    Invariant(
        id="tokens-add-up",
        title="The tokens of an update that are printed are those that it consumes",
        broken="The tokens of an update that are printed are not those that it consumes",
        needs=("tokens", "batch_shape"),
        reads=("log_value", "metric"),
        check=_tokens_add_up,
        consequence="The size of an update is reported wrongly, and so is everything that people derive from it.",
        advice="Tokens of an update are micro-steps x world size x batch size x sequence length.",
        gates=False,
    ),
    Invariant(
        id="loss-of-the-whole-update",
        title="The loss that is reported is that of the whole update",
        broken="The loss that is reported is that of one micro-step",
        needs=("loss", "micro_steps", "batch"),
        reads=("log_value", "metric", "zero_grad"),
        check=_whole_loss,
        consequence="The reported curve is noisier than the training, and off by the number of micro-steps where the "
        "loss has been divided.",
        advice="Add up the losses of the micro-steps, each divided as for backward, and report the sum.",
        gates=False,
    ),
)
