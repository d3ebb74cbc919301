"""What is accepted, by whom and until when; and what counts, under the name by which it can be accepted."""

from collections.abc import Iterable, Sequence
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import Cause
from parity.findings.ledger import Charge
from parity.report.document import Block, Code, Paragraph, Section, Strong, Table, Text
from parity.report.wording import count, listed, sentence, shorten, squeezed

_MOST_SCENARIOS: Final = 8
_MOST_NAMES: Final = 3
_ACCEPTED: Final[tuple[Text, ...]] = (
    ("Scenario",),
    ("Accepted",),
    ("Series",),
    ("Fingerprint",),
    ("Reason",),
    ("Owner",),
    ("Until",),
)
_COUNTING: Final[tuple[Text, ...]] = (("Scenario",), ("Counts against parity",), ("Series",), ("Fingerprint",))
_Charged = tuple[str, Charge]


def accepted(outcomes: Sequence[Outcome]) -> Section | None:
    """None where nothing counts, nothing was accepted and no waiver is out of date."""
    ruled = [(one.scenario, one.ruling) for one in outcomes if one.ruling is not None]
    waived = [(scenario, charge) for scenario, ruling in ruled for charge in ruling.lifted]
    counting = [(scenario, charge) for scenario, ruling in ruled for charge in ruling.gating]
    blocks: list[Block] = [Paragraph(one) for outcome in outcomes if (one := only_change(outcome))]
    if waived:
        verb = "would count against parity and is" if len(waived) == 1 else "would count against parity and are"
        lead = f"{count(len(waived), 'finding')} {verb} accepted, by the ledger or by a rule of the gate."
        blocks += [Paragraph((lead,)), Table(_ACCEPTED, tuple(_accepted(one) for one in _merged(waived)))]
    if counting:
        told = "What counts against parity can be accepted, each under its fingerprint, with "
        blocks += [
            Paragraph((told, Code("parity accept FINGERPRINT --reason ... --owner ... --expires YYYY-MM-DD"), ":")),
            Table(_COUNTING, tuple(_counting(one) for one in _merged(counting))),
        ]
    return Section(("What is accepted, and what is not",), tuple(blocks)) if blocks else None


def only_change(outcome: Outcome) -> Text:
    """That everything accepted in a scenario is one change, where that is so and nothing else counts."""
    ruling = outcome.ruling
    if ruling is None or ruling.gating or not ruling.lifted:
        return ()
    causes = accepted_causes(outcome)
    explained = {identifier for cause in causes for identifier in cause.explains}
    findings = [one.signature.fingerprint for one in ruling.lifted if one.signature.channel != "invariant"]
    if len(causes) != 1 or not set(findings) <= explained:
        return ()
    proof = (
        " In follow mode, with every value that differs set to the reference's, nothing else differs in any phase."
        if outcome.followed is not None and not outcome.followed.refusal
        else ""
    )
    return (
        Strong(("Exactly one change affects the training",)),
        " in ",
        Code(outcome.scenario),
        f": {sentence(causes[0].title)} It explains all of {count(len(findings), 'accepted finding')}.{proof}",
    )


def accepted_causes(outcome: Outcome) -> tuple[Cause, ...]:
    """The causes all of whose findings are accepted."""
    if outcome.ruling is None or outcome.diagnosis is None:
        return ()
    waived, counting = (
        {charge.signature.fingerprint for charge in part} for part in (outcome.ruling.lifted, outcome.ruling.gating)
    )
    return tuple(
        cause
        for cause in outcome.diagnosis.causes
        if waived & set(cause.explains) and not counting & set(cause.explains)
    )


def _merged(charged: Iterable[_Charged]) -> list[tuple[list[str], Charge]]:
    """One entry for the same charge, decided for the same reason, in several scenarios."""
    found: dict[tuple[str, str, str], tuple[list[str], Charge]] = {}
    for scenario, charge in charged:
        detail = "" if charge.signature.fingerprint else charge.signature.candidate
        key = charge.signature.fingerprint, charge.signature.title, charge.lifted + detail
        found.setdefault(key, ([], charge))[0].append(scenario)
    return list(found.values())


def _accepted(merged: tuple[list[str], Charge]) -> tuple[Text, ...]:
    scenarios, charge = merged
    waiver = charge.waiver
    reason = charge.lifted if waiver is None else waiver.reason
    owner = "a rule of the gate" if waiver is None else squeezed(waiver.owner)
    until = "changed" if waiver is None else waiver.expires.isoformat()
    fingerprint = (Code(charge.signature.fingerprint),)
    return *_what(scenarios, charge), fingerprint, (shorten(squeezed(reason)),), (owner,), (until,)


def _counting(merged: tuple[list[str], Charge]) -> tuple[Text, ...]:
    scenarios, charge = merged
    fingerprint: Text = (Code(charge.signature.fingerprint),) if charge.signature.fingerprint else ("not acceptable",)
    return *_what(scenarios, charge), fingerprint


def _what(scenarios: Sequence[str], charge: Charge) -> tuple[Text, Text, Text]:
    signature = charge.signature
    detail = "" if signature.fingerprint else f" ({shorten(squeezed(signature.candidate))})"
    if charge.gates and charge.rule is not None:
        detail += f", by a rule of the gate: {shorten(squeezed(charge.rule.reason))}"
    kind: Text = (Strong((f"{signature.verdict}:",)), " ", Code(signature.channel), detail)
    names = listed(signature.names, _MOST_NAMES) if any(signature.names) else ("only series",)
    return listed(scenarios, _MOST_SCENARIOS), kind, names
