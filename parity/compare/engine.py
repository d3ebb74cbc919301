"""The exact pass: every aligned series of every common rank, in causal order."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from parity.align.names import Alignment, align_names
from parity.compare.clocks import is_clock_metric, is_clock_reading
from parity.compare.digesting import PLACE, digests_apart
from parity.compare.measurement import Comparison, Coverage, Difference, Measurement, NotCompared
from parity.compare.precision import Precisions, find_precisions, within_precision
from parity.compare.series import compare_series, extra_values, missing_values
from parity.compare.silences import Silence, find_silences
from parity.compare.sketches import estimated
from parity.compare.whole_run import compare_whole_runs
from parity.trace.channels import CHANNELS, Carries
from parity.trace.model import Process, Series, Trace

_DESCRIPTIVE: Final = frozenset({"call_site", "config_source", "source_file", "samples", "sample"})
_SELDOM: Final = frozenset({"exit_status", "world_size", "exception", "samples", "sample"})
_ORDER: Final = {name: position for position, name in enumerate(CHANNELS)}
_CLOCKS: Final = {"log_value": is_clock_reading, "metric": is_clock_metric}
_CLOCK: Final = "clock"
"""The note of a program that was given a clock which moves with its updates."""
_FAKED: Final = "the other ranks did not exist (engine fake), so its numbers mean nothing"
_DIGESTS_DIFFER: Final = "the two traces were made with different digest algorithms"


def compare(reference: Trace, candidate: Trace) -> Comparison:
    """Measure every difference between two traces, judging nothing."""
    tally = _Tally()
    silences = find_silences(reference, candidate)
    measurements = list(compare_whole_runs(reference, candidate))
    faked = "fake" in (reference.manifest.get("engine"), candidate.manifest.get("engine"))
    precisions = find_precisions(reference, candidate)
    alignment = Alignment()
    for process in reference.processes:
        other = candidate.rank(process.rank)
        if other is None:
            tally.skip("rank", str(process.rank), "the candidate has no such rank")
            continue
        aligned = align_names(process, other)
        alignment = alignment if alignment.parameters or alignment.files else aligned
        if faked:
            process, other = (_bookkeeping(one, tally) for one in (process, other))
        measurements += _compare_process(process, other, aligned, tally, precisions)
    for process in candidate.processes:
        if reference.rank(process.rank) is None:
            tally.skip("rank", str(process.rank), "the reference has no such rank")
    measurements = [one for one in measurements if not tally.unobservable(one, silences)]
    measurements.sort(key=lambda one: (*one.place, _ORDER[one.channel.name], one.rank))
    tally.absent(reference, candidate)
    blind = digests_apart(reference, candidate)
    if blind:
        tally.skip("trace", PLACE, blind)
    return Comparison(
        reference=reference,
        candidate=candidate,
        alignment=alignment,
        measurements=tuple(measurements),
        not_compared=tuple(dict.fromkeys(tally.not_compared)),
        coverage={name: tally.coverage(name) for name in CHANNELS if name in tally.series},
        blind=blind,
    )


class _Tally:
    """What was compared, what was equal, and what could not be compared."""

    def __init__(self) -> None:
        self.not_compared: list[NotCompared] = []
        self.series: Counter[str] = Counter()
        self._values: Counter[str] = Counter()
        self._unequal: Counter[str] = Counter()

    def skip(self, channel: str, name: str, reason: str) -> None:
        self.not_compared.append(NotCompared(channel=channel, name=name, reason=reason))

    def unobservable(self, measurement: Measurement, silences: tuple[Silence, ...]) -> bool:
        """Whether a value is absent only because that side could not be heard there; then it is listed with why."""
        for silence in silences:
            if silence.covers(measurement):
                self.skip(measurement.channel.name, measurement.name, silence.reason)
                return True
        return False

    def count(self, series: Series, found: list[Measurement]) -> None:
        name = series.channel.name
        self.series[name] += 1
        self._values[name] += len(series) - sum(one.differing for one in found if one.difference is Difference.MISSING)
        self._unequal[name] += sum(one.differing for one in found if one.difference is Difference.VALUE)

    def coverage(self, name: str) -> Coverage:
        return Coverage(
            series=self.series[name], values=self._values[name], equal=self._values[name] - self._unequal[name]
        )

    def absent(self, *traces: Trace) -> None:
        """Channels that neither side holds, and what damaged or partial recordings leave open."""
        for name, channel in CHANNELS.items():
            held = any(
                process.get(name) or any(process.channel(name)) for trace in traces for process in trace.processes
            )
            if not held and not channel.only_followed and name not in _SELDOM:
                self.skip(name, "", "observed on neither side")
        for side, trace in zip(("reference", "candidate"), traces, strict=True):
            for process in trace.processes:
                self._incomplete(side, process)
            if trace.is_imported:
                self.skip("trace", side, f"{trace.command}: whatever its source does not know is absent")
            for remark in trace.manifest.get("remarks", ()):
                self.skip("trace", side, str(remark))

    def _incomplete(self, side: str, process: Process) -> None:
        where = f"{side} rank {process.rank}"
        if process.lost_bytes:
            self.skip("trace", where, f"{process.lost_bytes} bytes at the end of {process.file} are damaged")
        if process.sealed is None:
            self.skip("trace", where, f"it was ended from outside after update {process.updates - 1}")
        for note in process.notes:
            if "blind" in note:
                self.skip("recorder", where, str(note["blind"]))
            if "probe" in note:
                self.skip("probe", str(note["probe"]), f"switched off on the {side}: {note.get('error', '')}")


def _bookkeeping(process: Process, tally: _Tally) -> Process:
    """What a rank among ranks that did not exist holds besides numbers."""
    kept = {key: series for key, series in process.series.items() if series.channel.carries is not Carries.VALUES}
    for channel, name in process.series:
        if (channel, name) not in kept:
            tally.skip(channel, "", _FAKED)
    return replace(process, series=kept)


def _renamed(series: Series, alignment: Alignment) -> Series:
    """``tied_storage`` holds names of parameters: written as the candidate writes them."""
    if series.channel.name != "tied_storage" or not alignment.parameters:
        return series
    return replace(series, values=np.array([alignment.parameters.get(one, one) for one in series.values], dtype=object))


def _compare_process(
    reference: Process, candidate: Process, alignment: Alignment, tally: _Tally, precisions: Precisions
) -> Iterator[Measurement]:
    same_digests = reference.header.get("digest") == candidate.header.get("digest")
    same_clock = all(any(_CLOCK in note for note in process.notes) for process in (reference, candidate))
    matched: set[tuple[str, str]] = set()
    for (channel, name), series in reference.series.items():
        if channel in _DESCRIPTIVE:
            continue
        other_name = alignment.candidate_name(channel, name)
        matched.add((channel, other_name))
        reason = _incomparable(series, same_digests=same_digests, same_clock=same_clock)
        if reason:
            tally.skip(channel, name, reason)
            continue
        other = candidate.get(channel, other_name)
        if other is not None:
            other, unproved = within_precision(series, other, *precisions.of(name, other_name))
            found = list(compare_series(_renamed(series, alignment), other, reference.rank))
            if unproved and not found:
                tally.skip(channel, name, unproved)
                continue
        else:
            found = [missing_values(series, other_name, reference.rank)]
        tally.count(series, found)
        yield from (estimated(one, reference, candidate) for one in found)
    for key, series in candidate.series.items():
        if key in matched or key[0] in _DESCRIPTIVE:
            continue
        if _incomparable(series, same_digests=same_digests, same_clock=same_clock):
            continue
        yield extra_values(series, series.name, reference.rank)


def _incomparable(series: Series, *, same_digests: bool, same_clock: bool) -> str:
    is_clock = _CLOCKS.get(series.channel.name)
    if is_clock is not None and not same_clock and is_clock(series.name):
        return "a clock reading"
    if not same_digests and series.values.dtype == "uint64":
        return _DIGESTS_DIFFER
    return ""
