"""Writes the documents that follow from declarations: ``python docs/generate.py``."""

from pathlib import Path

from parity.record import consumption
from parity.record.probes import MODULES
from parity.trace.format import document


def trace_format() -> str:
    """The text of trace-format.md."""
    observers: dict[str, list[str]] = {"call_site": ["every probe"]}
    for name, module in MODULES.items():
        for channel in module.CHANNELS:
            observers.setdefault(channel, []).append(name)
    for channel in consumption.CHANNELS:
        observers[channel] = ["the attachment consumption, where noise is measured"]
    return document(observers)


if __name__ == "__main__":
    Path(__file__).with_name("trace-format.md").write_text(trace_format(), encoding="utf-8")
