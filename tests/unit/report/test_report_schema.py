"""What is written as JSON is what the schema declares, and the check of that can fail."""

import json

import pytest

from parity.report.machine import result_json, to_json
from parity.report.schema import OBJECTS
from parity.report.schema_document import document, result_schema
from tests.structure import faults
from tests.unit.report.test_report_machine import EVERY

ROOT = json.loads(result_schema())
RESULT = ROOT["$defs"]["result"]


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_every_result_is_as_declared(make):
    assert faults(json.loads(to_json(result_json(make()))), ROOT, ROOT) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda result: result.pop("zoom"), "$: zoom is missing"),
        (lambda result: result.update(mood="good"), "$: mood is not declared"),
        (lambda result: result.update(verdict="fine"), "$.verdict: 'fine' is none of"),
        (lambda result: result.update(schema=2), "$.schema: 2 is not 1"),
        (lambda result: result["findings"][0].update(gates=1), "$.findings[0].gates: 1 is no boolean"),
        (lambda result: result["findings"][0].update(update=-2), "$.findings[0].update: -2 is below -1"),
        (lambda result: result["findings"][0]["first"].update(ulp=0.5), "$.findings[0].first.ulp: 0.5 is no integer"),
        (lambda result: result["causes"][0].pop("advice"), "$.causes[0]: advice is missing"),
        (lambda result: result["environment"]["candidate"].update(threads=1), "threads: 1 is no string"),
    ],
)
def test_whatever_is_otherwise_is_found(change, said):
    result = json.loads(to_json(result_json(EVERY["lagging"]())))
    change(result)
    (fault,) = faults(result, RESULT, ROOT)
    assert said in fault


def test_the_page_describes_every_object_and_leads_to_it():
    text = document()
    for name, (_, keys) in OBJECTS.items():
        assert f"\n## {name}\n" in text
        assert name in ("result", "overall") or f"](#{name})" in text
        assert [key.name for key in keys] == list(dict.fromkeys(key.name for key in keys))
