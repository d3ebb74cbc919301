"""``parity help``: explain an error."""

import click

from parity.errors import UsageError, errors


@click.command(name="help")
@click.argument("slug", required=False)
def help_(slug: str | None) -> None:
    """Explain an error by its SLUG; without one, list them all."""
    from parity.errors_document import explanation, summary

    kinds = {kind.slug: kind for kind in sorted(errors(), key=lambda kind: kind.slug)}
    if slug is None:
        for name, kind in kinds.items():
            click.echo(f"{name} (exit code {kind.exit_code})\n  {summary(kind)}")
    elif slug in kinds:
        click.echo(f"{slug} (exit code {kinds[slug].exit_code})\n\n{explanation(kinds[slug])}")
    else:
        message = f"no error is called {slug!r}; there are: {', '.join(kinds)}"
        raise UsageError(message)
