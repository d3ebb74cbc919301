"""Stored traces of references that can no longer run: where they come from, and whether they still mean anything here.

Bits of a training depend on the machine, on torch and on the number of threads: a baseline is used where these are
those that it was recorded with, and refused where they are not.
"""

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any, Final

from parity.errors import BaselineError
from parity.trace.manifest import MANIFEST, read_manifest, write_manifest
from parity.trace.model import Trace
from parity.trace.sketches import SUFFIX as SKETCHES
from parity.trace.store import read_trace
from parity.trace.wire import SUFFIX

BASELINES: Final = Path("reports/baselines")
PROVENANCE: Final = "baseline.json"
_KEPT: Final = (MANIFEST, f"*{SUFFIX}", f"*{SKETCHES}")
_DECIDING: Final = ("platform", "torch", "threads", "cuda")
_CPU: Final = Path("/proc/cpuinfo")


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a baseline comes from: by whom, when, from which revision of the sources, and until when it is trusted."""

    owner: str
    made: str
    expires: str
    revision: str


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The baselines of one pair, as they are used on the day ``today``."""

    place: Path
    today: date

    def take(self, scenario: str, trace: Path) -> Trace:
        """Put the reference's trace of ``scenario`` into the directory ``trace``.

        Raises:
            BaselineError: there is none for this machine, or it is no longer trusted.
        """
        here = self.place / machine()
        content = _provenance(here)
        if date.fromisoformat(content["expires"]) < self.today:
            message = (
                f"the baseline in {here} is trusted until {content['expires']}, and today is {self.today}; renew it"
            )
            raise BaselineError(message)
        archive = here / f"{scenario}.tar.xz"
        if scenario not in content["scenarios"] or not archive.is_file():
            message = (
                f"{here} holds no baseline of scenario {scenario}; it has {', '.join(sorted(content['scenarios']))}"
            )
            raise BaselineError(message)
        trace.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as stored:
            _unpack(stored, trace)
        came = f"not run: a baseline of {content['made']} by {content['owner']}, revision {content['revision']}"
        manifest = read_manifest(trace)
        write_manifest(trace, {**manifest, "remarks": [*manifest.get("remarks", ()), came]})
        return read_trace(trace)

    def check(self, candidate: Trace) -> Trace:
        """``candidate``, if it ran where the baseline was recorded.

        Raises:
            BaselineError: it ran elsewhere.
        """
        content = _provenance(self.place / machine())
        ours = _environment(candidate)
        unlike = [
            f"{key} {ours.get(key)} instead of {value}"
            for key, value in content["environment"].items()
            if ours.get(key) != value
        ]
        if unlike:
            message = f"the baseline was recorded in another environment: the candidate has {', '.join(unlike)}"
            raise BaselineError(message)
        return candidate


def machine() -> str:
    """A name for this machine, the same for all whose processors round alike."""
    lines = _CPU.read_text(encoding="utf-8", errors="replace").splitlines() if _CPU.is_file() else []
    model = next((line for line in lines if line.startswith("model name")), platform.processor())
    mark = hashlib.blake2b(model.encode(), digest_size=4).hexdigest()
    return f"{platform.system()}-{platform.machine()}-{mark}".lower()


def revision(directory: Path) -> str:
    """The git revision of the sources around ``directory``, with a mark where they have been changed since."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def save_baseline(place: Path, traces: Mapping[str, Path], provenance: Provenance) -> Path:
    """Store the traces of a pair's reference, by scenario, under ``place``; return the directory of this machine.

    Raises:
        BaselineError: one of them failed, or they ran in different environments.
    """
    found = {scenario: read_trace(trace) for scenario, trace in traces.items()}
    failed = [scenario for scenario, trace in found.items() if trace.exit_status != 0]
    environments = [_environment(trace) for trace in found.values()]
    if failed or not found or any(one != environments[0] for one in environments):
        why = (
            f"the reference failed in {', '.join(failed)}" if failed else "its scenarios ran in different environments"
        )
        message = f"no baseline is stored in {place}: {why if found else 'there is no scenario'}"
        raise BaselineError(message)
    here = place / machine()
    here.mkdir(parents=True, exist_ok=True)
    for stale in here.glob("*.tar.xz"):
        stale.unlink()
    for scenario, trace in traces.items():
        (here / f"{scenario}.tar.xz").write_bytes(_packed(trace))
    commands = {scenario: trace.command for scenario, trace in found.items()}
    content = {**asdict(provenance), "scenarios": commands, "environment": environments[0]}
    (here / PROVENANCE).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return here


def _unpack(stored: tarfile.TarFile, place: Path) -> None:
    """Write what is stored below ``place``: plain files, and nothing beside it, whatever an archive asks for."""
    for member in stored:
        path = PurePosixPath(member.name)
        content = stored.extractfile(member) if member.isfile() else None
        if path.is_absolute() or ".." in path.parts or not (content or member.isdir()):
            message = f"a baseline holds {member.name!r}, which is no file of a trace; store it anew"
            raise BaselineError(message)
        if content is not None:
            target = place / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read())


def _provenance(here: Path) -> dict[str, Any]:
    path = here / PROVENANCE
    if not path.is_file():
        others = sorted(one.parent.name for one in here.parent.glob(f"*/{PROVENANCE}"))
        message = (
            f"there is no baseline for this machine, {here.name}, in {here.parent}; "
            f"those are there: {', '.join(others) or 'none'}. Make one where the reference runs: "
            "parity run PAIR --save-baseline OWNER YYYY-MM-DD"
        )
        raise BaselineError(message)
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _environment(trace: Trace) -> dict[str, str]:
    """What decides about bits, from the lowest rank that recorded it."""
    for process in trace.processes:
        found = {one.name: str(one.python(-1)) for one in process.channel("environment") if len(one)}
        if found:
            return {key: found[key] for key in _DECIDING if key in found}
    return {}


def _packed(trace: Path) -> bytes:
    """A compressed archive of what is read of a trace, the same bytes for the same content."""
    read_manifest(trace)
    files: Sequence[Path] = sorted(path for pattern in _KEPT for path in trace.glob(pattern))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz", format=tarfile.PAX_FORMAT) as archive:
        for path in files:
            member = tarfile.TarInfo(path.name)
            member.size = path.stat().st_size
            with path.open("rb") as content:
                archive.addfile(member, content)
    return packed.getvalue()
