"""Commands of a GitHub workflow: annotations of the most significant issues, escaped as the runner unescapes them."""

from collections.abc import Sequence
from typing import Final

from parity.report.ci.issues import Issue
from parity.report.wording import shorten, visible

MOST_ANNOTATIONS: Final = 10
_LONGEST: Final = 4000
_DATA: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def annotations(issues: Sequence[Issue]) -> str:
    """One line for each of the first ten issues; a runner shows no more of one step."""
    return "".join(f"{_command(one)}\n" for one in issues[:MOST_ANNOTATIONS])


def _command(issue: Issue) -> str:
    where = {"file": issue.file, "line": str(issue.line)} if issue.file and issue.line else {}
    named = {**where, "title": shorten(f"{issue.pair}: {issue.title}")}
    properties = ",".join(f"{name}={visible(text).translate(_PROPERTY)}" for name, text in named.items())
    lines = [visible(part) for part in (issue.message, issue.advice) if part]
    data = shorten("\n".join(lines), _LONGEST).translate(_DATA)
    return f"::error {properties}::{data}"
