"""What counts against parity, what is accepted, and what is wrong with waivers, as JSON."""

from dataclasses import asdict

from parity.diagnose.outcome import Outcome
from parity.findings.ledger import Charge
from parity.findings.model import Verdict
from parity.findings.waivers import Waiver


def ruling_json(outcome: Outcome) -> dict[str, object] | None:
    """The charges of one scenario; None where nothing was decided. ``unproven`` is as in the gate."""
    if outcome.ruling is None:
        return None
    return {"unproven": _unproven(outcome), "charges": [charge_json(one) for one in outcome.ruling.charges]}


def charge_json(charge: Charge) -> dict[str, object]:
    """One charge, with what decided about it."""
    return {
        **asdict(charge.signature),
        "counts": charge.counts,
        "gates": charge.gates,
        "rule": None if charge.rule is None else charge.rule.reason,
        "waiver": None if charge.waiver is None else waiver_json(charge.waiver),
    }


def waiver_json(waiver: Waiver) -> dict[str, object]:
    """Why a charge is accepted, by whom and until when."""
    return {"reason": waiver.reason, "owner": waiver.owner, "expires": waiver.expires.isoformat()}


def _unproven(outcome: Outcome) -> bool:
    """Whether nothing is known about parity as long as nothing counts against it."""
    judgement = outcome.judgement
    return (
        judgement is None
        or (not judgement.gating and judgement.verdict is Verdict.NOT_COMPARED)
        or bool(judgement.irreproducible or judgement.comparison.blind)
    )
