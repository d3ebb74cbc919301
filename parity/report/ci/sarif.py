"""SARIF 2.1.0: one result for each issue, with a fingerprint that stays the same from run to run."""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from parity.report.ci.issues import Issue
from parity.report.machine import to_json
from parity.report.wording import sentence, visible

_VERSION: Final = "2.1.0"
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_FINGERPRINT: Final = "parity/v1"
_NEUTRAL: Final = re.compile(r"[{}]")


def sarif(issues: Sequence[Issue]) -> str:
    """The log of one run of the instrument; without issues, a run without results."""
    rules = {issue.rule: issue for issue in reversed(issues)}
    ordered = sorted(rules)
    driver = {"name": "parity", "rules": [_rule(rules[name]) for name in ordered]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(issue, ordered.index(issue.rule)) for issue in issues],
    }
    return to_json({"$schema": _SCHEMA, "version": _VERSION, "runs": [run]})


def _rule(issue: Issue) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": visible(issue.rule),
        "shortDescription": {"text": sentence(visible(issue.title))},
        "defaultConfiguration": {"level": "error"},
    }
    if issue.advice:
        rule["help"] = {"text": visible(f"{issue.advice} {issue.help}".strip())}
    return rule


def _result(issue: Issue, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": visible(issue.rule),
        "ruleIndex": index,
        "level": "error",
        "message": {"text": visible(issue.message)},
        "partialFingerprints": {_FINGERPRINT: issue.fingerprint},
        "properties": {"pair": visible(issue.pair), "scenarios": [visible(one) for one in issue.scenarios]},
    }
    if issue.file and not _NEUTRAL.search(issue.file):
        place: dict[str, Any] = {"artifactLocation": {"uri": _uri(issue.file)}}
        if issue.line > 0:
            place["region"] = {"startLine": issue.line}
        result["locations"] = [{"physicalLocation": place}]
    return result


def _uri(file: str) -> str:
    """A path as a relative reference, or as a file URI where it is absolute."""
    path = quote(file.replace("\\", "/").encode("utf-8", "surrogatepass"), safe="/")
    return f"file://{path}" if path.startswith("/") else path
