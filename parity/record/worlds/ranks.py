"""The ranks of one run as one process: watched, ended together, and explained when they fail."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any, Final

from parity.record.processes import Process
from parity.record.worlds.announcing import TELL
from parity.record.worlds.deadlocks import Deadlock, find_breach, find_deadlock, name_ranks, position
from parity.record.worlds.table import Table

_PAUSE_SECONDS: Final = 0.02
_LOOK_SECONDS: Final = 0.1
_CONFIRM_SECONDS: Final = 0.5
_GRACE_SECONDS: Final = 5.0
_FAREWELL_SECONDS: Final = 30.0
_TELL_SECONDS: Final = 0.3
_TAIL_LINES: Final = 12
_MOST_STACKS: Final = 4
FAILED: Final = 1


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Where the ranks of a run announce and complain. ``port`` is held for their store until they have ended."""

    table: Table
    trace: Path
    errors: int | None
    timeout: float
    port: socket


class Ranks:
    """All ranks of a run, to be waited for and signalled like one process.

    The status is that of the rank that failed first, or 1 where no single rank is to blame. Once a rank has failed, the
    others are asked to end, and killed if they do not.
    """

    def __init__(self, processes: Sequence[Process], watched: Watched) -> None:
        self.processes = tuple(processes)
        self.returncode: int | None = None
        self._watched = watched
        self._statuses: dict[int, int] = {}
        self._order: list[int] = []
        self._ended_by_us: frozenset[int] = frozenset()
        self._kill_at: float | None = None
        self._suspect: tuple[Deadlock, list[int], float] | None = None
        self._verdict: tuple[str, tuple[str, ...]] | None = None
        self._looked = 0.0
        self._moved = (list(watched.table.beats), time.monotonic())

    def poll(self) -> int | None:
        """The exit status, or None while a rank runs."""
        if self.returncode is None:
            for rank, process in enumerate(self.processes):
                if rank not in self._statuses and (status := process.poll()) is not None:
                    self._statuses[rank] = status
                    self._order.append(rank)
            if len(self._statuses) == len(self.processes):
                self._conclude()
            else:
                self._watch(time.monotonic())
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit status; ``subprocess.TimeoutExpired`` after ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            left = _PAUSE_SECONDS if deadline is None else min(_PAUSE_SECONDS, deadline - time.monotonic())
            if left <= 0:
                raise subprocess.TimeoutExpired(f"{len(self.processes)} ranks", timeout or 0)
            time.sleep(left)
        return status

    def send_signal(self, sig: int) -> None:
        """Send a signal to every rank that still runs."""
        for rank in self._running():
            self.processes[rank].send_signal(sig)

    def kill(self) -> None:
        """End every rank at once."""
        self.send_signal(signal.SIGKILL)

    def _running(self) -> list[int]:
        return [rank for rank in range(len(self.processes)) if rank not in self._statuses]

    def _watch(self, now: float) -> None:
        if self._kill_at is not None:
            if now > self._kill_at:
                self.kill()
            return
        states = self._watched.table.read()
        failed = [rank for rank, status in self._statuses.items() if status != 0]
        if failed:
            # Where a rank was aborted after its training was complete, the others are about to end by themselves.
            over = all(self._statuses[rank] < 0 and _is_complete(states[rank]) for rank in failed)
            self._end(now, _FAREWELL_SECONDS if over else _GRACE_SECONDS, ask=not over)
        elif now - self._looked > _LOOK_SECONDS:
            self._looked = now
            self._look(states, now)

    def _look(self, states: Sequence[Mapping[str, Any]], now: float) -> None:
        beats = list(self._watched.table.beats)
        if beats != self._moved[0]:
            self._moved = (beats, now)
        found = find_deadlock(states, [rank in self._statuses for rank in range(len(states))])
        if found is None or self._suspect is None or self._suspect[:2] != (found, beats):
            self._suspect = None if found is None else (found, beats, now)
        elif now - self._suspect[2] > _CONFIRM_SECONDS:
            self._give_up(f"deadlock: {found.title}", found.lines, now)
            return
        if now - self._moved[1] > self._watched.timeout:
            self._hanging(states, now)

    def _hanging(self, states: Sequence[Mapping[str, Any]], now: float) -> None:
        """No rank has moved for too long: those that wait for nobody are to blame, and say where they are."""
        running = self._running()
        blamed = [rank for rank in running if not states[rank].get("waits")] or running
        for rank in blamed:
            if states[rank]:  # it listens to this signal
                self.processes[rank].send_signal(TELL)
        time.sleep(_TELL_SECONDS)
        lines = [f"rank {rank}: {position(states[rank])}" for rank in running]
        for rank in blamed[:_MOST_STACKS]:
            lines += self._complaints(rank)
        verb = "hangs" if len(blamed) == 1 else "hang"
        title = f"{name_ranks(blamed)} {verb}: no rank has moved for {self._watched.timeout:g} s"
        self._give_up(title, tuple(lines), now)

    def _give_up(self, title: str, lines: tuple[str, ...], now: float) -> None:
        self._verdict = (title, lines)
        self._end(now, _GRACE_SECONDS, ask=True)

    def _end(self, now: float, grace: float, *, ask: bool) -> None:
        self._kill_at = now + grace
        if ask:
            self._ended_by_us = frozenset(self._running())
            self.send_signal(signal.SIGTERM)

    def _conclude(self) -> None:
        states = [dict(state) for state in self._watched.table.read()]
        self._watched.port.close()
        self._watched.table.close()
        failed = [rank for rank in self._order if self._statuses[rank] != 0]
        if self._verdict is not None:
            self.returncode = FAILED
            self._say(*self._verdict)
        elif failed:
            culprit = _culprit(failed, states, self._ended_by_us)
            self.returncode = self._statuses[culprit] if culprit not in self._ended_by_us else FAILED
            others = [rank for rank in failed if rank != culprit]
            breach = find_breach(states, culprit)
            how = f"rank {culprit} of {len(states)} {_how(self.returncode)} {position(states[culprit])}"
            ending = f"; {name_ranks(others)} ended with it" if others else ""
            error = breach.title if breach else states[culprit].get("error") or self._last_words(culprit)
            lines = (*self._complaints(culprit), *(breach.lines if breach else ()))
            self._say(how + ending, lines, f": {error}" if error else "")
        else:
            self.returncode = 0

    def _last_words(self, rank: int) -> str:
        lines = _lines(self._watched.trace / (f"stderr-rank{rank}.txt" if rank else "stderr.txt"))
        return lines[-1] if lines else ""

    def _complaints(self, rank: int) -> tuple[str, ...]:
        """The last lines of what ``rank`` has complained, where it did so into a file of its own."""
        lines = _lines(self._watched.trace / f"stderr-rank{rank}.txt")
        named = (line if line.startswith(f"[rank{rank}]") else f"[rank{rank}]: {line}" for line in lines)
        return tuple(named)[-_TAIL_LINES:]

    def _say(self, title: str, lines: Sequence[str], ending: str = "; all ranks were ended") -> None:
        # The reason comes last: that is the line by which a failure is known.
        text = "".join(f"{line}\n" for line in (*lines, f"parity: {title}{ending}"))
        descriptor = self._watched.errors
        if descriptor is None:
            sys.stderr.write(text)
            sys.stderr.flush()
        else:
            with suppress(OSError):
                os.write(descriptor, text.encode())


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []


def _is_complete(state: Mapping[str, Any]) -> bool:
    return bool(state.get("finished")) and "failed" not in state


def _how(status: int) -> str:
    if status >= 0:
        return f"failed with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


def _culprit(failed: Sequence[int], states: Sequence[Mapping[str, Any]], ended_by_us: frozenset[int]) -> int:
    """The rank that failed first: one that others have not broken, by the time of its exception, else of its end."""

    def place(rank: int) -> tuple[bool, bool, float, int]:
        state = states[rank]
        at = state.get("failed")
        innocent = rank in ended_by_us and at is None
        return innocent, "broken" in state, at if at is not None else float("inf"), failed.index(rank)

    return min(failed, key=place)
