"""The ledger on disk: ``reports/waivers.toml``, whose comments survive every change."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, Final

from parity.findings.ledger import GateRule, Ledger
from parity.findings.waivers import Waiver
from parity.policy import Policy, read_ledger

LEDGER: Final = Path("reports/waivers.toml")
_HEADER: Final = (
    "Accepted findings: what, why, who and until when. Written by parity accept, and by hand.",
    "A key of the signature that is left out may be anything.",
)
_OWN: Final = ("pair", "scenario", "fingerprint")
_SIGNATURE: Final = (
    "channel",
    "name",
    "verdict",
    "fingerprint",
    "update",
    "reference",
    "candidate",
    "differing",
    "size",
)
_ORDER: Final = ("pair", "scenario", *_SIGNATURE, "reason", "owner", "expires")


def load_ledger(path: Path, policy: Policy | None, today: date) -> Ledger:
    """What the ledger in ``path`` and the rules of ``policy`` decide on the day ``today``.

    Raises:
        PolicyError: the ledger cannot be read, or holds unknown or invalid keys.
    """
    waivers = tuple(Waiver(**one.model_dump()) for one in read_ledger(path).waivers)
    if policy is None:
        return Ledger(today=today, waivers=waivers)
    return Ledger(
        today=today,
        waivers=waivers,
        rules=tuple(GateRule(**one.model_dump()) for one in policy.gate.rules),
        soon=policy.gate.expires_soon,
        known={
            pair.name: tuple(one.name for scenario in pair.scenarios for one in scenario.each())
            for pair in policy.pairs
        },
    )


def write_waivers(path: Path, waivers: Iterable[Waiver]) -> None:
    """Add ``waivers`` to the ledger in ``path``; one for the same finding of the same scenario is replaced.

    Raises:
        PolicyError: the ledger that is there cannot be read, or holds unknown or invalid keys.
    """
    import tomlkit

    read_ledger(path)
    document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.is_file() else _empty()
    tables = document.setdefault("waivers", tomlkit.aot())
    for waiver in waivers:
        content = {key: value for key in _ORDER if (value := getattr(waiver, key)) not in (None, "*")}
        own = [content.get(key) for key in _OWN]
        at = next((at for at, table in enumerate(tables) if [table.get(key) for key in _OWN] == own), None)
        if at is None:
            tables.append(_table(content))
        else:
            _replace(tables[at], content)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


def _empty() -> Any:
    import tomlkit

    document = tomlkit.document()
    for line in _HEADER:
        document.add(tomlkit.comment(line))
    document.add(tomlkit.nl())
    return document


def _table(content: dict[str, Any]) -> Any:
    import tomlkit

    table = tomlkit.table()
    table.update(content)
    return table


def _replace(table: Any, content: dict[str, Any]) -> None:
    """Change values in place, so that what was written around them stays."""
    for key in [key for key in table if key not in content]:
        del table[key]
    table.update(content)
