"""The documentation of errors and exit codes, written from their declarations."""

from inspect import cleandoc
from typing import Final

from parity.errors import EXIT_CODES, ParityError, errors

_INTRODUCTION: Final = """\
# Errors and exit codes

<!-- Generated from parity/errors.py by: python docs/generate.py -->

Whatever is refused or fails is said in one message on standard error, which names what offends, what was expected and
the way out, and ends with the command that prints the explanation below: `parity help SLUG`. With `--json`, the result
of a scenario that ended so has `error.slug`.

## Exit codes

Of several results, the gravest, which is the highest, is that of the command. `parity record` ends with the status of
the program that it has run.

"""


def explanation(kind: type[ParityError]) -> str:
    """What happened, when that happens, and the way out."""
    return cleandoc(kind.__doc__ or "")


def summary(kind: type[ParityError]) -> str:
    """What happened, in one line."""
    return explanation(kind).partition("\n")[0]


def document() -> str:
    """The whole document."""
    kinds = sorted(errors(), key=lambda kind: kind.slug)
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    rows = "".join(f"| [`{one.slug}`](#{one.slug}) | {one.exit_code} | {summary(one)} |\n" for one in kinds)
    sections = "".join(f"\n## {one.slug}\n\nExit code {one.exit_code}. {explanation(one)}\n" for one in kinds)
    return (
        f"{_INTRODUCTION}| code | meaning |\n| :--- | :--- |\n{codes}\n"
        f"## Errors\n\n| slug | exit code | |\n| :--- | :--- | :--- |\n{rows}{sections}"
    )
