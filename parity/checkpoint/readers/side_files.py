"""JSON and YAML files beside a checkpoint: configurations, trainer states, indices of shards."""

import json
from typing import Any, Final

from parity.checkpoint.limits import HEADER_BYTES, JSON_NODES, YAML_BYTES
from parity.checkpoint.nodes import Dictionary, Node, Sequence
from parity.errors import CheckpointMalformedError, CheckpointTooLargeError, CheckpointUnsupportedError

_PRIMITIVES: Final = (type(None), bool, int, float, str, bytes)
_DEEPEST: Final = 500


def parse_json(text: bytes, *, unique: bool = False) -> Any:
    """The content of a JSON text; ``unique`` refuses objects in which a key comes twice.

    Raises CheckpointTooLargeError before anything is built that would not fit, CheckpointMalformedError where the text
    is no JSON.
    """
    nodes = text.count(b",") + text.count(b"[") + text.count(b"{")
    if len(text) > HEADER_BYTES or nodes > JSON_NODES:
        message = f"a JSON text of {len(text):,} bytes and about {nodes:,} values is not read"
        raise CheckpointTooLargeError(message)
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_unique if unique else None)
    except (ValueError, RecursionError) as error:
        message = f"the text is no JSON: {error!s:.200}"
        raise CheckpointMalformedError(message) from None


def read_json(data: memoryview) -> Node:
    """A JSON file as nodes; raises the same errors as ``parse_json``."""
    if len(data) > HEADER_BYTES:
        message = f"a JSON file of {len(data):,} bytes is not read"
        raise CheckpointTooLargeError(message)
    return as_nodes(parse_json(bytes(data)))


def read_yaml(data: memoryview) -> Node:
    """A YAML file as nodes; raises CheckpointUnsupportedError where no parser is installed."""
    if len(data) > YAML_BYTES:
        message = f"a YAML file of {len(data):,} bytes is not read, its parser would need too long"
        raise CheckpointTooLargeError(message)
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        message = "reading YAML needs the package PyYAML: pip install pyyaml"
        raise CheckpointUnsupportedError(message) from None

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """A safe loader that does not write out merged mappings, because each merge can double what there is."""

        def flatten_mapping(self, node: Any) -> None:
            """Leave merge keys alone; the constructor refuses them."""

    try:
        return as_nodes(yaml.load(bytes(data), Loader=Loader))
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError, KeyError) as error:
        message = f"the text is no plain YAML: {error!s:.200}"
        raise CheckpointMalformedError(message) from None


def as_nodes(content: Any) -> Node:
    """Plain dictionaries and lists as nodes. What is referred to twice stays one node."""
    made: dict[int, Node] = {}

    def convert(one: Any, depth: int) -> Node:
        if isinstance(one, _PRIMITIVES):
            return one
        if id(one) in made:
            return made[id(one)]
        if depth > _DEEPEST:
            message = f"the text is nested more than {_DEEPEST} levels deep"
            raise CheckpointTooLargeError(message)
        if isinstance(one, dict):
            made[id(one)] = dictionary = Dictionary()
            dictionary.pairs = [(convert(key, depth + 1), convert(value, depth + 1)) for key, value in one.items()]
            return dictionary
        if isinstance(one, list | tuple | set):
            made[id(one)] = sequence = Sequence(type(one).__name__)
            sequence.items = [convert(item, depth + 1) for item in one]
            return sequence
        return str(one)

    return convert(content, 0)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "a key comes twice in one object"
        raise ValueError(message)
    return found
