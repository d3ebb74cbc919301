"""The commands ``python -m trainers stream sample`` and ``chunk``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch

from trainers.common.errors import ConfigError
from trainers.common.menu import Command, Menu
from trainers.common.signals import ShutdownFlag
from trainers.stream.arguments import INLINE, NONE, PROGRAM, USED, parse_chunk, parse_sample
from trainers.stream.book import Book, Layout, PlainBook, require_matplotlib
from trainers.stream.by_chunk import train_by_chunk
from trainers.stream.by_step import train_by_step
from trainers.stream.charts import CHUNKS, STEPS, Style
from trainers.stream.checkpoint import Checkpoints, Progress
from trainers.stream.drawing import BackgroundBook
from trainers.stream.examples import Examples
from trainers.stream.model import Learner, StreamModel, select_gpu
from trainers.stream.parts import Parts, Plan, run_to_the_end
from trainers.stream.reading import Reader
from trainers.stream.sources import open_shards
from trainers.stream.text_samples import TextSampler
from trainers.stream.tokenizers import Tokenizer, load_tokenizer

CHECKPOINTS, CHARTS = "checkpoints", "training_viz"
Train = Callable[[Parts, Progress], Iterator[Progress]]


def main(arguments: Sequence[str]) -> int:
    """Train as the command line asks; returns the exit status.

    Raises:
        TrainerError: the options, the data or a checkpoint are at fault.
    """
    return MENU.run(arguments)


def sample(arguments: Sequence[str]) -> int:
    """Train text by text."""
    options = parse_sample(arguments)
    train_on_stream(options, train_by_step, STEPS, total=options.steps, shortest_text=10)
    return 0


def chunk(arguments: Sequence[str]) -> int:
    """Train chunk by chunk."""
    options = parse_chunk(arguments)
    train = partial(train_by_chunk, tokens_per_chunk=options.tokens_per_chunk)
    train_on_stream(options, train, CHUNKS, total=options.max_chunks, epochs=options.num_epochs)
    return 0


def train_on_stream(
    options: argparse.Namespace,
    train: Train,
    style: Style,
    *,
    total: int | None,
    epochs: int = 1,
    shortest_text: int = 1,
) -> Progress:
    """Build everything that the options describe, train, and leave charts and checkpoints; returns how far it came."""
    if options.charts != NONE:
        require_matplotlib()
    tokenizer = load_tokenizer(options.tokenizer)
    shards = open_shards(options.dataset, split=options.split)
    learner = make_learner(options, tokenizer)
    noun = style.noun.lower()
    directory = options.output_dir / CHECKPOINTS
    checkpoints = Checkpoints(directory=directory, noun=noun, resumable=options.training_state)
    start = Progress()
    if options.resume:
        path, start = checkpoints.resume(learner)
        print(f"resuming from {path}, {start.count} {noun}s done")
    flag = ShutdownFlag()
    reader = Reader(
        shards,
        start=start.position,
        epochs=epochs,
        timeout=options.stall_timeout,
        is_stopped=lambda: flag.requested,
    )
    parts = Parts(
        plan=make_plan(options, total),
        learner=learner,
        examples=Examples(
            reader,
            tokenizer=tokenizer,
            longest=options.max_seq_length,
            shortest_text=shortest_text,
            limit=options.skip_limit,
        ),
        book=open_book(options, style, start),
        checkpoints=checkpoints,
        sampler=TextSampler(
            learner=learner,
            tokenizer=tokenizer,
            output=options.sample_output,
            longest=50 if style is STEPS else 100,
            temperature=options.temperature,
        ),
        flag=flag,
    )
    parameters = sum(one.numel() for one in learner.model.parameters())
    goal = "all there is" if total is None else f"{noun} {total}"
    print(f"training {parameters:,} parameters on {learner.device} from {noun} {start.count} to {goal}", flush=True)
    with flag.listen():
        return run_to_the_end(parts, start, partial(train, parts))


def make_learner(options: argparse.Namespace, tokenizer: Tokenizer) -> Learner:
    """Draw the model.

    Raises:
        ConfigError: it has fewer tokens than the tokenizer, or there is no such GPU.
    """
    if options.vocab_size < tokenizer.size:
        raise ConfigError([f"vocab-size is {options.vocab_size}, but the tokenizer has {tokenizer.size} tokens"])
    device = select_gpu(options.gpu)
    if options.seed is not None:
        torch.manual_seed(options.seed)
    model = StreamModel(vocabulary_size=options.vocab_size, embedding_size=options.embedding_dim)
    return Learner(model, device=device)


def make_plan(options: argparse.Namespace, total: int | None) -> Plan:
    """What the options say about how often and how long."""
    return Plan(
        total=total,
        log_interval=options.log_interval,
        publish_interval=options.viz_interval,
        checkpoint_interval=options.checkpoint_interval,
        sample_interval=options.display_samples,
        peak_rate=options.learning_rate,
        warmup=options.warmup_steps,
        uses_schedule=options.schedule == USED,
        shown_loss=options.loss,
        saves_at_end=options.final_save,
    )


def open_book(options: argparse.Namespace, style: Style, start: Progress) -> Book:
    """A book for charts and JSON files; steps are counted from 0, chunks from 1."""
    layout = Layout(
        directory=options.output_dir / CHARTS,
        style=style,
        dots_per_inch=options.viz_dpi,
        charts=options.charts != NONE,
        resumed_at=start.count + (0 if style is STEPS else 1) if start.count else 0,
    )
    return PlainBook(layout) if options.charts in (INLINE, NONE) else BackgroundBook(layout)


MENU = Menu(
    program=PROGRAM,
    about="Trains a model with a memory to predict the next token of a stream of texts, with charts of how it goes.",
    commands={
        "sample": Command(summary="text by text", run=sample),
        "chunk": Command(summary="chunk by chunk, each of several texts", run=chunk),
    },
    examples=f"""  python -m trainers data stream-texts --out data/stream
  {PROGRAM} sample --dataset data/stream --vocab-size 256 --embedding-dim 64 --steps 500""",
)
