"""Training text by text: every text is a step."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from trainers.stream.checkpoint import Progress
from trainers.stream.parts import Parts

RECENT_STEPS = 100
"""Steps whose mean time the estimate of the remaining time rests on."""


def train_by_step(parts: Parts, start: Progress) -> Iterator[Progress]:
    """Train text by text; yields the progress after each. Steps are counted from 0, what is done from 1."""
    plan, progress = parts.plan, start
    times: deque[float] = deque(maxlen=RECENT_STEPS)
    while not parts.is_done(progress.count):
        example = parts.next_example()
        if example is None:
            return
        step = progress.count
        rate = parts.rate(step)
        begin = parts.clock()
        loss, accuracy = parts.train(example)
        seconds = parts.clock() - begin
        times.append(seconds)
        throughput = len(example.inputs) / seconds if seconds > 0 else 0.0
        parts.book.add(
            {"steps": step, "loss": loss, "accuracy": accuracy, "throughput": throughput, "learning_rate": rate}
        )
        progress = Progress(
            count=step + 1,
            position=example.position,
            tokens=progress.tokens + len(example.inputs),
            loss=progress.loss + loss,
        )
        if step % plan.sample_interval == 0:
            sample = parts.sampler.take(example, step=step, accuracy=accuracy)
            if sample is not None:
                parts.book.show(sample)
        if step % plan.log_interval == 0:
            left = "" if plan.total is None else f", eta {(plan.total - step) * sum(times) / len(times):.0f}s"
            numbers = f"loss {loss:.4f}, acc {accuracy:.4f}, lr {rate:.3e}, {throughput:.0f} tok/s"
            print(f"step {step}: {numbers}{left}", flush=True)
        if step > 0 and step % plan.publish_interval == 0:
            parts.book.publish(step)
        if step > 0 and step % plan.checkpoint_interval == 0:
            parts.save(progress, step)
        yield progress
