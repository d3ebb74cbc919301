"""Lines of JSON: one object per line, one metric per number in it."""

from pathlib import Path

from parity.trace.importers.points import STEPS, Imported, Options, Point, numbers, parse_json, read_bytes, whole


def accepts(source: Path) -> bool:
    """Whether ``source`` is named like lines of JSON."""
    return source.is_file() and source.suffix.lower() in (".jsonl", ".ndjson")


def read(source: Path, options: Options) -> Imported:  # noqa: ARG001 - all readers are called alike
    """Read every number, nested ones as ``outer/inner``; the first key named like a step is the step, else lines count.

    A line that is no JSON, such as a last one that was torn, is passed over and mentioned.
    """
    found = Imported()
    for count, line in enumerate(read_bytes(source).splitlines()):
        if not line.strip():
            continue
        try:
            held = dict(numbers(parse_json(line)))
        except ValueError:
            found.remarks.append(f"line {count + 1} of {source.name} is no JSON")
            continue
        key = next((name for name in STEPS if name in held), None)
        step = count if key is None else whole(held.pop(key))
        if step is None:
            found.remarks.append(f"line {count + 1} of {source.name} was passed over: its step is not whole")
            continue
        found.points += [Point(step, tag, float(number), number.text) for tag, number in held.items()]
    found.judge_texts()
    return found
