"""``parity doctor``: how programs of an interpreter are recorded."""

import click


@click.command()
@click.option("--python", default="python", show_default=True, help="The interpreter that is asked or changed.")
@click.option("--install-pth", "change", flag_value="install", help="Let it record with -E and -I too, by one file.")
@click.option("--uninstall-pth", "change", flag_value="uninstall", help="Remove that file.")
def doctor(python: str, change: str | None) -> None:
    """Say how programs of an interpreter are recorded, or change it."""
    from parity.record import pth

    if change == "install":
        click.echo(f"parity: installed {pth.install(python)}", err=True)
    elif change == "uninstall":
        removed = pth.uninstall(python)
        click.echo(f"parity: removed {removed}" if removed else "parity: it was not installed", err=True)
    click.echo(f"{python} -E and -I: {'recorded' if pth.is_installed(python) else 'refused'}")
