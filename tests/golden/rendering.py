"""Write the report of some pairs in every genre and format, from what their runs left behind.

Run as a program: arguments are a directory to write into, and the directories of the pairs.
"""

import sys
from dataclasses import replace
from pathlib import Path

from parity.diagnose.ruling import ruled
from parity.policy import find_policy
from parity.report.formats import FORMATS
from parity.report.genres import GENRES
from parity.run.reports import write_report
from parity.run.subjects import read_subject
from parity.verbs.ledger import ledger_in, policy_in
from parity.verbs.scenarios import tolerances_in

NEEDS_MATPLOTLIB = {"png"}
ABOUT_ONE_PAIR = {"discrepancy"}


def main(out: Path, *pairs: Path) -> None:
    """Write each genre into a directory of its name."""
    policy = find_policy(Path.cwd())
    known = policy_in(policy)
    ledger = ledger_in(Path("reports/waivers.toml"), known)
    read = [read_subject(one, tolerances_in(policy, one.name), sources=Path.cwd(), policy=known) for one in pairs]
    subjects = [replace(one, outcomes=tuple(ruled(one.outcomes, ledger))) for one in read]
    formats = [name for name in FORMATS if name not in NEEDS_MATPLOTLIB]
    for genre in GENRES:
        for part in [[one] for one in subjects] if genre in ABOUT_ONE_PAIR else [subjects]:
            write_report(part, out / genre / part[0].pair, genre=genre, formats=formats, templates=None)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
