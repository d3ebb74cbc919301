"""``parity doctor``: what is compared here and why, and what can be recorded."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.verbs.ledger import WAIVERS
from parity.verbs.options import JSON, NOISE, OUT

if TYPE_CHECKING:
    from parity.run.examination import Examination
    from parity.run.settings import Setting

_WIDTH = 18
_WORDS = {True: "yes", False: "no"}


@click.command()
@click.option("--python", default="python", show_default=True, help="The interpreter that is asked or changed.")
@click.option("--install-pth", "change", flag_value="install", help="Let it record with -E and -I too, by one file.")
@click.option("--uninstall-pth", "change", flag_value="uninstall", help="Remove that file.")
@click.option("--config", type=click.Path(path_type=Path), help="Policy file; else the nearest pyproject.toml.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=OUT, show_default=True)
@WAIVERS
@NOISE
@click.option("--full", is_flag=True, help="List every key of the policy, those with defaults too.")
@JSON
@click.pass_context
def doctor(
    context: click.Context,
    /,
    python: str,
    change: str | None,
    config: Path | None,
    *,
    full: bool,
    as_json: bool,
    **_: object,
) -> None:
    """Say what is compared here and where each setting comes from, and what can be recorded; or change that.

    The options of ``parity run`` may be given, to see what they change.
    """
    from parity.policy import find_policy, read_policy
    from parity.run.examination import examine
    from parity.run.settings import effective

    if change is not None:
        _change(python, change)
        return
    path = config or find_policy(Path.cwd())
    settings = [*_given(context, path), *(effective(read_policy(path)) if path is not None else ())]
    examination = examine(python)
    if as_json:
        from parity.report.machine import to_json

        click.echo(to_json(_document(settings, examination)), nl=False)
        return
    _print(settings if full else [one for one in settings if one.source != "default"], examination, path)


def _change(python: str, change: str) -> None:
    from parity.record import pth

    if change == "install":
        click.echo(f"parity: installed {pth.install(python)}", err=True)
    else:
        removed = pth.uninstall(python)
        click.echo(f"parity: removed {removed}" if removed else "parity: it was not installed", err=True)
    click.echo(f"{python} -E and -I: {'recorded' if pth.is_installed(python) else 'refused'}")


def _given(context: click.Context, policy: Path | None) -> "list[Setting]":
    """The options of a run, with the source of each."""
    from click.core import ParameterSource

    from parity.run.settings import Setting

    found = []
    for name in ("config", "output", "waivers", "noise_runs"):
        by_hand = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        value = str(policy or "none found") if name == "config" else context.params[name]
        shown = str(value) if isinstance(value, Path) else value
        found.append(Setting(key=f"--{name.replace('_', '-')}", value=shown, source=_source(name, by_hand=by_hand)))
    return found


def _source(name: str, *, by_hand: bool) -> str:
    if by_hand:
        return "command line"
    return "nearest pyproject.toml" if name == "config" else "default"


def _document(settings: "list[Setting]", examination: "Examination") -> dict[str, object]:
    return {
        "schema": 1,
        "settings": [asdict(one) for one in settings],
        "environment": examination.facts,
        "available": [asdict(one) for one in examination.answers],
    }


def _print(settings: "list[Setting]", examination: "Examination", policy: Path | None) -> None:
    from parity.run.settings import FILE

    click.echo("Settings")
    for setting in settings:
        value = " ".join(setting.value.split()) if isinstance(setting.value, str) else setting.value
        source = policy.name if policy is not None and setting.source == FILE else setting.source
        click.echo(f"  {setting.key} = {value!r}  ({source})")
    click.echo("\nInterpreter")
    for name, fact in examination.facts.items():
        click.echo(f"  {name.ljust(_WIDTH)}{_WORDS.get(fact, fact) if isinstance(fact, bool) else fact or 'none'}")
    click.echo("\nWhat can be recorded")
    for answer in examination.answers:
        click.echo(f"  {'yes' if answer.works else 'no ':3}  {answer.name.ljust(_WIDTH)}{answer.detail}")
