"""How a program that is being recorded is asked to end.

Loaded inside recorded programs: the standard library only.
"""

from typing import Final

STOP: Final = "stop"
"""File in the directory of a trace: the number of updates after which the program ends."""
