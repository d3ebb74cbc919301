"""What is printed and reported, beside what was computed. These rules read words, so they never gate."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

from parity.invariants.model import Found, Invariant, Unseen, violation
from parity.invariants.reading import per_update
from parity.trace.model import Process, Series, Trace
from parity.trace.printed import decimals, number, rounds_to

_TRAIN: Final = re.compile(r"(?<![a-z])train(?:ing)?(?![a-z])")
_HELD_OUT: Final = re.compile(r"(?<![a-z])(?:val|valid|validation|eval|evaluation|test|dev)(?![a-z])")
_LOSS: Final = re.compile(r"(?<![a-z])loss(?![a-z])")
_TOKENS: Final = re.compile(r"\btokens (?:per|/) ?(?:iter|iteration|step|update|optimizer step)\b")
_FEWEST: Final = 2
_FIGURES: Final = 1e-4


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
            yield Number(
                f"{found.label} {found.unit}" if "token" in found.unit else found.label, found.template, series
            )
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
    consumed = [per_update(process, "tokens") for process in trace.processes]
    worlds = {int(process.header.get("world", 1)) for process in trace.processes}
    if worlds != {trace.world}:
        yield Unseen("not every rank was recorded")
        return
    sums = {sum(one[update] for one in consumed) for update in set.intersection(*map(set, consumed))}
    shapes = [str(text) for process in trace.processes for one in process.channel("batch_shape") for text in one.values]
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
        micro = per_update(process, "micro_steps")
        loss = process.get("loss")
        if loss is None or max(micro.values(), default=1) < _FEWEST:
            continue
        for one in _numbers(process):
            if not _LOSS.search(one.label) or _HELD_OUT.search(one.label):
                continue
            told, meanings = _meanings(one.series, loss, micro)
            heard |= told > 0
            part = next((meaning for meaning in meanings if meaning), "")
            if told >= _FEWEST and "" not in meanings and part:
                update, name = int(one.series.updates[0]), one.series.name
                observed = f"{one.series.python(0)}, which is {part}"
                expected = "the loss of the whole update"
                channel = one.series.channel.name
                yield violation(channel, name, process.rank, update, observed, expected, more=told - 1)
    if not heard:
        yield Unseen("no reported loss could be told from that of a single micro-step")


def _meanings(shown: Series, loss: Series, micro: dict[int, int]) -> tuple[int, set[str]]:
    """How many shown numbers tell a whole update's loss from a micro-step's, and what all of them may mean.

    The empty text means the loss of the whole update, or something else altogether.
    """
    digits = decimals(*shown.values[:1000].tolist())
    told, common = 0, {_LAST, _LAST_SCALED, ""}
    for update, value in zip(shown.updates.tolist(), shown.values.tolist(), strict=True):
        parts = loss.at(update)
        if len(parts) < _FEWEST or micro.get(update) != len(parts) or not np.isfinite(parts).all():
            continue
        whole = (parts.sum(), parts.mean())
        last = {_LAST: float(parts[-1]), _LAST_SCALED: float(parts[-1]) * len(parts)}
        if any(abs(one - part) <= max(_FIGURES * abs(part), 10.0**-digits) for one in whole for part in last.values()):
            continue
        told += 1
        common &= {text for text, part in last.items() if _shows(value, part, digits)}
        if any(_shows(value, float(one), digits) for one in whole):
            common.add("")
        if not common:
            break
    return (told, common) if common else (0, common)


_LAST: Final = "the loss of the last micro-step alone, as it is differentiated"
_LAST_SCALED: Final = "the loss of the last micro-step alone, times the number of micro-steps"


def _shows(shown: float, value: float, digits: int) -> bool:
    # Beyond float32 a tracker's number is rounded too.
    return rounds_to(shown, value, digits) or abs(shown - value) <= 1e-6 * abs(value)


RULES = (
    Invariant(
        id="losses-reported-apart",
        title="The training loss and the validation loss that are reported are two numbers",
        broken="The training loss and the validation loss that are reported are always equal",
        needs=("loss",),
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
        check=_tokens_add_up,
        consequence="The size of an update is reported wrongly, and so is everything that people derive from it.",
        advice="Tokens of an update are micro-steps x world size x batch size x sequence length.",
        gates=False,
    ),
    Invariant(
        id="loss-of-the-whole-update",
        title="The loss that is reported is that of the whole update",
        broken="The loss that is reported is that of one micro-step",
        needs=("loss", "micro_steps"),
        check=_whole_loss,
        consequence="The reported curve is noisier than the training, and off by the number of micro-steps where the "
        "loss has been divided.",
        advice="Add up the losses of the micro-steps, each divided as for backward, and report the sum.",
        gates=False,
    ),
)
