"""Whether a JSON document has the structure that a JSON Schema describes: as much of it as this project's schemas use.

Stricter than JSON Schema in one point: an object may hold only the keys that are declared for it.
"""

from typing import Any

_KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "number": (int, float),
    "integer": int,
    "null": type(None),
}
_OF_VALUES = {"type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "minimum"}
_KNOWN = _OF_VALUES | {"$schema", "$defs", "$ref", "title", "description", "format"}


def faults(content: Any, schema: dict[str, Any], root: dict[str, Any], place: str = "$") -> list[str]:
    """Every place where ``content`` is otherwise than ``schema`` says, and how; ``root`` resolves references."""
    assert set(schema) <= _KNOWN, f"{set(schema) - _KNOWN} is beyond this check"
    if "$ref" in schema:
        return faults(content, root["$defs"][schema["$ref"].rpartition("/")[2]], root, place)
    if "anyOf" in schema:
        tried = [faults(content, one, root, place) for one in schema["anyOf"]]
        return [] if any(not found for found in tried) else min(tried, key=len)
    found = [f"{place}: {content!r} is not {schema['const']!r}"] if content != schema.get("const", content) else []
    if content not in schema.get("enum", [content]):
        found.append(f"{place}: {content!r} is none of {schema['enum']}")
    kinds = schema.get("type", [])
    if kinds and not any(_is(content, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        return [*found, f"{place}: {content!r} is no {kinds}"]
    if "minimum" in schema and content < schema["minimum"]:
        found.append(f"{place}: {content} is below {schema['minimum']}")
    if isinstance(content, list):
        inner = schema.get("items", {})
        found += [fault for at, one in enumerate(content) for fault in faults(one, inner, root, f"{place}[{at}]")]
    if isinstance(content, dict):
        found += _keys(content, schema, root, place)
    return found


def _is(content: Any, kind: str) -> bool:
    return isinstance(content, _KINDS[kind]) and (kind == "boolean" or not isinstance(content, bool))


def _keys(content: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], place: str) -> list[str]:
    found = [f"{place}: {key} is missing" for key in schema.get("required", []) if key not in content]
    if "properties" not in schema and "additionalProperties" not in schema:
        return found
    for key, one in content.items():
        inner = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
        found += [f"{place}: {key} is not declared"] if inner is None else faults(one, inner, root, f"{place}.{key}")
    return found
