"""Writes the documents that follow from declarations: ``python docs/generate.py``."""

from pathlib import Path

from parity.diagnose.document import document as causes
from parity.errors_document import document as errors
from parity.invariants.document import document as invariants
from parity.policy.document import document as policy
from parity.policy.document import ledger_schema, policy_schema
from parity.record.attachments import observers
from parity.record.probes import MODULES
from parity.report.schema_document import document as results
from parity.report.schema_document import result_schema
from parity.trace.format import document


def trace_format() -> str:
    """The text of trace-format.md."""
    seen_by: dict[str, list[str]] = {"call_site": ["every probe"]}
    for name, module in {**MODULES, **observers()}.items():
        for channel in dict.fromkeys(module.CHANNELS):
            seen_by.setdefault(channel, []).append(name)
    return document(seen_by)


DOCUMENTS = {
    "trace-format.md": trace_format,
    "errors.md": errors,
    "invariants.md": invariants,
    "causes.md": causes,
    "results.md": results,
    "result.schema.json": result_schema,
    "policy.md": policy,
    "policy.schema.json": policy_schema,
    "waivers.schema.json": ledger_schema,
}

if __name__ == "__main__":
    for name, text in DOCUMENTS.items():
        Path(__file__).with_name(name).write_text(text(), encoding="utf-8")
