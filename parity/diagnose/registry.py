"""Causes, the rules that recognise them, and the ranking of competing ones."""

from collections.abc import Callable
from dataclasses import dataclass

from parity.compare.zoom_model import Zoom
from parity.diagnose.case import Case
from parity.findings.model import Judgement


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A named explanation of findings.

    ``explains`` holds the fingerprints of the findings it predicts; ``evidence`` the lines that show why;
    ``consequence`` says what it does to the training, ``advice`` where to look.
    """

    id: str
    title: str
    explains: tuple[str, ...]
    evidence: tuple[str, ...]
    consequence: str
    advice: str


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Causes in order of rank, and the findings that none of them explains."""

    causes: tuple[Cause, ...]
    unexplained: tuple[str, ...]
    total: int

    def share(self, cause: Cause) -> float:
        """Part of all gating findings that ``cause`` explains, 0 to 1."""
        return len(cause.explains) / self.total if self.total else 0.0


Rule = Callable[[Case], Cause | None]


def diagnose(judgement: Judgement, rules: tuple[Rule, ...], zoom: Zoom | None = None) -> Diagnosis:
    """Apply every rule and keep the causes that explain at least one gating finding.

    A cause that explains the first divergence ranks before one that does not, then the larger share, then the rule's
    position in the library, where the more specific rule stands first. A cause whose findings all are already
    explained by higher-ranked ones is dropped: it adds nothing.
    """
    return explain(Case(judgement, zoom=zoom), rules)


def explain(case: Case, rules: tuple[Rule, ...]) -> Diagnosis:
    """Diagnose ``case``, as :func:`diagnose` says."""
    gating = [finding.id for finding in case.judgement.gating]
    found = [cause for rule in rules if (cause := rule(case)) is not None and cause.explains]
    first = gating[0] if gating else ""
    found.sort(key=lambda cause: (first not in cause.explains, -len(cause.explains)))
    kept: list[Cause] = []
    explained: set[str] = set()
    for cause in found:
        if set(cause.explains) - explained:
            kept.append(cause)
            explained.update(cause.explains)
    left = tuple(identifier for identifier in gating if identifier not in explained)
    return Diagnosis(causes=tuple(kept), unexplained=left, total=len(gating))
