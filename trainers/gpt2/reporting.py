"""The lines that a run prints; scripts read them, so their templates are an interface."""

from __future__ import annotations

from trainers.gpt2.evaluation import Latency, perplexity


def iteration_line(iteration: int, *, loss: float, learning_rate: float, sparsity: float, milliseconds: float) -> str:
    """One update, or several averaged."""
    return (
        f"Iter {iteration:5d} | loss {loss:.4f} | ppl {perplexity(loss):.2f} | lr {learning_rate:.2e} | "
        f"sparsity {sparsity:.4f} | {milliseconds:.1f}ms/iter"
    )


def validation_line(loss: float) -> str:
    """The evaluation in between."""
    return f"Validation loss: {loss:.4f} | ppl: {perplexity(loss):.2f}"


def final_line(loss: float) -> str:
    """The evaluation at the end."""
    return f"Final validation loss: {loss:.4f} | ppl: {perplexity(loss):.2f}"


def improvement_line(*, best: float, first: float) -> str:
    """The best perplexity, and by how much it differs from the first one."""
    change = perplexity(best) - perplexity(first)
    return f"best ppl {perplexity(best):.2f}, change since the first evaluation {change:.2f}"


def latency_line(length: int, latency: Latency) -> str:
    """How long one sequence takes."""
    return f"latency of {length} tokens: p50 {latency.median:.2f}ms, p95 {latency.p95:.2f}ms"


def memory_line(*, allocated: float, reserved: float) -> str:
    """Peaks in MB, 0 without a GPU."""
    return f"GPU memory: {allocated:.0f}MB allocated, {reserved:.0f}MB reserved"
