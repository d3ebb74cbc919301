"""What two runs of one program saved last, key by key."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from parity.checkpoint.model import Checkpoint
from parity.checkpoint.reading import read_checkpoint
from parity.compare.checkpoint_model import CheckpointDifference
from parity.compare.checkpoints import compare_checkpoints
from parity.compare.sections import Section
from parity.errors import ParityError

_PLAIN: Final = "bytes"


def compare_saved(straight: Path, resumed: Path) -> tuple[CheckpointDifference, ...] | None:
    """Differences between files of the same name below two output directories, the configuration left aside.

    None where they have no checkpoint of the same name, or none that can be read.
    """
    try:
        ours, theirs = (saved_files(place) for place in (straight, resumed))
        names = {unit.name for unit in ours.units} & {unit.name for unit in theirs.units}
        if not names:
            return None
        comparison = compare_checkpoints(*(_only(side, names) for side in (ours, theirs)))
    except ParityError:
        return None
    return tuple(one for one in comparison.differences if one.section is not Section.CONFIG)


def saved_files(place: Path) -> Checkpoint:
    """The checkpoints below ``place``, among logs and other files."""
    found = read_checkpoint(place)
    return replace(found, units=tuple(unit for unit in found.units if unit.tensors and unit.format != _PLAIN))


def _only(checkpoint: Checkpoint, names: set[str]) -> Checkpoint:
    return replace(checkpoint, units=tuple(unit for unit in checkpoint.units if unit.name in names))
