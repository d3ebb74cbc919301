"""What rules declare: every cause that can be named is declared, documented, and shown somewhere."""

import ast
import re
from pathlib import Path

import pytest
from small_training import Training

from parity.compare.engine import compare
from parity.diagnose.case import Case
from parity.diagnose.document import declared, document
from parity.diagnose.registry import Cause, documented, rule
from parity.findings.judge import judge
from parity.trace.channels import CHANNELS

ROOT = Path(__file__).parents[3]


def named_in_the_rules():
    """Every literal id in the source of the rules: what a Cause is given, and what a helper is given to make one."""
    for path in sorted((ROOT / "parity" / "diagnose").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Cause", "_cause", "cause"):
                for part in (*node.args, *(one.value for one in node.keywords if one.arg == "id")):
                    yield from (one.value for one in ast.walk(part) if is_identifier(one))


def is_identifier(node):
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch("[a-z]+(-[a-z]+)+", node.value) is not None
    )


def test_every_id_in_the_rules_is_declared():
    found = set(named_in_the_rules())
    assert len(found) > 40
    assert found <= {one.id for one in declared()}


def test_every_declared_cause_is_a_row_of_some_table_of_the_tests():
    # A reference that loses what the candidate restores: the tables change candidates only.
    unshown = {"resume-restores-more"}
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")]
    found = {one.id for one in declared() if not any(f'"{one.id}"{end}' in text for text in texts for end in ",:")}
    assert found == unshown


@pytest.mark.parametrize("one", declared(), ids=lambda one: one.id)
def test_a_declaration_is_complete_and_documented(one):
    assert one.what.endswith(".")
    assert one.advice
    assert one.predicts
    assert set(one.needs) <= set(CHANNELS)
    page, _, anchor = documented(one.id).partition("#")
    assert page == "docs/causes.md"
    assert f"### {anchor}\n" in document()


def case():
    training = Training(updates=1)
    trace = training.trace()
    return Case(judge(compare(trace, trace)))


def made(advice="", consequence="It is odd."):
    return Cause(id="odd", title="", explains=(), evidence=(), consequence=consequence, advice=advice)


def test_a_rule_takes_its_advice_from_its_declaration_unless_it_knows_better():
    declare = rule("odd", needs=(), predicts="nothing", advice="Look there.")
    assert declare(lambda _: made())(case()).advice == "Look there."
    assert declare(lambda _: made("Look here."))(case()).advice == "Look here."
    assert declare(lambda _: None)(case()) is None


def test_a_rule_says_what_its_cause_does_to_the_training():
    declare = rule("odd", needs=(), predicts="nothing", advice="Look there.")
    with pytest.raises(AssertionError, match="what odd does to the training"):
        declare(lambda _: made(consequence=""))(case())


def test_a_rule_cannot_name_what_it_does_not_declare():
    declare = rule("even", needs=(), predicts="nothing", advice="Look there.")
    with pytest.raises(AssertionError, match="does not declare odd"):
        declare(lambda _: made())(case())
