"""``parity help``: explain an error."""

import click

from parity.errors import ParityError, UsageError


@click.command(name="help")
@click.argument("slug", required=False)
def help_(slug: str | None) -> None:
    """Explain an error by its SLUG; without one, list them all."""
    errors = {kind.slug: kind for kind in _errors(ParityError)}
    if slug is not None and slug not in errors:
        message = f"no error is called {slug!r}; there are: {', '.join(sorted(errors))}"
        raise UsageError(message)
    for name in [slug] if slug else sorted(errors):
        click.echo(f"{name} (exit code {errors[name].exit_code})\n  {errors[name].__doc__}")


def _errors(kind: type[ParityError]) -> list[type[ParityError]]:
    return [kind, *(below for one in kind.__subclasses__() for below in _errors(one))]
