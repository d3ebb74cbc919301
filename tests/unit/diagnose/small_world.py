"""A data-parallel training made of digests: every knob is a decision about ranks, and changes all that follows from it.

All ranks go through each update together, as real ones do: what they exchange is made of what each of them has.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from small_training import Rows, _series, digest, fraction

from parity.trace.model import Process, Trace

BATCH = 4


@dataclass(frozen=True, kw_only=True)
class World:
    world: int = 2
    updates: int = 6
    micro_steps: int = 2
    more_on_last: int = 0
    own_seeds: bool = True
    own_weights: bool = False
    rate: Callable[[int, int], float] = field(default=lambda rank, step: 0.1 / (1 + step))
    clipping: tuple[int, ...] = (0, 1, 2, 3)
    clips_own: bool = False
    exchanges: bool = True
    syncs: int = 1
    quiet: int = 1
    gradient: float = 1.0
    broadcast_buffers: bool = True
    samples: int = 16
    tells_epoch: bool = True
    sampler_seed: int = 0
    shards: tuple[int, ...] = (0, 1, 2, 3)
    stream: str = ""
    evaluated: tuple[int, ...] = (3, 2, 3, 2)
    printed: str = "whole"
    saving: tuple[int, ...] = (0,)
    fails: str = ""
    failing: int = 1
    last_line: str = ""
    said: str = ""
    exit_status: int = 0

    def trace(self) -> Trace:
        ranks = [_Rank(self, rank) for rank in range(self.world)]
        for step in range(0 if self.fails or self.last_line else self.updates):
            _update(self, ranks, step)
        ranks[0].see("file_written", "mode=w", "{out}/data.pt")
        if self.fails:
            ranks[self.failing].see("exception", self.fails)
        for rank in ranks:
            rank.see("updates", rank.update + 1)
        failed = self.fails or self.last_line
        manifest = {
            "exit_status": 1 if failed else self.exit_status,
            "command": "train.py",
            "last_error_line": self.last_line or self.fails,
            "traceback": self.said,
        }
        return Trace(Path("run"), manifest, tuple(rank.process() for rank in ranks))


class _Rank:
    def __init__(self, world: World, rank: int) -> None:
        self.t = world
        self.rank = rank
        self.rows: Rows = {}
        self.update = -1
        self.position = self.draws = 0
        self.weight = digest("initial", rank if world.own_weights else 0)
        self.see("parameter_kind", "float32[4, 4]", "weight")
        self.see("parameter_initial", self.weight, "weight")
        self.see("distributed_option", str(world.broadcast_buffers), "broadcast_buffers")

    def see(self, channel: str, value: Any, name: str = "") -> None:
        self.rows.setdefault((channel, name), []).append((self.update, value))

    def batch(self) -> int:
        t = self.t
        epoch, index = divmod(self.position, t.samples // BATCH)
        if not index:
            text = f"DistributedSampler, {t.samples} samples, batch size {BATCH}, drop_last False, 0 workers"
            self.see("loader_epoch", f"{text}, sampler seeded {t.sampler_seed}", "loader 0")
            if t.tells_epoch:
                self.see("sampler_epoch", epoch, "DistributedSampler")
        self.position += 1
        told = epoch if t.tells_epoch else 0
        return digest("batch", t.samples, t.sampler_seed, told, t.shards[self.rank], index, t.stream)

    def accumulate(self) -> list[float]:
        t = self.t
        outputs = []
        micro_steps = t.micro_steps + t.more_on_last * (self.rank == t.world - 1)
        for _ in range(micro_steps):
            batch = self.batch()
            drawn = digest("rng", self.rank if t.own_seeds else 0, self.draws)
            self.draws += 1
            outputs.append(2 + fraction(digest("loss", self.weight, batch, drawn)))
            for channel, value, name in (
                ("rng", drawn, "torch"),
                ("batch_shape", f"float32[{BATCH}, 6]", "0"),
                ("batch", batch, "0"),
                ("output", outputs[-1], "0"),
                ("loss", outputs[-1] / t.micro_steps, ""),
            ):
                self.see(channel, value, name)
        self.see("micro_steps", micro_steps)
        self.see("tokens", micro_steps * BATCH * 6)
        return outputs

    def step(self, own: list[float], common: list[float], step: int) -> None:
        t = self.t
        known = own if t.clips_own or not t.exchanges else common
        norm = (0.5 + fraction(digest("gradient", known))) * t.gradient
        self.see("gradient_syncs", t.syncs)
        self.see("no_sync", t.quiet)
        self.see("gradient_norm", norm)
        self.see("gradient", digest("gradient", norm, t.syncs > 1), "weight")
        clips = self.rank in t.clipping
        self.see("clip_calls", int(clips))
        if clips:
            self.see("clip_limit", 0.1)
            self.see("clip_norm", norm)
        rate = t.rate(self.rank, step)
        self.see("lr", rate, "all groups")
        used = common if t.exchanges else own
        made_of = (used, t.gradient, clips, t.clips_own, rate, t.syncs > 1)
        self.weight = digest(self.weight, *made_of)
        self.see("parameter", self.weight, "weight")
        self.see("optimizer_state", digest("state", used, t.gradient, t.clips_own, t.syncs > 1), "weight/exp_avg")
        first = 0 if t.broadcast_buffers else self.rank
        self.see("buffer", digest("statistics", step, first, self.rank), "running_mean")

    def process(self) -> Process:
        series = {key: _series(key, rows) for key, rows in self.rows.items()}
        return Process(f"rank{self.rank}", {"rank": self.rank, "world": self.t.world}, series, (), sealed={})


def _update(t: World, ranks: list[_Rank], step: int) -> None:
    for rank in ranks:
        rank.update = step
    own = [rank.accumulate() for rank in ranks]
    common = sorted(output for outputs in own for output in outputs)
    for rank, outputs in zip(ranks, own, strict=True):
        rank.step(outputs, common, step)
    if step % 2:
        _evaluate(t, ranks, step)
        for rank in ranks:
            if rank.rank in t.saving:
                rank.see("checkpoint_file", 1, "{out}/last.pt")
                rank.see("checkpoint_tensor", rank.weight, "{out}/last.pt::model.weight")


def _evaluate(t: World, ranks: list[_Rank], step: int) -> None:
    shares = []
    for rank in ranks:
        size = t.evaluated[rank.rank]
        loss = 1 + fraction(digest("evaluation", rank.weight, rank.rank, size))
        rank.see("eval_forwards", 1)
        rank.see("eval_mode", 0)
        rank.see("eval_batch_shape", f"float32[{size}, 6]", "0")
        rank.see("eval_batch", digest("held out", rank.rank, size), "0")
        rank.see("eval_output", loss, "0")
        shares.append((loss, size))
    shown = {
        "whole": sum(loss * size for loss, size in shares) / sum(size for _, size in shares),
        "own": shares[0][0],
        "of means": sum(loss for loss, _ in shares) / len(shares),
        "wrong": 7.0 + step,
    }[t.printed]
    ranks[0].see("log_line", 1, "validation loss {}")
    ranks[0].see("log_value", round(shown, 6), "validation loss {}#0")
