"""Documents of a text corpus, one after the other, from the hub or from files on this machine.

It needs the package datasets, which is an extra: ``pip install training-parity[hub]``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from trainers.common.errors import DataError

FINEWEB_EDU = "HuggingFaceFW/fineweb-edu"
FINEWEB_EDU_SAMPLE = "sample-10BT"
FORMATS = {".parquet": "parquet", ".jsonl": "json"}


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Where documents come from: ``files``, a file or a directory of them, or else ``name`` and ``part`` on the hub."""

    files: Path | None = None
    name: str = FINEWEB_EDU
    part: str = FINEWEB_EDU_SAMPLE
    column: str = "text"

    def documents(self, *, limit: int | None = None) -> Iterator[str]:
        """Give the texts in the order of the corpus, at most ``limit`` of them; nothing is kept in memory.

        Raises:
            DataError: there is no such corpus, or it has no such column, or the package datasets is not installed.
        """
        for row in islice(self._rows(), limit):
            if not isinstance(row.get(self.column), str):
                raise DataError(
                    f"a document of {self.files or self.name} has no text under {self.column!r}, but {sorted(row)};"
                    " use another --column"
                )
            yield row[self.column]

    def _rows(self) -> Iterator[dict[str, Any]]:
        try:
            yield from self._open()
        except DataError:
            raise
        except Exception as error:  # of the network, of the hub, of a file: the package has no common class for them
            raise DataError(
                f"cannot read {self.files or f'{self.name} ({self.part}) on the hub'}: {error};"
                " --from takes files of this machine, parquet or JSON lines"
            ) from error

    def _open(self) -> Iterator[dict[str, Any]]:
        try:
            from datasets import load_dataset
        except ImportError as error:
            raise DataError("a corpus needs the package datasets: pip install training-parity[hub]") from error
        if self.files is not None:
            form, files = _list_files(self.files)
            return iter(load_dataset(form, data_files={"train": files}, split="train", streaming=True))
        return iter(load_dataset(self.name, name=self.part, split="train", streaming=True))


def _list_files(place: Path) -> tuple[str, list[str]]:
    """Return the format and the files in the order of their names."""
    found = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    files = [path for path in found if path.suffix in FORMATS]
    forms = {FORMATS[path.suffix] for path in files}
    if len(forms) != 1:
        raise DataError(
            f"{place} holds files of {len(forms)} formats, expected one: {', '.join(FORMATS)}"
            if forms
            else f"no documents in {place}, expected files {', '.join(FORMATS)}"
        )
    return forms.pop(), [str(path) for path in files]
