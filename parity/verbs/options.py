"""Options that several verbs share."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

OUT: Final = Path("reports/out")
FRESH: Final = click.option(
    "--fresh", is_flag=True, help="Start each program in a new process, never as a copy of a warm one."
)
ENGINES: Final = ("auto", "baton", "gloo", "nccl", "fake")
NOISE: Final = click.option(
    "--noise-runs",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="Perturbed runs of the reference where something differs; 0 measures no noise.",
)
POLICY: Final = click.option(
    "--policy", type=click.Path(path_type=Path), help="File with the tolerances to judge by, in [tool.parity]."
)
QUIET: Final = click.option("-q", "--quiet", is_flag=True, help="Print one line for each scenario: its verdict.")


def _cache(_: click.Context, __: click.Parameter, off: bool) -> Path | None:  # noqa: FBT001 - as click calls it
    from parity.run.cache import find_cache

    found = None if off else find_cache(os.environ)
    return None if found is None else found.root


CACHE: Final = click.option(
    "--no-cache", "cache", is_flag=True, callback=_cache, help="Record the reference even where nothing has changed."
)
JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def _worlds(_: click.Context, option: click.Parameter, value: str) -> tuple[int, ...]:
    """The numbers of ranks in ``value``, each once, in order."""
    try:
        sizes = tuple(dict.fromkeys(int(word) for word in value.split(",")))
    except ValueError:
        sizes = ()
    if not sizes or not all(1 <= size <= _MOST_RANKS for size in sizes):
        message = f"{value!r} is no list of numbers from 1 to {_MOST_RANKS}, such as 1,2,4"
        raise click.BadParameter(message, param=option)
    return sizes


_MOST_RANKS: Final = 4096
_RECORDING: Final = {
    "level": click.option(
        "--level", type=click.Choice(["scalars", "digest", "full"]), default="digest", show_default=True
    ),
    "updates": click.option("--updates", type=click.IntRange(min=1), help="Stop cleanly after N optimizer steps."),
    "seed": click.option("--seed", type=int, help="Seed torch, numpy and random before user code."),
    "world": click.option(
        "--world",
        metavar="N[,N...]",
        callback=_worlds,
        default="1",
        show_default=True,
        help="Ranks to run as; compare takes several worlds.",
    ),
    "engine": click.option(
        "--engine",
        type=click.Choice(ENGINES),
        default="auto",
        show_default=True,
        help="How ranks are run.",
    ),
    "timeout": click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=1800.0,
        show_default=True,
        help="End ranks when none has moved for so many seconds.",
    ),
    "sketch": click.option(
        "--sketch",
        default="auto",
        show_default=True,
        help="When to sketch tensors: auto, every:N, last:N, first:N or off.",
    ),
    "without": click.option("--without", multiple=True, metavar="PROBE", help="Leave a probe out (repeatable)."),
}


def recorded(verb: Callable[..., None]) -> Callable[..., None]:
    """Give ``verb`` the options of a recording; it receives them, by name, as its argument ``recording``.

    ``world`` among them is a tuple of world sizes.
    """

    @wraps(verb)
    def collect(*args: Any, **given: Any) -> None:
        recording = {name: given.pop(name) for name in _RECORDING}
        verb(*args, recording=recording, **given)

    for option in reversed(_RECORDING.values()):
        collect = option(collect)
    return collect
