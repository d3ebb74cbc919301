"""Causes, the rules that recognise them, and the ranking of competing ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from parity.compare.zoom_model import Zoom
from parity.diagnose.case import Case
from parity.findings.model import Judgement

_PAGE: Final = "docs/causes.md"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A named explanation of findings.

    ``explains`` holds the fingerprints of the findings it predicts; ``evidence`` the lines that show why;
    ``consequence`` says what it does to the training, ``advice`` where to look, by default what its rule declares.
    """

    id: str
    title: str
    explains: tuple[str, ...]
    evidence: tuple[str, ...]
    consequence: str
    advice: str = ""


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
AnyCase = TypeVar("AnyCase", contravariant=True)


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """One cause that a rule can name: ``what`` it is, the channels it looks at, what it ``predicts``, what to do.

    ``needs`` are the channels without which the rule says nothing; one that looks at whatever differs first needs none.
    """

    id: str
    what: str
    needs: tuple[str, ...]
    predicts: str
    advice: str


@dataclass(frozen=True)
class Declared(Generic[AnyCase]):
    """A rule with the causes that it can name; it takes its advice from their declarations."""

    recognise: Callable[[AnyCase], Cause | None]
    declarations: tuple[Declaration, ...]

    @property
    def name(self) -> str:
        """Name of the function that recognises the cause."""
        return self.recognise.__name__

    def __call__(self, case: AnyCase) -> Cause | None:
        """Apply the rule to ``case``."""
        cause = self.recognise(case)
        if cause is None:
            return None
        declared = next((one for one in self.declarations if one.id == cause.id), None)
        assert declared is not None, f"{self.name} does not declare {cause.id}"
        assert cause.consequence, f"{self.name} does not say what {cause.id} does to the training"
        return cause if cause.advice else replace(cause, advice=declared.advice)


def rule(
    identifier: str, *, needs: tuple[str, ...], predicts: str, advice: str
) -> Callable[[Callable[[AnyCase], Cause | None]], Declared[AnyCase]]:
    """Declare the one cause that a rule can name; the first paragraph of its docstring says what it is."""

    def declare(recognise: Callable[[AnyCase], Cause | None]) -> Declared[AnyCase]:
        what = " ".join((recognise.__doc__ or "").partition("\n\n")[0].split())
        declared = Declaration(id=identifier, what=what, needs=needs, predicts=predicts, advice=advice)
        return Declared(recognise, (declared,))

    return declare


def rule_of(
    *declarations: Declaration,
) -> Callable[[Callable[[AnyCase], Cause | None]], Declared[AnyCase]]:
    """Declare a rule that can name several causes."""
    return lambda recognise: Declared(recognise, declarations)


def documented(identifier: str) -> str:
    """Where the documentation describes a cause, from the root of the project."""
    return f"{_PAGE}#{identifier}"


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
