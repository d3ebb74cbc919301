"""Reading close-ups: whole, torn, foreign, absent."""

import json

import pytest

from parity.trace.zoom import RECORDS, SCHEMA, read_closeup

HEADER = {"record": "header", "schema": SCHEMA, "rank": 1, "update": 3, "digest": "xxh3-64"}
OPERATION = {
    "record": "operation",
    "backward": False,
    "name": "aten.gelu.default",
    "module": "h.0",
    "literals": {"approximate": "'none'"},
    "inputs": ["a"],
    "outputs": ["b"],
}
LINES = [
    {"record": "eager"},
    {"record": "micro_step", "number": 2},
    {"record": "parameter", "name": "w", "tensor": ["p", "float32[2, 2]", 1.5], "transposed": "q"},
    OPERATION,
    {
        "record": "call",
        "path": "h.0",
        "class": "Block",
        "arguments": "",
        "depth": 1,
        "root": False,
        "inputs": [["a", "float32[2]", None]],
        "outputs": [["b", "float32[2]", 2.0]],
    },
    {"record": "loss", "tensor": ["l", "float32[]", 0.5]},
    {**OPERATION, "backward": True},
    {"record": "gradient", "path": "h.0", "position": 0, "tensor": ["g", "float32[2]", 1.0]},
    {"record": "parameter_gradient", "name": "w", "tensor": ["d", "float32[2, 2]", 1.0]},
    {"record": "fault", "error": "aten.odd: no"},
    {"record": "end"},
]


def written(tmp_path, lines, tail=""):
    path = tmp_path / "rank1-7.zoom"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + tail, encoding="utf-8")
    return path


def test_every_kind_of_record_is_read(tmp_path) -> None:
    assert {line["record"] for line in (HEADER, *LINES)} == set(RECORDS)
    found = read_closeup(written(tmp_path, [HEADER, *LINES]))
    assert (found.update, found.rank, found.is_eager, found.faults) == (3, 1, True, ("aten.odd: no",))
    (step,) = found.micro_steps
    assert (step.number, step.is_complete) == (2, True)
    assert (step.parameters["w"].content.digest, step.parameters["w"].transposed) == ("p", "q")
    assert [(one.path, one.outputs[0].norm) for one in step.calls] == [("h.0", 2.0)]
    assert [one.literals for one in (*step.forward, *step.backward)] == [{"approximate": "'none'"}] * 2
    assert (step.losses[0].digest, step.gradients[0].content.digest) == ("l", "g")
    assert step.parameter_gradients["w"].digest == "d"


def test_a_torn_line_ends_it(tmp_path) -> None:
    (step,) = read_closeup(written(tmp_path, [HEADER, *LINES[:4]], '{"record":"op')).micro_steps
    assert (len(step.forward), step.is_complete) == (1, False)


@pytest.mark.parametrize(
    "lines",
    [[], [{**HEADER, "schema": SCHEMA + 1}], LINES, [HEADER, {"record": "micro_step"}], [[1]]],
    ids=["empty", "other-schema", "no-header", "incomplete", "foreign"],
)
def test_what_is_no_closeup_is_none(tmp_path, lines) -> None:
    assert read_closeup(written(tmp_path, lines)) is None


def test_an_absent_file_is_none(tmp_path) -> None:
    assert read_closeup(tmp_path / "absent.zoom") is None
