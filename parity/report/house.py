"""Where templates come from: a house's own stand before the shipped ones, file by file."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from jinja2 import BaseLoader

TEMPLATES: Final = Path("reports/templates")
"""Where a project keeps its own, seen from the directory that reports are made in."""


def house_first(templates: Path | None) -> "BaseLoader":
    """A loader that looks into ``templates`` first; a shipped template stays within reach as ``shipped/NAME``."""
    from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, PrefixLoader

    shipped = PackageLoader("parity.report")
    own = [FileSystemLoader(templates)] if templates is not None else []
    return ChoiceLoader([*own, shipped, PrefixLoader({"shipped": shipped})])
