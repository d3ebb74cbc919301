"""The command line: standard output carries results, standard error carries talk."""

from typing import Any

import click

from parity.errors import INTERNAL, ParityError
from parity.verbs.accept import accept
from parity.verbs.approve import approve
from parity.verbs.bisect import bisect
from parity.verbs.cache import cache
from parity.verbs.checkpoint import checkpoint
from parity.verbs.compare import compare
from parity.verbs.completion import completion
from parity.verbs.diff import diff
from parity.verbs.doctor import doctor
from parity.verbs.export import export
from parity.verbs.gate import gate
from parity.verbs.help import help_
from parity.verbs.imports import import_
from parity.verbs.init import init
from parity.verbs.lint import lint
from parity.verbs.pipes import end_unread, unread
from parity.verbs.record import record
from parity.verbs.report import report
from parity.verbs.run import run
from parity.verbs.scenarios import explain
from parity.verbs.surface import surface


class _Group(click.Group):
    """Turns explained errors into one message and their exit code, and anything else into an internal error."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return self._invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, KeyboardInterrupt):
            raise
        except Exception as error:
            import traceback

            if isinstance(error, BrokenPipeError) and unread():
                end_unread()
            traceback.print_exc()
            click.echo(f"parity: internal error ({error!r}); please report it with the lines above", err=True)
            ctx.exit(INTERNAL)

    def _invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ParityError as error:
            explain(error)
            raise click.exceptions.Exit(error.exit_code) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="training-parity")
def main() -> None:
    """Prove that a refactored trainer still trains the same way.

    \b
    Exit codes: 0 parity, 1 violated, 2 usage or policy error, 3 cannot compare,
    4 the reference failed, 5 internal error.
    """  # noqa: D301 - click reads the backspace


_VERBS = (
    accept,
    approve,
    bisect,
    cache,
    checkpoint,
    compare,
    completion,
    diff,
    doctor,
    export,
    gate,
    help_,
    import_,
    init,
    lint,
    record,
    report,
    run,
    surface,
)
for verb in _VERBS:
    main.add_command(verb)


if __name__ == "__main__":
    main()
