"""One verdict and one exit code from any number of outcomes, also from stored ones under today's decisions."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from parity.diagnose.outcome import Outcome
from parity.errors import PARITY, VIOLATED, TraceMissingError, TraceUnreadableError
from parity.findings.charges import NOT_COMPARED, charge_of_silence
from parity.findings.ledger import WAIVER, Charge, Ledger, complaints, read_charge
from parity.findings.model import Verdict
from parity.findings.ruling import Ruling, decided_code

RESULT: Final = "result.json"
_OPEN: Final = frozenset({Verdict.DIFFERENT.value, Verdict.WAIVED.value})


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One stored result. ``ruling`` is None where there was no comparison; ``unproven`` as in ``decided_code``."""

    pair: str
    scenario: str
    verdict: str
    exit_code: int
    unproven: bool = False
    ruling: Ruling | None = None

    @property
    def name(self) -> str:
        """Pair and scenario."""
        return f"{self.pair}/{self.scenario}"


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """The exit code of a session: the gravest of its outcomes, 0 when all are in parity."""
    return max((outcome.exit_code for outcome in outcomes), default=PARITY)


def read_results(directory: Path) -> list[Stored]:
    """Every stored result under ``directory``, its charges as they were before anything was decided about them.

    Raises:
        TraceMissingError: there is no result.
        TraceUnreadableError: a result cannot be read.
    """
    paths = sorted(directory.rglob(RESULT)) if directory.is_dir() else [directory]
    if not paths or not paths[0].is_file():
        message = f"{directory} holds no {RESULT}; make one with: parity compare REFERENCE CANDIDATE, or: parity run"
        raise TraceMissingError(message)
    return [_read(path) for path in paths]


def gate(results: Sequence[Stored], ledger: Ledger) -> list[Stored]:
    """``results`` as ``ledger`` decides them today."""
    decided = [_decided(one, ledger) for one in results]
    for pair in dict.fromkeys(one.pair for one in decided):
        charges = {one.scenario: one.ruling.charges for one in decided if one.pair == pair and one.ruling is not None}
        wrong = complaints(ledger, pair, charges)
        decided = [_with(one, wrong.get(one.scenario, [])) if one.pair == pair else one for one in decided]
    return [_concluded(one) for one in decided]


def _read(path: Path) -> Stored:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        gated: dict[str, Any] | None = result.get("gate")
        return Stored(
            pair=str(result["pair"]),
            scenario=str(result["scenario"]),
            verdict=str(result["verdict"]),
            exit_code=int(result["exit_code"]),
            unproven=bool(gated["unproven"]) if gated is not None else False,
            ruling=None if gated is None else Ruling(charges=tuple(_charges(gated, result["not_compared"]))),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} is not a result of this version ({error!r}); run the comparison again"
        raise TraceUnreadableError(message) from error


def _charges(gated: dict[str, Any], not_compared: list[dict[str, str]]) -> list[Charge]:
    """What could be held against the candidate. Charges about waivers are left out: they are made anew."""
    charges = [read_charge(one) for one in gated["charges"]]
    found = [one for one in charges if one.signature.channel != WAIVER and one.signature.verdict != NOT_COMPARED]
    return found + [charge_of_silence(one["channel"], one["name"], one["reason"]) for one in not_compared]


def _decided(result: Stored, ledger: Ledger) -> Stored:
    if result.ruling is None:
        return result
    charges = tuple(ledger.decide(result.pair, result.scenario, one) for one in result.ruling.charges)
    return replace(result, ruling=Ruling(charges=charges))


def _with(result: Stored, wrong: Sequence[Charge]) -> Stored:
    return result if result.ruling is None else replace(result, ruling=Ruling(charges=(*result.ruling.charges, *wrong)))


def _concluded(result: Stored) -> Stored:
    ruling = result.ruling
    if ruling is None:
        return result
    verdict = result.verdict
    if any(charge not in ruling.beside for charge in ruling.gating):
        verdict = Verdict.DIFFERENT.value
    elif result.unproven:
        verdict = Verdict.NOT_COMPARED.value
    elif ruling.lifted or verdict in _OPEN:
        verdict = Verdict.WAIVED.value if ruling.lifted else Verdict.IDENTICAL.value
    return replace(result, verdict=verdict, exit_code=decided_code(ruling.charges, unproven=result.unproven))


__all__ = ["RESULT", "VIOLATED", "Stored", "exit_code", "gate", "read_results"]
