"""What rules and waivers make of the outcomes of a pair; what was measured and diagnosed stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from parity.diagnose.outcome import Outcome
from parity.findings.charges import charge_of, charge_of_betrayal, silences
from parity.findings.ledger import Charge, Ledger, complaints
from parity.findings.ruling import Ruling


@dataclass(frozen=True)
class _Heard:
    """The decided charges of one outcome: of its findings and its betrayals in their order, and of its silences."""

    findings: tuple[Charge, ...]
    betrayals: tuple[Charge, ...]
    silences: tuple[Charge, ...]

    @property
    def charges(self) -> tuple[Charge, ...]:
        return self.findings + self.betrayals + self.silences


def ruled(outcomes: Sequence[Outcome], ledger: Ledger) -> list[Outcome]:
    """The ``outcomes`` of one pair as ``ledger`` decides them; waivers that are of no use become charges of their own.

    A scenario without a comparison stays as it is: an error cannot be accepted.
    """
    heard = {one.scenario: _hear(one, ledger) for one in outcomes if one.judgement is not None}
    pair = outcomes[0].pair if outcomes else ""
    wrong = complaints(ledger, pair, {scenario: one.charges for scenario, one in heard.items()})
    return [
        _ruled(one, heard[one.scenario], tuple(wrong.get(one.scenario, ()))) if one.scenario in heard else one
        for one in outcomes
    ]


def _hear(outcome: Outcome, ledger: Ledger) -> _Heard:
    judgement = outcome.judgement
    assert judgement is not None
    betrayals = outcome.invariants.betrayals if outcome.invariants is not None else ()

    def decided(charges: Sequence[Charge]) -> tuple[Charge, ...]:
        return tuple(ledger.decide(outcome.pair, outcome.scenario, one) for one in charges)

    return _Heard(
        findings=decided([charge_of(finding, judgement.comparison) for finding in judgement.findings]),
        betrayals=decided([charge_of_betrayal(one) for one in betrayals]),
        silences=tuple(one for one in decided(silences(judgement.not_compared)) if one.rule is not None),
    )


def _ruled(outcome: Outcome, heard: _Heard, wrong: tuple[Charge, ...]) -> Outcome:
    judgement, invariants = outcome.judgement, outcome.invariants
    assert judgement is not None
    findings = tuple(
        replace(finding, gates=charge.gates, waiver=charge.lifted)
        for finding, charge in zip(judgement.findings, heard.findings, strict=True)
    )
    if invariants is not None:
        decided = {
            one.candidate.invariant.id: charge.gates
            for one, charge in zip(invariants.betrayals, heard.betrayals, strict=True)
        }
        invariants = replace(invariants, decided=decided)
    return replace(
        outcome,
        judgement=replace(judgement, findings=findings),
        invariants=invariants,
        ruling=Ruling(charges=heard.charges + wrong),
    )
