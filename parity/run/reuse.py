"""A run of the reference is reused while nothing that it depended on has changed: a refactor runs the candidate alone.

Kept are plain, successful, complete runs of the reference, perturbed ones for the noise floor among them. What a run
depended on is known from its own lists, see ``parity.record.reads``; a run that did more than they can tell is recorded
afresh each time, and its manifest says why.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from parity.record.stop import STOP
from parity.run.cache import Cache
from parity.run.dependencies import changed_since, dependencies, holds, key_of, obstacles
from parity.run.plan import OUT, SHARED, TRACE, Progress, Scenario, Side, fill
from parity.trace.manifest import read_manifest, write_manifest
from parity.trace.model import Trace
from parity.trace.store import read_trace

CACHE: Final = "cache"
"""Key in the manifest: ``{"state": "reused" | "kept" | "not kept", "reason": ...}``."""
_UNSEEDED: Final = {"random": ("random.seed",), "numpy": ("numpy.random.seed",)}
Run = Callable[[Scenario], Trace]


def through_cache(scenario: Scenario, side: Side, base: Path, progress: Progress, run: Run) -> Trace:
    """The trace of ``side``: an earlier one where it still holds, else a new one from ``run``, which is then kept."""
    if scenario.cache is None or side is not Side.REFERENCE:
        return run(scenario)
    cache = Cache(root=scenario.cache)
    place = base / scenario.name / side.value
    if scenario.prepare(side) is not None or side in scenario.origins:
        return _noted(run(scenario), "not kept", "it begins with what another run has left")
    scenario = replace(scenario, recording=replace(scenario.recording, reads=True))
    words, key = _identity(scenario, side, base, place)
    targets = {TRACE: (place / TRACE).resolve(), OUT: (place / OUT).resolve()}
    if _restore(cache, key, targets):
        progress(scenario, f"{side.value}, reused from the cache", None)
        return _noted(read_trace(place / TRACE), "reused", "nothing that it depended on has changed")
    moment = time.time()
    trace = run(scenario)
    reason = why_not(trace) or _keep(cache, key, words, trace, targets, moment, scenario.directory(side))
    return _noted(trace, "not kept" if reason else "kept", reason)


def _restore(cache: Cache, key: str, targets: Mapping[str, Path]) -> bool:
    """Whether there is an entry of ``key`` that still holds, with its files put in place."""
    try:
        return any(holds(entry.content["dependencies"]) and cache.use(entry, targets) for entry in cache.of(key))
    except OSError:
        return False  # a cache that cannot be read is none


def _keep(
    cache: Cache,
    key: str,
    words: Sequence[str],
    trace: Trace,
    sources: Mapping[str, Path],
    moment: float,
    directory: Path,
) -> str:
    """Keep a run in ``directory`` that began at ``moment``, or say why not."""
    # What lies in {out} is what the run has written, whoever names it.
    found = dependencies(trace.directory, [word for word in words if str(sources[OUT]) not in word], directory)
    moved = changed_since(found, moment)
    if moved:
        return f"{moved[0]} was changed while it ran"
    name = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]
    try:
        kept = cache.keep(key, name, {"command": trace.command, "dependencies": found}, sources)
    except OSError as error:
        return f"{cache.root} cannot be written ({error.strerror})"
    return "" if kept else "what it wrote is too large"


def _identity(scenario: Scenario, side: Side, base: Path, place: Path) -> tuple[list[str], str]:
    out, shared = (place / OUT).resolve(), (base / SHARED).resolve()
    words = fill(scenario.command(side), out=out, shared=shared)
    return words, key_of(words, scenario.directory(side), replace(scenario.recording, out=out, shared=shared))


def why_not(trace: Trace) -> str:
    """Why a run is not kept; empty where it can be."""
    if trace.exit_status != 0:
        return f"it ended with status {trace.exit_status}"
    if not trace.processes or any(process.sealed is None for process in trace.processes):
        return "its trace is not complete"
    if (trace.directory / STOP).exists():
        return "it was stopped at the first divergence"
    found = obstacles(trace.directory, trace.world)
    if found:
        return "; ".join(found)
    drawn = [name for name in _UNSEEDED if trace.manifest.get("seed") is None and _unseeded(trace, name)]
    return f"it draws from {drawn[0]}, which it has not seeded" if drawn else ""


def _unseeded(trace: Trace, generator: str) -> bool:
    """Whether a rank has used ``generator`` and nobody was seen to seed it."""
    for process in trace.processes:
        states = process.get("rng", generator)
        seeded = any(process.get("seeding", name) for name in _UNSEEDED[generator])
        if states is not None and bool(states.values.any()) and not seeded:
            return True
    return False


def _noted(trace: Trace, state: str, reason: str) -> Trace:
    """Say in the manifest where the trace is from."""
    manifest: Mapping[str, Any] = read_manifest(trace.directory)
    noted = {**manifest, CACHE: {"state": state, "reason": reason}}
    write_manifest(trace.directory, {name: value for name, value in noted.items() if name != "schema"})
    return replace(trace, manifest=noted)
