"""Charts drawn by another process: the training hands over numbers, and never waits for pictures.

Rows go over once, so that what is handed over does not grow with the run. Where the drawing falls behind, charts are
left out; the last ones of a run are always drawn.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from trainers.stream.book import Layout, PlainBook
from trainers.stream.history import TextSample

PENDING = 8
"""Charts that may wait to be drawn."""
COURTESY = 10
"""How much more often others get the processor: the ``nice`` of the drawing process."""


@dataclass
class Parcel:
    """What has come in since the last charts, and the number of the next ones."""

    rows: list[Mapping[str, float]] = field(default_factory=list)
    samples: list[TextSample] = field(default_factory=list)
    step: int = 0


class BackgroundBook:
    """A book that another process keeps."""

    def __init__(self, layout: Layout) -> None:
        """Start the process."""
        context = multiprocessing.get_context("spawn")
        # only the reading end goes over: it reads its end as soon as this process is gone, however it went
        receiver, self._sender = context.Pipe(duplex=False)
        self._room = context.BoundedSemaphore(PENDING)
        self._process = context.Process(target=keep_book, args=(layout, receiver, self._room), daemon=True)
        self._process.start()
        receiver.close()
        self._parcel = Parcel()
        self._parcels: queue.SimpleQueue[Parcel | None] = queue.SimpleQueue()
        # a pipe takes in little, and would make the training wait
        self._thread = threading.Thread(target=self._send, daemon=True, name="sending charts")
        self._thread.start()
        self._skipped = 0
        self._published = -1

    def add(self, row: Mapping[str, float]) -> None:
        """Take in one row of the history."""
        self._parcel.rows.append(row)

    def show(self, sample: TextSample) -> None:
        """Take in a text sample."""
        self._parcel.samples.append(sample)

    def publish(self, step: int) -> None:
        """Ask for charts, unless too many are waiting."""
        self._parcel.step = step
        if not self._room.acquire(block=False):
            self._skipped += 1
            return
        self._hand_over()

    def close(self) -> None:
        """Wait until the last charts are drawn; says so where charts were left out, or could not be drawn."""
        if self._parcel.step != self._published:
            self._skipped -= 1
            self._hand_over()
        self._parcels.put(None)
        self._thread.join()
        self._process.join()
        if self._skipped:
            print(f"{self._skipped} charts were left out, as drawing took longer than training; see --viz-interval")
        if self._process.exitcode != 0:
            print(f"warning: drawing charts ended with status {self._process.exitcode}; the training is not affected")

    def _hand_over(self) -> None:
        self._published = self._parcel.step
        self._parcels.put(self._parcel)
        self._parcel = Parcel(step=self._parcel.step)

    def _send(self) -> None:
        # where the process has failed, its status tells
        with self._sender, suppress(OSError):
            while (parcel := self._parcels.get()) is not None:
                self._sender.send(parcel)


def keep_book(layout: Layout, receiver: Connection, room: threading.Semaphore) -> None:
    """Publish what arrives until the other end is closed; the main function of the drawing process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # both reach the whole process group, and it is the training that ends this process
        signal.signal(number, signal.SIG_IGN)
    os.nice(COURTESY)
    book = PlainBook(layout)
    while True:
        try:
            parcel: Parcel = receiver.recv()
        except EOFError:
            return
        for row in parcel.rows:
            book.add(row)
        for sample in parcel.samples:
            book.show(sample)
        book.publish(parcel.step)
        # the last charts took no room, and give none back
        with suppress(ValueError):
            room.release()
