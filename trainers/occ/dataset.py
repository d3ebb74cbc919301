"""Rows of a table as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch.utils.data import Dataset

from trainers.occ.augmentation import UNKNOWN_LANGUAGE, Augmentation
from trainers.occ.formatters import Formatter
from trainers.occ.tables import Columns, Key, Row
from trainers.occ.tokenizers import Tokenizer

Item: TypeAlias = dict[str, torch.Tensor]
"""``input_ids`` and ``attention_mask`` (max length), ``targets_linear`` (C), ``targets_seq2seq`` (K * S + 2)."""

SEPARATOR = "[SEP]"


class OccDataset(Dataset[Item]):
    """One item per row; without a formatter there are no targets for a decoder."""

    def __init__(
        self,
        rows: Sequence[Row],
        *,
        columns: Columns,
        key: Key,
        tokenizer: Tokenizer,
        formatter: Formatter | None = None,
        augmentation: Augmentation | None = None,
    ) -> None:
        """Check all codes now, lest training stop at a bad row days later.

        Raises:
            DataError: a code does not fit the formatter.
        """
        self.rows = rows
        self.columns = columns
        self.key = key
        self.tokenizer = tokenizer
        self.augmentation = augmentation
        codes = [columns.codes(row) for row in rows]
        # codes that have no label, which a validation table may have, are left out
        self._labels = [[key[code] for code in row if code in key] for row in codes]
        self._targets = None if formatter is None else [torch.tensor(formatter.target(row)) for row in codes]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def __getitem__(self, index: int) -> Item:
        """Return one row, altered anew each time where there is an augmentation."""
        row = self.rows[index]
        text, language = row[self.columns.text], row.get(self.columns.language) or UNKNOWN_LANGUAGE
        if self.augmentation is not None:
            description = row[self.columns.description] if self.columns.description else None
            text, language = self.augmentation(text, language, description)
        ids, mask = self.tokenizer(language + SEPARATOR + text)
        labels = torch.zeros(len(self.key))
        labels[self._labels[index]] = 1.0
        item = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask), "targets_linear": labels}
        if self._targets is not None:
            item["targets_seq2seq"] = self._targets[index]
        return item
