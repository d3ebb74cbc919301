"""The buffer from which training batches are served, and the thread that may keep it full."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import torch

from trainers.char_gpt.batches import BatchCutter
from trainers.char_gpt.curriculum import Curriculum, score
from trainers.common.data import Batch, to_device

CAPACITY = 2000
"""Batches that are kept at hand."""

SECONDS_BETWEEN_REFILLS = 0.1
SECONDS_BETWEEN_LOOKS = 0.01
SECONDS_TO_STOP = 5.0


class BatchManager:
    """A buffer of training batches, first in, first out, until the target distribution changes.

    Then, once, the batches in the buffer are put in the order of the demand for their tokens. Without a thread the
    buffer is filled when it is empty, by whoever asks for a batch, and everything is reproducible.
    """

    def __init__(
        self,
        cutter: BatchCutter,
        *,
        curriculum: Curriculum,
        corpus: Callable[[], torch.Tensor],
        device: torch.device,
        in_background: bool = False,
    ) -> None:
        """Serve what ``cutter`` cuts; ``corpus`` returns the distribution of tokens, and is asked once, if ever."""
        self._cutter = cutter
        self._curriculum = curriculum
        self._corpus = corpus
        self._corpus_distribution: torch.Tensor | None = None
        self._device = device
        self._buffer: deque[Batch] = deque()
        self._lock = threading.Lock()
        self._wants_order = threading.Event()
        self._filler = Filler(self._fill) if in_background else None

    @property
    def total_tokens_served(self) -> int:
        """Input tokens of all batches served so far."""
        return self._curriculum.total_served

    def get_batch(self) -> Batch:
        """Return the next batch, on the device.

        Raises:
            DataError: a shard is missing, or none is long enough for one batch.
        """
        if self._filler is None:
            if not self._buffer:
                self._refill()
            self._order_if_wanted()
        else:
            self._filler.wait_until(lambda: bool(self._buffer))
        with self._lock:
            batch = self._buffer.popleft()
            self._curriculum.count(batch[0])
        return to_device(batch, self._device)

    def update_target_distribution(self, alpha: float) -> None:
        """Aim at all tokens alike with 1.0, at their frequencies in the corpus with 0.0, and order the buffer anew."""
        if self._corpus_distribution is None:
            self._corpus_distribution = self._corpus()
        with self._lock:
            self._curriculum.aim(alpha, corpus=self._corpus_distribution)
        self._wants_order.set()

    def get_non_outlier_tokens(self, ignored_share: float) -> torch.Tensor:
        """Return the ids of the tokens served most, as few as make up all but ``ignored_share`` of what was served."""
        with self._lock:
            return self._curriculum.frequent_tokens(ignored_share)

    def state_dict(self, *, unused: Batch) -> dict[str, Any]:
        """Return what decides which batches come next; ``unused`` was served, but nobody has looked at it yet."""
        inputs, targets = (part.cpu() for part in unused)
        with self._lock:
            pending = [(inputs, targets), *self._buffer]
            served = self._curriculum.state_dict(unused=inputs)
        # the targets are the inputs and one token more; the ids are below 2 ** 16
        windows = [torch.cat((inputs.flatten(), targets.flatten()[-1:])) for inputs, targets in pending]
        return {
            **self._cutter.state_dict(),
            **served,
            "pending": torch.stack(windows).int(),
            "block_size": self._cutter.block_size,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken; batches of another shape are passed over, and new ones cut."""
        self._cutter.load_state_dict(state)
        shape = (self._cutter.batch_size, self._cutter.block_size)
        windows = state["pending"].long()
        with self._lock:
            self._curriculum.load_state_dict(state)
            if state["block_size"] != shape[1] or windows.size(1) != math.prod(shape) + 1:
                return
            pending = [(window[:-1].view(shape), window[1:].view(shape)) for window in windows]
            self._buffer = deque([*pending, *self._buffer])
            if state["alpha"] == self._curriculum.alpha:  # they are in the right order already
                self._wants_order.clear()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shut down."""
        self.shutdown()

    def shutdown(self) -> None:
        """Stop the thread, if there is one; serve nothing afterwards."""
        if self._filler is not None:
            self._filler.stop()

    def _fill(self) -> None:
        """What the thread does again and again."""
        if len(self._buffer) < CAPACITY:
            self._refill()
        self._order_if_wanted()

    def _refill(self) -> None:
        batches = self._cutter.cut()
        with self._lock:
            self._buffer.extend(batches)

    def _order_if_wanted(self) -> None:
        if not self._wants_order.is_set():
            return
        with self._lock:
            self._wants_order.clear()
            demand = self._curriculum.demand()
            ordered = sorted(self._buffer, key=lambda batch: score(batch[0], demand), reverse=True)
            self._buffer = deque(ordered[:CAPACITY])


class Filler:
    """A thread that repeats a task until it is stopped or the task fails."""

    def __init__(self, task: Callable[[], None]) -> None:
        """Start at once; the thread does not keep a process alive that ends for another reason."""
        self._task = task
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="batches", daemon=True)
        self._thread.start()

    def wait_until(self, is_done: Callable[[], bool]) -> None:
        """Return when ``is_done``; what the task has failed with is raised here."""
        while not is_done():
            if self._error is not None:
                raise self._error
            assert self._thread.is_alive(), "a batch is wanted after the end"
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def stop(self) -> None:
        """End the thread after the task it is at, and wait for it a few seconds."""
        self._stop.set()
        self._thread.join(timeout=SECONDS_TO_STOP)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._task()
            except BaseException as error:  # whatever it is, it belongs to whoever waits
                self._error = error
                return
            self._stop.wait(SECONDS_BETWEEN_REFILLS)
