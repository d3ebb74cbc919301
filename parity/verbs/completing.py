"""What a shell may offer for a word: pairs of the nearest policy, fingerprints of stored findings."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from parity.errors import ParityError
from parity.verbs.options import OUT

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem


def pairs(_: "click.Context", __: "click.Parameter", word: str) -> list["CompletionItem"]:
    """Names of pairs that begin with ``word``; none where there is no policy that can be read."""
    from parity.policy import find_policy, read_policy

    try:
        path = find_policy(Path.cwd())
        return _items(word, ((one.name, one.candidate) for one in (read_policy(path).pairs if path else ())))
    except ParityError:
        return []


def fingerprints(_: "click.Context", __: "click.Parameter", word: str) -> list["CompletionItem"]:
    """Fingerprints, beginning with ``word``, of what counts in the stored results."""
    from parity.gate import read_results

    try:
        results = read_results(OUT)
    except ParityError:
        return []
    charges = [charge for one in results if one.ruling is not None for charge in one.ruling.gating]
    return _items(word, ((one.signature.fingerprint, one.signature.title) for one in charges))


def _items(word: str, found: Iterable[tuple[str, str]]) -> list["CompletionItem"]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(value, help=text) for value, text in dict(found).items() if value and value.startswith(word)]
