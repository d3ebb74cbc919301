"""The command line: standard output carries results, standard error carries talk."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from parity.errors import INTERNAL, ParityError, UsageError

if TYPE_CHECKING:
    from parity.diagnose.outcome import Outcome
    from parity.run.plan import Scenario

_OUT = Path("reports/out")


class _Group(click.Group):
    """Turns explained errors into one message and their exit code, and anything else into an internal error."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ParityError as error:
            _fail(error)
        except (click.ClickException, click.exceptions.Exit, click.Abort, KeyboardInterrupt):
            raise
        except Exception as error:
            import traceback

            traceback.print_exc()
            click.echo(f"parity: internal error ({error!r}); please report it with the lines above", err=True)
            ctx.exit(INTERNAL)


def _fail(error: ParityError) -> NoReturn:
    _explain(error)
    raise click.exceptions.Exit(error.exit_code)


def _explain(error: ParityError) -> None:
    click.echo(f"parity: {error}\nparity: explained by: parity help {error.slug}", err=True)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="training-parity")
def main() -> None:
    """Prove that a refactored trainer still trains the same way.

    \b
    Exit codes: 0 parity, 1 violated, 2 usage or policy error, 3 cannot compare,
    4 the reference failed, 5 internal error.
    """  # noqa: D301 - click reads the backspace


_LEVEL = click.option("--level", type=click.Choice(["scalars", "digest"]), default="digest", show_default=True)
_UPDATES = click.option("--updates", type=click.IntRange(min=1), help="Stop cleanly after N optimizer steps.")
_SEED = click.option("--seed", type=int, help="Seed torch, numpy and random before user code.")
_WORLD = click.option("--world", type=click.IntRange(1, 4096), default=1, show_default=True, help="Ranks to run as.")
_SKETCH = click.option(
    "--sketch", default="auto", show_default=True, help="When to sketch tensors: auto, every:N, last:N or off."
)
_WITHOUT = click.option("--without", multiple=True, metavar="PROBE", help="Leave a probe out (repeatable).")
_FRESH = click.option(
    "--fresh", is_flag=True, help="Start each program in a new process, never as a copy of a warm one."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@main.command(context_settings={"ignore_unknown_options": False})
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Directory for the trace.")
@_LEVEL
@_UPDATES
@_SEED
@_WORLD
@_SKETCH
@_WITHOUT
@click.option(
    "--live", is_flag=True, help="Show the position; the program's output goes to DIR/stdout.txt, stderr.txt."
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def record(
    output: Path,
    level: str,
    updates: int | None,
    seed: int | None,
    world: int,
    sketch: str,
    without: tuple[str, ...],
    command: tuple[str, ...],
    *,
    live: bool,
) -> None:
    """Run COMMAND and leave its trace in a directory: parity record -o DIR -- python train.py ..."""
    from parity.record.launch import Recording
    from parity.record.launch import record as run_recorded

    recording = Recording(level=level, updates=updates, seed=seed, world=world, sketch=sketch, without=without)
    if live:
        from parity.run.progress import position_shown

        with position_shown() as tick:
            status = run_recorded(list(command), output, recording, streams=False, tick=tick)
    else:
        status = run_recorded(list(command), output, recording)
    if (output / "manifest.json").is_file():
        click.echo(f"parity: recorded in {output}; next: parity diff {output} OTHER", err=True)
    sys.exit(status if status >= 0 else 128 - status)


@main.command()
@click.argument("reference")
@click.argument("candidate")
@click.option("--name", default="compare", show_default=True, help="Name of the pair, for its output directory.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=_OUT, show_default=True)
@click.option("--rerun/--no-rerun", default=True, help="Run the reference again where something differs.")
@click.option("--fail-fast", is_flag=True, help="Run both sides together and stop them at the first divergence.")
@_LEVEL
@_UPDATES
@_SEED
@_WORLD
@_SKETCH
@_WITHOUT
@_FRESH
@_JSON
def compare(
    reference: str,
    candidate: str,
    name: str,
    output: Path,
    level: str,
    updates: int | None,
    seed: int | None,
    world: int,
    sketch: str,
    without: tuple[str, ...],
    *,
    rerun: bool,
    fail_fast: bool,
    fresh: bool,
    as_json: bool,
) -> None:
    """Run two training commands and compare everything that defines the training.

    {out} in a command stands for a fresh directory of each side.
    """
    from parity.record.launch import Recording
    from parity.run.plan import Scenario

    recording = Recording(level=level, updates=updates, seed=seed, world=world, sketch=sketch, without=without)
    scenario = Scenario(
        pair=name, name="scratch", reference=reference, candidate=candidate, recording=recording, reruns=rerun
    )
    sys.exit(_run([scenario], output, as_json=as_json, fresh=fresh, fail_fast=fail_fast))


@main.command()
@click.argument("pairs", nargs=-1)
@click.option("--full", is_flag=True, help="Run the scenarios of tier full too.")
@click.option("--config", type=click.Path(path_type=Path), help="Policy file; else the nearest pyproject.toml.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=_OUT, show_default=True)
@_FRESH
@_JSON
def run(pairs: tuple[str, ...], config: Path | None, output: Path, *, full: bool, fresh: bool, as_json: bool) -> None:
    """Run all scenarios of the policy's PAIRS, by default of every pair."""
    from parity.policy import find_policy, read_policy
    from parity.run.plan import plan

    path = config or find_policy(Path.cwd())
    if path is None:
        message = "no pyproject.toml with [tool.parity] here or above; name one with --config, or use: parity compare"
        raise UsageError(message)
    sys.exit(_run(plan(read_policy(path), pairs, full=full), output, as_json=as_json, fresh=fresh))


@main.command()
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option("--rerun", type=click.Path(path_type=Path), help="Trace of a second run of the reference.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the Markdown report to this file.")
@_JSON
def diff(reference: Path, candidate: Path, rerun: Path | None, output: Path | None, *, as_json: bool) -> None:
    """Compare two recorded traces."""
    from parity.compare.engine import compare as measure
    from parity.gate import exit_code
    from parity.report.discrepancy import discrepancy_report
    from parity.report.markdown import render_markdown
    from parity.run.session import conclude, require_candidate
    from parity.trace.store import read_trace

    ours, theirs = read_trace(reference), read_trace(candidate)
    require_candidate(theirs)
    again = measure(ours, read_trace(rerun)) if rerun else None
    outcome = conclude(reference.name, candidate.name, measure(ours, theirs), again)
    if output is not None:
        output.write_text(render_markdown(discrepancy_report([outcome])), encoding="utf-8")
    _print([outcome], output, as_json=as_json)
    sys.exit(exit_code([outcome]))


@main.command()
@click.argument("pair", type=click.Path(path_type=Path))
@_JSON
def report(pair: Path, *, as_json: bool) -> None:
    """Judge the stored traces of a PAIR directory again, and write its report and results anew."""
    from parity.gate import exit_code
    from parity.run.results import judge_stored, write_results

    outcomes = judge_stored(pair)
    path = write_results(outcomes, pair)
    _print(outcomes, path, as_json=as_json)
    sys.exit(exit_code(outcomes))


@main.command()
@click.argument("results", type=click.Path(path_type=Path), default=_OUT)
@_JSON
def gate(results: Path, *, as_json: bool) -> None:
    """Turn all stored RESULTS into one verdict and one exit code."""
    from parity.gate import stored_exit_code

    code, verdicts = stored_exit_code(results)
    if as_json:
        from parity.report.machine import to_json

        listed = [{"name": name, "verdict": verdict} for name, verdict in verdicts]
        click.echo(to_json({"schema": 1, "exit_code": code, "results": listed}), nl=False)
    else:
        for name, verdict in verdicts:
            click.echo(f"{verdict}  {name}")
        click.echo("gate: passed" if code == 0 else f"gate: failed (exit code {code})")
    sys.exit(code)


@main.command(name="import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Directory for the run.")
@click.option(
    "--kind",
    type=click.Choice(["auto", "tensorboard", "wandb", "trackio", "csv", "jsonl", "log"]),
    default="auto",
    show_default=True,
)
@click.option("--pattern", metavar="REGEX", help="For a log: named groups are metrics, the group 'step' the step.")
@click.option("--run", "run_name", metavar="NAME", help="Which run of a trackio database.")
def import_(source: Path, output: Path, kind: str, pattern: str | None, run_name: str | None) -> None:
    """Turn what a tracker or a log holds in SOURCE into a run whose metrics can be compared."""
    from parity.trace.importers import import_run
    from parity.trace.importers.points import Options

    found = import_run(source, output, kind=kind, options=Options(pattern=pattern, run=run_name))
    for remark in found.remarks:
        click.echo(f"parity: {remark}", err=True)
    tags = len({point.tag for point in found.points})
    click.echo(f"parity: {len(found.points)} values of {tags} metrics; next: parity diff {output} OTHER", err=True)


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="FILE.parquet, .jsonl or .csv.")
def export(run: Path, output: Path) -> None:
    """Write every value of a RUN into one flat table."""
    from parity.trace.export import export as write
    from parity.trace.store import read_trace

    click.echo(f"parity: {write(read_trace(run), output)} rows in {output}", err=True)


@main.command()
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


@main.command()
@click.argument("reference")
@click.argument("candidate")
@_JSON
def checkpoint(reference: str, candidate: str, *, as_json: bool) -> None:
    """Compare two checkpoints, files or directories, without running anything that is in them."""
    from parity.run.checkpoints import compare_locations

    sys.exit(compare_locations(reference, candidate, as_json=as_json))


@main.command(name="help")
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


def _run(scenarios: "Sequence[Scenario]", output: Path, *, as_json: bool, fresh: bool, fail_fast: bool = False) -> int:
    """Run scenarios pair by pair; write and print each pair's results as soon as it is done."""
    from contextlib import nullcontext

    from parity.gate import exit_code
    from parity.record.processes import start_fresh
    from parity.record.warm.launcher import WarmLauncher
    from parity.run.plan import by_pair
    from parity.run.progress import progress_shown
    from parity.run.results import write_results
    from parity.run.session import run_scenario, set_up
    from parity.run.together import run_until_divergence

    run_one = run_until_divergence if fail_fast else run_scenario
    done: list[Outcome] = []
    reports: list[tuple[list[Outcome], Path]] = []
    launching = nullcontext(start_fresh) if fresh else WarmLauncher()
    with launching as launcher, progress_shown(len(scenarios)) as progress:
        for pair, members in by_pair(scenarios):
            set_up(members[0], output / pair)
            outcomes = [run_one(scenario, output / pair, progress, launcher) for scenario in members]
            reports.append((outcomes, write_results(outcomes, output / pair)))
            done += outcomes
    for outcomes, path in reports:
        _print(outcomes, path, as_json=as_json)
    return exit_code(done)


def _print(outcomes: "Sequence[Outcome]", report_path: Path | None, *, as_json: bool) -> None:
    if as_json:
        from parity.report.machine import result_json, to_json

        results = [result_json(outcome) for outcome in outcomes]
        click.echo(to_json(results[0] if len(results) == 1 else results), nl=False)
        return
    from rich.console import Console

    from parity.report.terminal import print_outcome

    console = Console(highlight=False, soft_wrap=True)
    for outcome in outcomes:
        print_outcome(outcome, console, report=report_path)
        if outcome.error is not None:
            _explain(outcome.error)


if __name__ == "__main__":
    main()
