"""Reading ahead in a thread, with an end to patience: a source that stalls or fails does not hold up the training."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

from trainers.common.errors import DataError, TrainerError
from trainers.stream.sources import Shard, Unreadable

AHEAD = 64
"""Examples that are read before they are wanted."""
GLANCE = 0.2
"""Seconds between two looks at whether the run is to stop."""


@dataclass(frozen=True)
class Position:
    """How far the reading has come: the next example to be read, all counted from 0."""

    epoch: int = 0
    shard: int = 0
    offset: int = 0


START = Position()


@dataclass(frozen=True)
class Reading:
    """One example, and the position behind it."""

    content: str | Unreadable
    position: Position


class _End:
    """What a thread hands over last: the error that ended it, if any."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error


class Reader:
    """Reads ``epochs`` times through all shards, from ``start`` on."""

    def __init__(
        self,
        shards: Sequence[Shard],
        *,
        start: Position,
        epochs: int,
        timeout: float,
        is_stopped: Callable[[], bool] = lambda: False,
        say: Callable[[str], None] = print,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wait at most ``timeout`` seconds for an example; ``is_stopped`` ends a wait early, and the reading."""
        self._shards = shards
        self._start = start
        self._epochs = epochs
        self._timeout = timeout
        self._is_stopped = is_stopped
        self._say = say
        self._clock = clock

    def __iter__(self) -> Iterator[Reading]:
        """Yield examples in order.

        A shard that stalls or fails is left, with a message, for the next one.

        Raises:
            DataError: it was the last one.
        """
        rest = [
            (epoch, number)
            for epoch in range(self._start.epoch, self._epochs)
            for number in range(len(self._shards))
            if (epoch, number) >= (self._start.epoch, self._start.shard)
        ]
        for epoch, number in rest:
            begin = Position(epoch, number)
            if (epoch, number) == (self._start.epoch, self._start.shard):
                begin = self._start
            problem = yield from self._read(begin)
            if problem is None:
                continue
            if (epoch, number) == rest[-1]:
                raise DataError(f"{problem}, and nothing comes after it; look at the source and go on with --resume")
            self._say(f"warning: {problem}; going on with the next file")

    def _read(self, begin: Position) -> Generator[Reading, None, str | None]:
        """Yield what one shard holds; returns what went wrong with it, if anything."""
        shard, offset = self._shards[begin.shard], begin.offset
        examples: queue.Queue[str | Unreadable | _End] = queue.Queue(maxsize=AHEAD)
        left = threading.Event()
        arguments = (shard, offset, examples, left)
        threading.Thread(target=_pump, args=arguments, daemon=True, name=f"reading {shard.name}").start()
        try:
            while True:
                content = self._wait(examples)
                if content is None:
                    return None if self._is_stopped() else f"{shard.name} gave nothing for {self._timeout:g} seconds"
                if isinstance(content, _End):
                    return _complaint(shard, offset, content.error)
                offset += 1
                yield Reading(content, Position(begin.epoch, begin.shard, offset))
        finally:
            left.set()

    def _wait(self, examples: queue.Queue[str | Unreadable | _End]) -> str | Unreadable | _End | None:
        """Return the next example, None where there is none in time or the run is to stop."""
        deadline = self._clock() + self._timeout
        while not self._is_stopped() and (left := deadline - self._clock()) > 0:
            try:
                return examples.get(timeout=min(GLANCE, left))
            except queue.Empty:
                continue
        return None


def _pump(shard: Shard, start: int, examples: queue.Queue[str | Unreadable | _End], left: threading.Event) -> None:
    """Read a shard into a queue until it ends or nobody wants it any more."""
    error = None
    try:
        for content in shard.read(start):
            if not _put(content, examples, left):
                return
    except Exception as problem:
        error = problem
    _put(_End(error), examples, left)


def _put(
    content: str | Unreadable | _End, examples: queue.Queue[str | Unreadable | _End], left: threading.Event
) -> bool:
    """Whether ``content`` has found room before the reader left."""
    while not left.is_set():
        try:
            examples.put(content, timeout=GLANCE)
        except queue.Full:
            continue
        return True
    return False


def _complaint(shard: Shard, offset: int, error: Exception | None) -> str | None:
    if isinstance(error, TrainerError):
        # what the person at the keyboard can put right would be the same with every other file
        raise error
    return None if error is None else f"{shard.name} cannot be read behind example {offset}: {error}"
