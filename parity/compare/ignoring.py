"""Leaving series out of a comparison because the policy says so; each is listed with the reason."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from parity.compare.measurement import Comparison, Coverage, Difference, Measurement, NotCompared
from parity.compare.series import positions
from parity.compare.tolerance import Ignored, Tolerance
from parity.trace.model import Series


def without_ignored(comparison: Comparison, tolerances: Sequence[Tolerance]) -> Comparison:
    """``comparison`` without whatever the ``Ignored`` among ``tolerances`` cover, be it equal or not."""
    rules = [one for one in tolerances if isinstance(one, Ignored)]
    if not rules:
        return comparison
    left_out = [(one, rule) for one in comparison.measurements if (rule := _rule(*_key(one), rules)) is not None]
    dropped = {id(one) for one, _ in left_out}
    unequal = Counter((_key(one), one.rank) for one, _ in left_out for _ in range(one.differing) if _is_value(one))
    coverage = dict(comparison.coverage)
    reasons: dict[tuple[str, str], str] = {_key(one): rule.reason for one, rule in left_out}
    for rank, series, other in _compared(comparison):
        rule = _rule(series.channel.name, series.name, rules)
        if rule is not None:
            reasons[series.key] = rule.reason
            values = 0 if other is None else len(positions(series, other)[0])
            equal = values - unequal[series.key, rank]
            coverage[series.channel.name] = _less(coverage[series.channel.name], values, equal)
    named = [NotCompared(channel=key[0], name=key[1], reason=f"ignored: {why}") for key, why in sorted(reasons.items())]
    return replace(
        comparison,
        measurements=tuple(one for one in comparison.measurements if id(one) not in dropped),
        not_compared=(*comparison.not_compared, *named),
        coverage={name: one for name, one in coverage.items() if one.series},
    )


def _rule(channel: str, name: str, rules: Sequence[Ignored]) -> Ignored | None:
    return next((one for one in rules if fnmatchcase(channel, one.channel) and fnmatchcase(name, one.name)), None)


def _key(measurement: Measurement) -> tuple[str, str]:
    return measurement.channel.name, measurement.name


def _is_value(measurement: Measurement) -> bool:
    return measurement.difference is Difference.VALUE


def _compared(comparison: Comparison) -> Iterator[tuple[int, Series, Series | None]]:
    """Series that the coverage counts, with their counterparts, on each rank."""
    passed_over = {(one.channel, one.name) for one in comparison.not_compared}
    for process in comparison.reference.processes:
        candidate = comparison.candidate.rank(process.rank)
        for key, series in process.series.items():
            if candidate is not None and key[0] in comparison.coverage and key not in passed_over:
                yield process.rank, series, candidate.get(key[0], comparison.alignment.candidate_name(*key))


def _less(coverage: Coverage, values: int, equal: int) -> Coverage:
    return Coverage(series=coverage.series - 1, values=coverage.values - values, equal=coverage.equal - equal)
