"""What both ways of training are made of, and how they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from trainers.common.errors import DataError
from trainers.common.signals import ShutdownFlag
from trainers.stream.book import Book
from trainers.stream.checkpoint import Checkpoints, Progress
from trainers.stream.examples import Example, Examples
from trainers.stream.model import Learner
from trainers.stream.schedule import warmup_rate
from trainers.stream.text_samples import TextSampler

CROSS_ENTROPY, ONE_MINUS_ACCURACY = "cross-entropy", "one-minus-accuracy"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What happens how often and how long; what is counted are steps, or chunks."""

    total: int | None
    log_interval: int
    publish_interval: int
    checkpoint_interval: int
    sample_interval: int
    peak_rate: float
    warmup: int
    uses_schedule: bool = True
    """Otherwise the schedule is shown, and the model learns at its own rate."""
    shown_loss: str = CROSS_ENTROPY
    saves_at_end: bool = True


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that a run needs, put together."""

    plan: Plan
    learner: Learner
    examples: Examples
    book: Book
    checkpoints: Checkpoints
    sampler: TextSampler
    flag: ShutdownFlag
    clock: Callable[[], float] = time.perf_counter
    stream: Iterator[Example] = field(init=False)

    def __post_init__(self) -> None:
        """Open the stream of examples, of which there is one."""
        object.__setattr__(self, "stream", iter(self.examples))

    def next_example(self) -> Example | None:
        """The next example; None, with a message, where there is none."""
        example = next(self.stream, None)
        if example is None and not self.flag.requested:
            print(self.examples.ending)
        return example

    def is_done(self, count: int) -> bool:
        """Whether to stop after ``count`` steps or chunks."""
        return self.flag.requested or (self.plan.total is not None and count >= self.plan.total)

    def rate(self, count: int) -> float:
        """The learning rate of a step or chunk, counted from 0; the model is told, if it is to listen."""
        rate = warmup_rate(count, peak=self.plan.peak_rate, warmup=self.plan.warmup)
        if self.plan.uses_schedule:
            self.learner.set_rate(rate)
        return rate

    def train(self, example: Example) -> tuple[float, float]:
        """Train on one example; returns the loss that is shown, and the accuracy."""
        loss, accuracy = self.learner.train_step(example.inputs, example.targets)
        return (loss if self.plan.shown_loss == CROSS_ENTROPY else 1.0 - accuracy), accuracy

    def save(self, progress: Progress, number: int) -> None:
        """Write a checkpoint and say so."""
        path = self.checkpoints.save(self.learner, progress, number=number)
        print(f"saved checkpoint: {path}", flush=True)


def run_to_the_end(parts: Parts, start: Progress, train: Callable[[Progress], Iterator[Progress]]) -> Progress:
    """Train, then publish, save and sum up, also where the source fails or a signal asks to stop.

    ``train`` yields how far it has come after every step or chunk.

    Raises:
        DataError: the source has failed; or nothing could be trained on.
    """
    progress, problem, begin = start, None, parts.clock()
    noun = parts.checkpoints.noun
    try:
        for done in train(start):
            progress = done
    except DataError as error:
        problem = error
    seconds = parts.clock() - begin
    trained = progress.count - start.count
    if trained:
        parts.book.publish(progress.count)
        if parts.plan.saves_at_end or parts.flag.requested or problem is not None:
            parts.save(progress, progress.count)
    parts.book.close()
    if problem is not None:
        raise problem
    if parts.flag.requested:
        print(f"stopped by a signal after {noun} {progress.count}; --resume goes on from there")
    elif not trained and not parts.is_done(start.count):
        raise DataError(f"nothing to train on: {parts.examples.ending}; skipped {parts.examples.summary()}")
    print(f"trained {trained} {noun}s in {seconds:.1f} s; skipped {parts.examples.summary()}")
    return progress
