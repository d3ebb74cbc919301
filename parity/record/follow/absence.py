"""A value that says that there is none."""

from typing import Final


class Absent:
    """Stands for a tensor that the reference does not have."""


ABSENT: Final = Absent()
