"""Writes the documents that follow from declarations: ``python docs/generate.py``."""

from pathlib import Path

from parity.invariants.document import document as invariants
from parity.record import causality
from parity.record.probes import MODULES
from parity.trace.format import document


def trace_format() -> str:
    """The text of trace-format.md."""
    observers: dict[str, list[str]] = {"call_site": ["every probe"]}
    modules = {**MODULES, "causality, at level full": causality}
    for name, module in modules.items():
        for channel in module.CHANNELS:
            observers.setdefault(channel, []).append(name)
    return document(observers)


DOCUMENTS = {"trace-format.md": trace_format, "invariants.md": invariants}

if __name__ == "__main__":
    for name, text in DOCUMENTS.items():
        Path(__file__).with_name(name).write_text(text(), encoding="utf-8")
