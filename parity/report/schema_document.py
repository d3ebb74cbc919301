"""The documentation of results as JSON, written from their declaration: for people, and as JSON Schema."""

import json
from typing import Final

from parity.report.schema import OBJECTS, Key, Shape

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_INTRODUCTION: Final = """\
# Results as JSON

<!-- Generated from parity/report/schema.py by: python docs/generate.py -->

`--json` prints the result on standard output, and nothing else; talk goes to standard error. Keys are sorted, and the
same result has the same bytes. Floats that JSON has no number for are the texts `nan`, `inf` and `-inf`.

| command | prints |
| :--- | :--- |
| `parity compare`, `parity diff` | a [result](#result); of several scenarios, as with `--world 1,2`, a list |
| `parity run`, `parity report` | the same for each pair, one document after the other |
| `parity gate` | the [overall](#overall) verdict |
| `parity bisect` | the [bisection](#bisection) |

Every scenario's directory holds its result as `result.json`. [result.schema.json](result.schema.json) is the same as
JSON Schema. A change that takes a key away or gives it another meaning raises `schema`; keys may be added without.
`parity lint`, `surface`, `checkpoint`, `doctor` and `cache` have documents of their own, which are not described here.
"""


def document() -> str:
    """The whole document."""
    return "\n".join([_INTRODUCTION, *(_section(name, about, keys) for name, (about, keys) in OBJECTS.items())])


def result_schema() -> str:
    """JSON Schema of everything that is described."""
    definitions = {name: _definition(about, keys) for name, (about, keys) in OBJECTS.items()}
    result = {"$ref": "#/$defs/result"}
    printed = [
        result,
        {"type": "array", "items": result},
        *({"$ref": f"#/$defs/{name}"} for name in ("overall", "bisection")),
    ]
    schema = {"$schema": _DIALECT, "title": "Result", "anyOf": printed, "$defs": definitions}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def _definition(about: str, keys: tuple[Key, ...]) -> Shape:
    return {
        "type": "object",
        "description": about.replace("`", ""),
        "properties": {key.name: {**key.shape, "description": key.meaning.replace("`", "")} for key in keys},
        "required": [key.name for key in keys if not key.optional],
    }


def _section(name: str, about: str, keys: tuple[Key, ...]) -> str:
    rows = "".join(
        f"| `{key.name}` | {_words(key.shape)}{', or absent' if key.optional else ''} | {key.meaning} |\n"
        for key in keys
    )
    return f"## {name}\n\n{about}\n\n| key | value | meaning |\n| :--- | :--- | :--- |\n{rows}"


def _presence(key: Key) -> str:
    return _words(key.shape) + (", or absent" if key.optional else "")


def _words(shape: Shape) -> str:
    """A shape in words."""
    if "$ref" in shape:
        name = shape["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "anyOf" in shape:
        return " or ".join(_words(one) for one in shape["anyOf"])
    if "enum" in shape:
        return ", ".join(f"`{one}`" for one in shape["enum"])
    if "const" in shape:
        return f"`{shape['const']}`"
    if shape["type"] == "array":
        return f"list of {_words(shape['items'])}"
    if "additionalProperties" in shape:
        return f"object of {_words(shape['additionalProperties'])} by name"
    kinds = shape["type"] if isinstance(shape["type"], list) else [shape["type"]]
    return " or ".join(_WORDS.get(str(kind), str(kind)) for kind in kinds)


_WORDS: Final[dict[str, str]] = {"string": "text", "boolean": "true or false"}
