"""``parity report``: judge stored traces again, and write reports of them."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from parity.verbs.ledger import WAIVERS, announce, ledger_in, policy_in
from parity.verbs.options import JSON, POLICY, QUIET
from parity.verbs.scenarios import print_outcomes, tolerances_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.report.subject import Subject

# Spelt out, because their modules are imported only where they are used; a test holds both lists together.
GENRES: Final = ("discrepancy", "status", "comparison", "features", "integration")
FORMATS: Final = ("md", "html", "png", "json", "junit", "sarif", "github")


def _formats(_: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
    """The formats in ``value``, each once, in order."""
    names = tuple(dict.fromkeys(word.strip() for word in value.split(",")))
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        message = f"{', '.join(map(repr, unknown))}: expected some of {', '.join(FORMATS)}, separated by commas"
        raise click.BadParameter(message, param=option)
    return names


@click.command()
@click.argument("pairs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--genre", type=click.Choice(GENRES), default="discrepancy", show_default=True, help="What it is about.")
@click.option(
    "--format",
    "formats",
    metavar="F[,F...]",
    callback=_formats,
    default="md",
    show_default=True,
    help=f"Some of {', '.join(FORMATS)}.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Directory of the report; else the pair's.")
@POLICY
@WAIVERS
@QUIET
@JSON
def report(
    pairs: tuple[Path, ...],
    genre: str,
    formats: tuple[str, ...],
    output: Path | None,
    policy: Path | None,
    waivers: Path,
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    """Judge the stored traces of PAIR directories again, and write their results and a report anew.

    They are judged by the policy after --policy, else by the one of the nearest pyproject.toml. A discrepancy report is
    about one pair: several directories get one each. All other genres take them together.
    """
    from parity.diagnose.ruling import ruled
    from parity.gate import exit_code
    from parity.policy import find_policy
    from parity.run.results import write_results
    from parity.run.subjects import read_subject

    policy = policy or find_policy(Path.cwd())
    known = policy_in(policy)
    ledger = ledger_in(waivers, known)
    read = [
        read_subject(pair, tolerances_in(policy, pair.resolve().name), sources=Path.cwd(), policy=known)
        for pair in pairs
    ]
    subjects = [replace(subject, outcomes=tuple(ruled(subject.outcomes, ledger))) for subject in read]
    for pair, subject in zip(pairs, subjects, strict=True):
        write_results(subject.outcomes, pair)
    if genre == "discrepancy":
        places = [output / one.pair if len(pairs) > 1 else output for one in subjects] if output else pairs
        written = [_write([one], place, genre, formats) for one, place in zip(subjects, places, strict=True)]
    else:
        written = [_write(subjects, output or _beside(pairs), genre, formats)]
    outcomes = [outcome for subject in subjects for outcome in subject.outcomes]
    announce(ledger, outcomes)
    path = next(iter(written[-1].values()))
    place = pairs[0] if len(pairs) == 1 and genre == "discrepancy" else None
    print_outcomes(outcomes, path, place=place, as_json=as_json, quiet=quiet)
    sys.exit(exit_code(outcomes))


def _beside(pairs: tuple[Path, ...]) -> Path:
    return pairs[0] if len(pairs) == 1 else Path(os.path.commonpath([pair.resolve() for pair in pairs]))


def _write(subjects: "Sequence[Subject]", directory: Path, genre: str, formats: tuple[str, ...]) -> dict[str, Path]:
    from parity.report.formats import ANNOTATIONS, SUMMARY
    from parity.report.house import TEMPLATES
    from parity.run.reports import append_summary, write_report

    written = write_report(subjects, directory, genre=genre, formats=formats, templates=TEMPLATES)
    if SUMMARY in written:
        append_summary(written[SUMMARY], os.environ)
        # Runners read commands from both streams; the standard output is kept for the result.
        click.echo(written[ANNOTATIONS].read_text(encoding="utf-8"), nl=False, err=True)
    return written
