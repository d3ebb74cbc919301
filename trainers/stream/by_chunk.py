"""Training chunk by chunk: texts are collected, then trained on one after the other, and reported on together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trainers.stream.checkpoint import Progress
from trainers.stream.examples import Example
from trainers.stream.parts import Parts

CHARACTERS_PER_TOKEN = 4
"""What the size of a chunk is estimated with before it is tokenised."""
SHOWN_FROM = 11
"""Tokens that a text must have to be shown as a sample."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A chunk that was trained on: means over tokens, and what may be shown of it with its own accuracy."""

    loss: float
    accuracy: float
    tokens: int
    shown: tuple[Example, float] | None


def train_by_chunk(parts: Parts, start: Progress, *, tokens_per_chunk: int) -> Iterator[Progress]:
    """Train chunk by chunk; yields the progress after each. Texts that fill no chunk any more are left out."""
    progress, begin = start, parts.clock()
    while not parts.is_done(progress.count):
        chunk = _collect(parts, tokens_per_chunk)
        if chunk is None:
            return
        rate = parts.rate(progress.count)
        chunk_begin = parts.clock()
        done = _train(parts, chunk)
        now = parts.clock()
        progress = Progress(
            count=progress.count + 1,
            position=chunk[-1].position,
            tokens=progress.tokens + done.tokens,
            loss=progress.loss + done.loss,
        )
        seconds = now - begin
        throughput = (progress.tokens - start.tokens) / seconds if seconds > 0 else 0.0
        _report(parts, progress, done, rate=rate, throughput=throughput, seconds=now - chunk_begin)
        yield progress


def _collect(parts: Parts, size: int) -> list[Example] | None:
    """The texts of a chunk of about ``size`` tokens; None where they do not suffice."""
    chunk: list[Example] = []
    estimate = 0
    while estimate < size:
        example = parts.next_example()
        if example is None:
            if chunk:
                print(f"{len(chunk)} texts fill no chunk and are left out")
            return None
        chunk.append(example)
        estimate += len(example.text) // CHARACTERS_PER_TOKEN
    return chunk


def _train(parts: Parts, chunk: Sequence[Example]) -> Trained:
    tokens, loss_sum, accuracy_sum = 0, 0.0, 0.0
    shown = None
    for example in chunk:
        loss, accuracy = parts.train(example)
        count = len(example.inputs)
        tokens += count
        loss_sum += loss * count
        accuracy_sum += accuracy * count
        if shown is None and len(example.tokens) >= SHOWN_FROM:
            shown = example, accuracy
    return Trained(loss=loss_sum / tokens, accuracy=accuracy_sum / tokens, tokens=tokens, shown=shown)


def _report(parts: Parts, progress: Progress, done: Trained, *, rate: float, throughput: float, seconds: float) -> None:
    plan, number = parts.plan, progress.count
    parts.book.add(
        {
            "chunks": number,
            "loss": done.loss,
            "accuracy": done.accuracy,
            "throughput": throughput,
            "tokens_processed": progress.tokens,
            "learning_rate": rate,
        }
    )
    if done.shown is not None and number % plan.sample_interval == 0:
        example, accuracy = done.shown
        sample = parts.sampler.take(example, step=number, accuracy=accuracy)
        if sample is not None:
            parts.book.show(sample)
    if number % plan.log_interval == 0:
        average = progress.loss / number
        print(f"Step {number} complete in {seconds:.2f}s")
        print(f"   Loss: {done.loss:.4f} | Accuracy: {done.accuracy:.1%} | Avg Loss: {average:.4f}")
        print(f"   Throughput: {throughput:.1f} tokens/sec | Total tokens: {progress.tokens:,}", flush=True)
    if number % plan.publish_interval == 0:
        parts.book.publish(number)
    if number % plan.checkpoint_interval == 0:
        parts.save(progress, number)
