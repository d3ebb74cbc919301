"""A document for machines: the same sections and blocks, their texts plain."""

from dataclasses import asdict
from typing import Any

from parity.report.document import (
    Block,
    Bullets,
    Evidence,
    Excerpt,
    Figure,
    Paragraph,
    Section,
    Side,
    Table,
    Text,
    plain,
)


def section_json(section: Section) -> dict[str, Any]:
    """A section with everything in it."""
    return {
        "heading": plain(section.heading),
        "blocks": [{"kind": block.kind, **_block(block)} for block in section.blocks],
        "sections": [section_json(inner) for inner in section.sections],
    }


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Paragraph():
            return {"text": plain(block.text)}
        case Bullets():
            return {"items": _plain(block.items), "numbered": block.numbered, "ticked": list(block.ticked)}
        case Table():
            return {"header": _plain(block.header), "rows": [_plain(row) for row in block.rows]}
        case Excerpt():
            return asdict(block)
        case Evidence():
            return {"reference": _side(block.reference), "candidate": _side(block.candidate)}
        case Figure():
            return {"file": block.file, "caption": plain(block.caption)}


def _side(side: Side) -> dict[str, Any]:
    excerpts = [asdict(one) for one in side.excerpts]
    return {"program": plain(side.program), "observed": plain(side.observed), "excerpts": excerpts}


def _plain(texts: tuple[Text, ...]) -> list[str]:
    return [plain(text) for text in texts]
