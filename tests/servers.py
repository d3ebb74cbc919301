"""The servers of a test process: loading torch once for each environment costs less than once for each program."""

from typing import Final

from parity.record.warm.launcher import WarmLauncher

SERVERS: Final = WarmLauncher()
"""Ended by the fixture ``warm`` with the session; a server starts with the first program that can use it."""
