"""A training made of digests: whatever it depends on changes what follows, as in a real one, at no cost.

Every knob of ``Training`` is a decision of a trainer. Two trainings that differ in one knob leave two traces that
differ in everything that follows from it, and in nothing else.
"""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from parity.trace.channels import CHANNELS, Kind
from parity.trace.lines import split_line
from parity.trace.model import Process, Series, Trace

DTYPES = {Kind.FLOAT: np.float64, Kind.INTEGER: np.int64, Kind.DIGEST: np.uint64, Kind.TEXT: object}
BEFORE_RECORDING = -2
MASKED = 2
REBUILT = 3
Rows = dict[tuple[str, str], list[tuple[int, Any]]]


def warm_cosine(warmup: int = 4, horizon: int = 16, peak: float = 1e-3, floor: float = 1e-4) -> Callable[[int], float]:
    def rate(step: int) -> float:
        if step < warmup:
            return peak * (step + 1) / (warmup + 1)
        if step > horizon:
            return floor
        return floor + 0.5 * (1 + math.cos(math.pi * (step - warmup) / (horizon - warmup))) * (peak - floor)

    return rate


RATE = warm_cosine()
SHAPES = {"wte.weight": (65, 32), "mlp.weight": (32, 32), "ln.weight": (32,), "ln.bias": (32,)}


@dataclass(frozen=True, kw_only=True)
class Training:
    world: int = 1
    micro_steps: int = 2
    updates: int = 9
    batch_size: int = 4
    length: int = 32
    eval_length: int = 32
    rate: Callable[[int], float] = RATE
    config: tuple[tuple[str, str], ...] = ()
    scheduler_steps: int = 1
    decayed: tuple[str, ...] = ("wte.weight", "mlp.weight")
    decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    held: tuple[str, ...] = tuple(SHAPES)
    loss_scale: float = 1.0
    target: str = ""
    returns: bool = True
    gradient_scale: float = 1.0
    clip: float | None = 1.0
    seed: int = 1337
    initial: tuple[str, ...] = ()
    draws_before: int = 0
    skipped: tuple[int, ...] = ()
    repeats: tuple[int, ...] = ()
    one_batch_per_update: bool = False
    eval_every: int = 4
    eval_batches: int = 2
    splits: tuple[str, ...] = ("train", "val")
    shared_stream: bool = True
    eval_ranks: tuple[int, ...] = (0, 1, 2, 3)
    eval_mode: int = 0
    stays_in_eval: bool = False
    dropout: bool = True
    prints: tuple[str, str] = ("train", "val")
    tokens: Callable[["Training"], int] = field(default=lambda t: t.micro_steps * t.world * t.batch_size * t.length)
    printed_loss: float = 1.0
    model: str = "plain"
    output_scale: float = 1.0
    rule: str = "adamw"
    extra_loss: float = 0.0
    zero_calls: int = 1
    clears: bool = True
    fails_in: int | None = None
    error: str = "RuntimeError: no"
    echo: str = ""
    says: str = ""
    exit_status: int = 0
    hides: bool = False
    modelless: bool = False
    tables: tuple[str, ...] = ("metrics.json",)
    interrupted: int | None = None
    on_signal: str = "saves"
    saved_until: int = 99
    unsaved: tuple[str, ...] = ()
    counter: int = 0
    described: str = "48"
    shares: tuple[float, ...] = ()
    short: tuple[int, ...] = ()
    loader: str = "RandomSampler"
    arithmetic: str = "ieee"
    gpu: bool = True
    tied: bool = False
    frozen: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    optimizer: str = "AdamW"
    scaler: float | None = 64.0
    clip_scale: float = 1.0
    clip_by: float = 1.0
    average: str = ""
    momentum: float | None = None
    targets: int = 0
    eval_moves: bool = False
    draws_between: bool = False
    prints_sum: bool = False
    mask: str = "none"
    prints_every: int = 1
    prints_mean: bool = False
    command: str = "train.py"
    loads: bool = False
    eval_weights: tuple[float, ...] = ()
    perplexity: str = ""
    eval_model: str = ""
    eval_after: bool = False
    rows: str = ""
    loader_seeds: tuple[int, ...] = ()
    saves_also: tuple[int, ...] = ()
    files: tuple[str, ...] = ("ckpt.pt",)
    options: str = "args"
    chart: str = ""
    curve: str = "loss"
    charted_until: int = 99
    generator: str = "private"
    order: Callable[[int], int] = int
    labels: str = ""
    table: int = 0
    prefix: str = ""
    more_from: int | None = None
    rebuilt: str = ""
    rebuilt_carries: bool = True
    saves: str = ""
    accuracy: str = ""
    figure: str = ""
    width: str = ""
    position: Callable[[int], int] | None = None
    limit: int = 0
    unmapped_from: int = 99
    counted: bool = False
    draws_after: int = 0
    evaluates_only: bool = False
    moves: bool = False
    metrics: tuple[str, ...] = ()
    warmup: Callable[[int], int] | None = None
    event: int | None = None
    option: str = ""
    disturbed: tuple[int, ...] = (0, 1, 2, 3)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in SHAPES if name not in self.left_out)

    def trace(self) -> Trace:
        processes = tuple(_Rank(self, rank).process() for rank in range(self.world))
        status = 1 if self.fails_in is not None and not self.hides else self.exit_status
        if self.interrupted is not None and self.on_signal == "dies":
            status = -15
        manifest = {"exit_status": status, "command": self.command, "last_error_line": self.error if status else ""}
        return Trace(Path("run"), manifest, tuple(one for one in processes if one.series))


class _Rank:
    def __init__(self, training: Training, rank: int) -> None:
        self.t = training
        self.rank = rank
        self.rows: Rows = {}
        self.update = -1
        self.position = 0
        self.draws = training.draws_before
        self.mode = 1
        self.parameters: dict[str, int] = {}
        self.kept: list[tuple[int, float]] = []
        self.unprinted: list[float] = []

    def process(self) -> Process:
        if self.t.fails_in != BEFORE_RECORDING:
            self.run()
        series = {key: _series(key, rows) for key, rows in self.rows.items()}
        notes = () if self.t.interrupted is None else ({"interrupted": "SIGTERM", "update": self.t.interrupted},)
        header = {"rank": self.rank, "world": self.t.world}
        return Process(f"rank{self.rank}", header, series, notes, sealed={})

    def run(self) -> None:
        t = self.t
        if t.option:
            self.see("config", t.option, "model.dtype")
        for name, value in t.config:
            self.see("config", value, name)
        if t.loads:
            self.see("weights_loaded", "", "Model")
        self.see("arithmetic", t.arithmetic, "cuda matmul float32")
        self.see("environment", str(t.gpu), "cuda")
        self.say(f"tokens per iteration will be: {t.tokens(t):,}")
        if t.modelless:
            for step in range(t.updates):
                self.say(f"iter {step}: loss {1 / (step + 1):.4f}")
            self.see("updates", 0)
            return
        self.see("loader_epoch", f"{t.loader}, 64 samples", "loader 0")
        for seed in t.loader_seeds:
            self.see("loader_seed", seed, "loader 0")
        if t.tied:
            self.see("tied_storage", "wte.weight", "head.weight")
        if t.table:
            self.see("buffer_initial", digest("table", t.table), "rotary.cos")
        for name in t.names:
            shape = SHAPES[name]
            seed = (t.seed, name, name in t.initial) if len(shape) > 1 else name
            self.parameters[name] = digest("initial", seed)
            self.see("parameter_kind", f"float32{list(shape)}{' frozen' * (name in t.frozen)}", name)
            self.see("parameter_initial", self.parameters[name], name)
        if t.width:
            self.see("parameter_kind", "float32[48, 32]", "wide.weight")
        elements = sum(math.prod(SHAPES[name]) for name in t.decayed)
        self.say(f"decayed: {len(t.decayed)} tensors, {elements:,} parameters")
        for step in range(t.updates):
            if self.is_evaluated(step) and not t.eval_after:
                self.evaluate(step)
            if t.evaluates_only:
                break
            if t.fails_in == step:
                for line in t.says.splitlines():
                    self.say(line)
                error = t.echo if self.rank == 0 and t.echo else t.error
                if error:
                    self.see("exception", error)
                break
            self.train(step)
            if self.is_evaluated(step) and t.eval_after:
                self.evaluate(step)
            if step in t.saves_also:
                self.save(step + 1, "more.pt")
            if t.interrupted == step and t.on_signal != "ignores":
                if t.on_signal == "saves":
                    self.save(step + 1, "emergency.pt")
                break
        self.see("updates", self.update + 1)
        # what concerns the run as a whole belongs to no update
        self.update = -1
        for file in t.tables if t.fails_in is None else ():
            self.see("table_file", "left", file)

    def is_evaluated(self, step: int) -> bool:
        return bool(self.t.eval_every) and step % self.t.eval_every == 0 and self.rank in self.t.eval_ranks

    def train(self, step: int) -> None:
        t = self.t
        if t.warmup is not None:
            self.say(f"schedule: iter {step}, warmup {t.warmup(step)}")
        if t.event == step:
            self.say(f"operation widen: iter {step}")
            self.parameters["ln.bias"] = digest("widened", self.parameters["ln.bias"])
        if t.position is not None:
            self.say(f"schedule: iter {step}, position {t.position(step)}")
        self.update = step
        seen = []
        batch = 0
        micro_steps = t.micro_steps - (step in t.short)
        micro_steps += t.more_from is not None and step >= t.more_from
        if step == REBUILT and t.width:
            self.see("parameter_kind", "float32[96, 32]", "wide.weight")
        if step == REBUILT and t.rebuilt:
            self.see("parameter_initial", digest("rebuilt", t.rebuilt), "wide.weight")
            self.parameters["ln.bias"] = digest("rebuilt", t.rebuilt)
        for number in range(micro_steps):
            batch = self.next_batch() if number == 0 or not t.one_batch_per_update else batch
            batch = self.coded(batch, step)
            if t.limit:
                batch = digest("cut", batch, self.cut)
            self.see("rng", digest("rng", t.seed, self.draws), "torch")
            self.see("rng", self.position if t.generator == "numpy" else 0, "numpy")
            self.see("train_mode", self.mode)
            self.see("batch_shape", f"int64[{self.cut}]" if t.limit else f"int64[{t.batch_size}, {t.length}]", "0")
            self.see("batch", batch, "0")
            if t.labels:
                self.see("batch", digest("labels", t.labels, batch), "1")
            output = self.forward(batch, self.mode)
            seen.append((batch, output))
            if t.returns:
                self.see("output", output, "0")
            offset = 0.0
            if t.target:
                self.see("target", digest("target", t.target, batch), "0")
                offset = fraction(digest("offset", t.target))
            if t.targets:
                self.see("target_shape", f"int64[{t.targets}]", "0")
            share = t.shares[number % len(t.shares)] if t.shares else 1 / t.micro_steps
            self.see("loss", output * share * t.loss_scale + t.extra_loss + offset)
            if t.scaler is not None:
                self.see("loss_scale", t.scaler)
            self.draws += t.draws_between
        self.see("rng_consumed", int(t.draws_between), "outside the model")
        self.see("stale_gradients", 0 if t.clears or not step else len(SHAPES))
        if step > 0:
            self.see("zero_grad", t.zero_calls)
        self.kept = seen if t.clears else self.kept + seen
        self.kept = self.kept[-1:] if t.zero_calls == t.micro_steps > 1 else self.kept
        self.see("micro_steps", micro_steps)
        self.see("tokens", micro_steps * t.batch_size * t.length)
        if step == REBUILT and t.rebuilt and t.rebuilt_carries:
            self.see("optimizer_state_initial", digest("carried"), "mlp.weight/exp_avg")
        self.step(step, self.kept)
        printed = sum(output for _, output in seen) / len(seen) if t.prints_sum else seen[-1][1]
        self.unprinted.append(printed)
        if step % t.prints_every:
            return
        if t.prints_mean:
            printed = sum(self.unprinted) / t.prints_every
        self.unprinted.clear()
        self.say(f"iter {step}: loss {printed * t.printed_loss:.4f}, lr {t.rate(step):.5f}")

    def step(self, step: int, seen: list[tuple[int, float]]) -> None:
        t = self.t
        factor = t.gradient_scale * t.loss_scale
        carried = t.rebuilt_carries or step < REBUILT
        parameters = list(self.parameters.values())
        content = (seen, carried, t.extra_loss, t.shares, t.tied, t.frozen, self.mode, parameters)
        norm = (0.5 + fraction(digest("gradient", *content))) * factor
        self.see("gradient_norm", norm)
        for name in t.names:
            if name not in t.frozen:
                self.see("gradient", digest("gradient", name, norm), name)
        self.see("clip_calls", int(t.clip is not None))
        if t.clip is not None:
            self.see("clip_limit", t.clip)
            self.see("clip_norm", norm * t.clip_by)
            self.see("clip_scale", t.clip_scale)
        self.see("lr", t.rate(step), "all groups")
        if step > 0:
            self.see("scheduler_steps", t.scheduler_steps)
        if step == 0:
            self.see("optimizer_type", t.optimizer)
        for name in t.held:
            if name not in t.names or name in t.frozen:
                continue
            decay = t.decay if name in t.decayed else 0.0
            group = f"amsgrad=False, betas={t.betas}, eps=1e-08, weight_decay={decay}"
            if step == 0:
                self.see("optimizer_group", group, name)
            clipped = min(norm, (t.clip or norm) / t.clip_by)
            if t.rate(step):
                self.parameters[name] = digest(self.parameters[name], clipped, t.rate(step), group, t.rule, t.optimizer)
            self.see("parameter", self.parameters[name], name)
            self.see("optimizer_state", digest("state", norm, t.betas), f"{name}/exp_avg")
        for name in t.held if t.mask != "none" and step >= MASKED else ():
            if name in self.parameters:
                self.parameters[name] = digest(t.mask, self.parameters[name])
                self.see("parameter_after", self.parameters[name], name)
        if t.average and t.average != "still":
            self.see("parameter_outside", digest(t.average, list(self.parameters.values())), "average.weight")
        if t.momentum is not None:
            self.see("buffer", digest("buffer", t.momentum, self.kept), "norm.running_mean")

    def evaluate(self, step: int) -> None:
        t = self.t
        means = {}
        for split in t.splits:
            losses = []
            for number in range(t.eval_batches):
                own = split != "train" or not t.shared_stream
                batch = digest(split, step, number, t.eval_length) if own else self.next_batch()
                batch = self.coded(batch, step)
                self.see("eval_forwards", 1)
                self.see("eval_mode", t.eval_mode)
                self.see("eval_batch_shape", f"int64[{t.batch_size}, {t.eval_length}]", "0")
                self.see("eval_batch", batch, "0")
                if t.labels:
                    self.see("eval_batch", digest("labels", t.labels, batch), "1")
                losses.append(self.forward(batch, t.eval_mode, t.eval_model))
                self.see("eval_output", losses[-1], "0")
            weights = t.eval_weights or (1.0,) * len(losses)
            means[split] = sum(loss * one for loss, one in zip(losses, weights, strict=True)) / sum(weights)
        self.draws += t.eval_moves + t.draws_after * (self.rank in t.disturbed)
        if step:
            self.see("eval_draws", int(t.eval_moves))
        if t.perplexity:
            mean = means[t.splits[-1]]
            shown = {"e": math.exp(mean), "2": 2**mean, "means": sum(map(math.exp, losses)) / len(losses)}
            self.say(f"step {step}: perplexity {shown[t.perplexity]:.6f}")
        if t.accuracy:
            total = t.eval_batches * t.batch_size * t.eval_length - (37 + step if t.accuracy == "core" else 0)
            hits = digest("hits", list(self.parameters.values())) % total
            self.say(f"step {step}: accuracy {hits / total:.4f}")
        if t.figure:
            self.say(f"step {step}: spread {fraction(digest(t.figure, list(self.parameters.values()))):.4f}")
        if t.width and step == REBUILT + 1:
            self.say(f"network: width {96 if t.width == 'now' else 48}")
        if t.stays_in_eval:
            self.mode = 0
        shown = [means.get(split, means[t.splits[-1]]) for split in t.prints]
        self.say(f"step {step}: train loss {shown[0]:.4f}, val loss {shown[1]:.4f}, lr: {t.rate(step):.4f}")
        for metric in t.metrics:
            self.see("metric", shown["train" not in metric], metric)

        if step and self.rank == 0 and step <= t.saved_until:
            for file in t.files:
                self.save(step, file)
        if t.chart and step and step <= t.charted_until:
            self.draw()

    def draw(self) -> None:
        t = self.t
        if t.chart == "blank":
            self.see("chart", "blank", "curve.png")
            return
        self.see("chart", "1 axes", "curve.png")
        self.see("chart", t.chart, "curve.png::0")
        self.see("chart_series", digest(t.curve, list(self.parameters.values())), "curve.png::0 line 0")

    def save(self, step: int, file: str) -> None:
        t = self.t
        self.see("checkpoint_file", 1, file)
        if t.moves:
            self.see("checkpoint_moved", 1, file)
        self.see("checkpoint_value", repr(step + t.counter), f"{file}::iter_num")
        for key in ("lr", "seed"):
            self.see("checkpoint_kind", "int", f"{file}::{t.options}.{key}")
        if t.counted:
            self.see("checkpoint_kind", "int64[3]", f"{file}::data.served")
            self.see("checkpoint_tensor", digest("served", self.position), f"{file}::data.served")
        self.see("checkpoint_value", t.described, f"{file}::model_args.n_hidden")
        for key in ("rng", "scaler"):
            if key not in t.unsaved:
                self.see("checkpoint_kind", "dict", f"{file}::{t.prefix}{key}.state")
        self.see("checkpoint_value", repr(t.rate(step)), f"{file}::optimizer.param_groups.0.lr")
        for group in (True, False):
            for number, _ in enumerate(name for name in t.held if (name in t.decayed) is group):
                self.see("checkpoint_kind", "int", f"{file}::optimizer.param_groups.{int(group)}.params.{number}")
        for name, content in self.parameters.items():
            self.see("checkpoint_tensor", digest(t.saves, content) if t.saves else content, f"{file}::model.{name}")

    def next_batch(self) -> int:
        while self.position in self.t.skipped:
            self.position += 1
        repeated = self.position - 1 if self.position in self.t.repeats else self.position
        t, place = self.t, (self.t.order(repeated), self.t.generator)
        batch = digest("batch", t.seed, self.rank, place, t.batch_size, t.length, t.loader, t.rows)
        self.position += 1
        return batch

    def coded(self, batch: int, step: int) -> int:
        return digest("unmapped", batch) if step >= self.t.unmapped_from else batch

    @property
    def cut(self) -> int:
        return min(self.t.limit, 20 + 7 * self.position % 30)

    def forward(self, batch: int, mode: int, model: str = "") -> float:
        noise = 0
        if mode and self.t.dropout:
            noise = digest("dropout", self.t.seed, self.draws)
            self.draws += 1
        return self.t.output_scale * (
            2
            + fraction(digest("loss", model or self.t.model, self.inputs, list(self.parameters.values()), batch, noise))
        )

    @property
    def inputs(self) -> tuple[Any, ...]:
        return self.t.targets, self.t.labels, self.t.table

    def see(self, channel: str, value: Any, name: str = "") -> None:
        self.rows.setdefault((channel, name), []).append((self.update, value))

    def say(self, line: str) -> None:
        template, numbers = split_line(line)
        self.see("log_line", 1, template)
        for position, number in enumerate(numbers):
            self.see("log_value", number, f"{template}#{position}")


def _series(key: tuple[str, str], rows: list[tuple[int, Any]]) -> Series:
    channel = CHANNELS[key[0]]
    updates = np.array([update for update, _ in rows], dtype=np.int64)
    return Series(channel, key[1], updates, np.array([value for _, value in rows], dtype=DTYPES[channel.kind]))


def digest(*parts: object) -> int:
    return int.from_bytes(hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).digest(), "little")


def fraction(number: int) -> float:
    return number / 2**64
