"""Where the training of both sides parts, evaluations and everything else around it left aside."""

from parity.findings.model import Finding, Judgement
from parity.trace.channels import Phase


def parting(judgement: Judgement) -> Finding | None:
    """The gating finding that comes first within updates; an evaluation before shows the same defect, not its place."""
    chain = [finding for finding in judgement.gating if finding.phase <= Phase.STATE]
    return min(chain, key=lambda finding: finding.first.moment, default=None)
