"""The discrepancy report: one pair with all its scenarios, what differs, since when and why."""

from collections.abc import Sequence

from parity.diagnose.outcome import Outcome
from parity.report.charts.figures import Chart
from parity.report.document import Code, Document, Text
from parity.report.facts import program
from parity.report.sections.accepted import accepted
from parity.report.sections.betrayals import betrayals
from parity.report.sections.causes import causes
from parity.report.sections.coverage import coverage
from parity.report.sections.follow import phases
from parity.report.sections.noise import noise
from parity.report.sections.pictures import pictures
from parity.report.sections.resumption import resumptions
from parity.report.sections.runs import runs
from parity.report.sections.structure import structure
from parity.report.sections.summary import summary
from parity.report.sections.surroundings import surroundings
from parity.report.sections.zoom import zoom
from parity.report.wording import shorten


def discrepancy_report(outcomes: Sequence[Outcome], charts: Sequence[Chart] = ()) -> Document:
    """Put the report of one pair together from the outcomes of its scenarios and the charts that stand beside it."""
    first = (summary, structure, phases, causes, zoom, noise)
    then = (resumptions, accepted, surroundings, coverage, runs, betrayals)
    sections = (*(part(outcomes) for part in first), pictures(charts), *(part(outcomes) for part in then))
    return Document(_title(outcomes), tuple(section for section in sections if section is not None))


def _title(outcomes: Sequence[Outcome]) -> Text:
    comparison = next((one.judgement.comparison for one in outcomes if one.judgement is not None), None)
    if comparison is None:
        pairs = tuple(dict.fromkeys(outcome.pair for outcome in outcomes))
        return "Discrepancy report: ", Code(pairs[0] if pairs else "nothing run")
    reference, candidate = program(comparison.reference), program(comparison.candidate)
    if reference == candidate:
        # One program with other arguments: only its commands tell the sides apart.
        reference, candidate = (shorten(one.command) for one in (comparison.reference, comparison.candidate))
    return "Discrepancy report: ", Code(reference), " vs. ", Code(candidate)
