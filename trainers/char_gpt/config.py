"""Every key of a char_gpt run, its default and what it means; which values make no sense."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainers.char_gpt.architecture import architecture_problems
from trainers.char_gpt.pretrained import GPT2_SIZES
from trainers.char_gpt.target import SHAPE_KEYS
from trainers.common.config import flatten, option
from trainers.common.precision import DTYPES, preferred_dtype
from trainers.common.tracking import TRACKERS

FINEWEB = "fineweb10B"
FINEWEB_SHARDS = tuple(f"fineweb_train_{number:06d}.bin" for number in range(1, 104))
SINGLE_SHARD = ("train.bin",)
STARTS = ("scratch", "resume", *GPT2_SIZES)
ANALYSES = ("off", "async", "sync")


@dataclass(frozen=True, kw_only=True)
class OutputConfig:
    """What is written, where and how often."""

    out_dir: str = option("directory of checkpoints and mfu_stats.txt", default="out")
    eval_interval: int = option("iterations between evaluations; iteration 0 is evaluated too", default=2000)
    log_interval: int = option("iterations between printed lines", default=1)
    eval_iters: int = option("batches per split in one evaluation", default=200)
    eval_only: bool = option("leave after the evaluation at iteration 0", default=False)
    always_save_checkpoint: bool = option("save at every evaluation, not only after an improvement", default=True)
    init_from: str = option(
        "'scratch', 'resume' or the name of a GPT-2; a marked out_dir turns 'scratch' into 'resume'", default="scratch"
    )
    gpt2_dir: str | None = option(
        "where its weights are, <name>/pytorch_model.bin; None downloads them, with transformers", default=None
    )
    log_dir: str = option("directory of the log files, one per run", default="logs")
    file_logging: bool = option("write a log file", default=True)
    vocab_size: int | None = option("vocabulary size where the data directory has no meta.pkl", default=None)
    analysis: str = option("look inside the network at evaluations: 'off', 'async' or 'sync'", default="off")
    ignored_outlayers_sum: float = option(
        "share of the served tokens, the rarest of them, that the analysis leaves out", default=0.01
    )
    wandb_log: bool = option("tell Weights & Biases", default=False)
    trackio_log: bool = option("tell trackio", default=False)
    wandb_project: str = option("the project of both", default="owt")
    wandb_run_name: str = option("the time of the start is added; a resumed run keeps its name", default="gpt2")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which tokens are trained on."""

    dataset: str = option("name of a directory under data/", default=FINEWEB)
    data_dir: str | None = option("the data directory, wherever it is; None means data/<dataset>", default=None)
    train_shard_filenames: tuple[str, ...] = option(
        f"training files; {FINEWEB} has 103 by default", default=SINGLE_SHARD
    )
    num_train_shards: int = option("always becomes the number of training files; 1, or that number", default=1)
    data_seed: int = option("where training batches are cut; the rank is added", default=1337)
    background_batches: bool = option(
        "cut batches ahead in a thread, at places that nobody seeds; else when they are needed", default=False
    )
    curriculum_alpha: float = option(
        "tokens to aim at: 1.0 all alike, 0.0 as in the corpus; any value but 1.0 scores batches", default=1.0
    )
    corpus_tokens: int = option(
        "tokens, over all shards, from which frequencies in the corpus are estimated", default=100_000_000
    )
    corpus_dist_dir: str | None = option("where that estimate is kept; None means the data directory", default=None)


@dataclass(frozen=True, kw_only=True)
class VocabularyConfig:
    """A vocabulary smaller than that of the data."""

    shrunken_vocab_size: int | None = option("its size; None keeps that of the data", default=None)
    vocab_remapping_file: str | None = option("an int64 vector: the id in it of each token of the data", default=None)
    RARE_TOKEN_ID: int | None = option("the id that stands for all tokens that it leaves out", default=None)


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """How many tokens make an update."""

    gradient_accumulation_steps: int = option("micro-steps per update, summed over all processes", default=40)
    batch_size: int = option("sequences per micro-step and process", default=12)
    block_size: int = option("tokens per sequence", default=1024)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The network."""

    n_layer: int = option("transformer blocks", default=12)
    n_head: int = option("attention heads per block", default=12)
    n_embd: int = option("channels of the residual stream", default=768)
    dropout: float = option("probability of dropping an activation", default=0.0)
    bias: bool = option("biases in linear layers and layer norms", default=False)
    n_hidden: int | None = option("channels inside the MLP; None means 4 * n_embd", default=None)
    use_rotary_embeddings: bool = option("rotate queries and keys instead of learning a position table", default=False)
    rotary_base: int = option("longest wavelength of the rotation, divided by 2 pi", default=10000)
    rotary_max_position_embeddings: int = option("positions for which rotations are tabulated", default=2048)
    embedding_mode: str = option(
        "'standard', or 'lora': freeze the token embedding and train a low-rank addition", default="standard"
    )
    attn_lora_rank: int = option("the same for query, key and value; 0 trains them themselves", default=0)
    embedding_rank: int = option("rank of the addition to the token embedding", default=0)
    lora_alpha: float = option("low-rank additions count alpha / rank times", default=1.0)


@dataclass(frozen=True, kw_only=True)
class OptimisationConfig:
    """AdamW and its schedule."""

    learning_rate: float = option("peak learning rate, reached after the warm-up", default=6e-4)
    max_iters: int = option("index of the last iteration: there is one update more", default=600000)
    weight_decay: float = option("decay of matrices and embeddings", default=0.1)
    beta1: float = option("averaging of the gradient", default=0.9)
    beta2: float = option("averaging of the squared gradient", default=0.95)
    grad_clip: float = option("largest global gradient norm; 0.0 means no clipping", default=1.0)
    decay_lr: bool = option("no effect, as in the reference: the schedule always applies", default=True)
    warmup_iters: int = option("iterations of linear warm-up", default=2000)
    lr_decay_iters: int = option("iteration at which the cosine ends", default=600000)
    min_lr: float = option("learning rate at the end of the cosine and after it", default=6e-5)


@dataclass(frozen=True, kw_only=True)
class ScalingConfig:
    """Operations that change the run at evaluations, one after the other."""

    scaling_schedule_file: str | None = option(
        "list of them, with what is completed: JSON, or YAML by its name", default=None
    )
    scaling_schedule: tuple[dict[str, Any], ...] = option(
        "the same list, for a run from scratch whose file is not there yet", default=()
    )
    target_architecture_config: Mapping[str, Any] | None = option(
        "sizes by key that they should lead to; where they lead elsewhere, the log says so", default=None
    )


@dataclass(frozen=True, kw_only=True)
class SystemConfig:
    """What the run runs on."""

    backend: str = option("how processes talk to each other: 'nccl', 'gloo'", default="nccl")
    device: str = option("'cpu', 'cuda' or 'cuda:<number>'", default="cuda")
    dtype: str = option(f"one of {', '.join(DTYPES)}; the default depends on the GPU", default=preferred_dtype())
    compile: bool = option("run the model through torch.compile", default=True)
    seed: int = option("for the global torch generators; the rank is added", default=1337)


@dataclass(frozen=True, kw_only=True)
class CharGptConfig:
    """The configuration of one run."""

    output: OutputConfig = field(default_factory=OutputConfig)
    data: DataConfig = field(default_factory=DataConfig)
    vocabulary: VocabularyConfig = field(default_factory=VocabularyConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    optimisation: OptimisationConfig = field(default_factory=OptimisationConfig)
    scaling: ScalingConfig = field(default_factory=ScalingConfig)
    system: SystemConfig = field(default_factory=SystemConfig)

    @property
    def out_dir(self) -> Path:
        """Where checkpoints go."""
        return Path(self.output.out_dir)

    @property
    def data_dir(self) -> Path:
        """Where the token files are."""
        return Path("data", self.data.dataset) if self.data.data_dir is None else Path(self.data.data_dir)

    @property
    def corpus_dir(self) -> Path:
        """Where the estimate of the corpus is kept."""
        return self.data_dir if self.data.corpus_dist_dir is None else Path(self.data.corpus_dist_dir)

    @property
    def shards(self) -> tuple[str, ...]:
        """The names of the training files."""
        if self.data.dataset == FINEWEB and self.data.train_shard_filenames == SINGLE_SHARD:
            return FINEWEB_SHARDS
        return self.data.train_shard_filenames

    def problems(self) -> Iterator[str]:
        """Give one sentence per value, or combination of values, that makes no sense."""
        yield from self._counting_problems()
        if self.output.init_from not in STARTS:
            yield f"init_from is {self.output.init_from!r}, expected one of {', '.join(STARTS)}"
        if self.output.analysis not in ANALYSES:
            yield f"analysis is {self.output.analysis!r}, expected one of {', '.join(ANALYSES)}"
        if self.output.init_from == "scratch":
            yield from architecture_problems(block_size=self.batch.block_size, **dataclasses.asdict(self.model))
        if self.output.init_from in GPT2_SIZES and self.model.use_rotary_embeddings:
            yield f"use_rotary_embeddings is True, but {self.output.init_from} has a position table"
        yield from self._vocabulary_problems()
        for key in sorted((self.scaling.target_architecture_config or {}).keys() - set(SHAPE_KEYS)):
            yield f"target_architecture_config has a {key!r}, expected some of {', '.join(SHAPE_KEYS)}"
        if self.system.dtype not in DTYPES:
            yield f"dtype is {self.system.dtype!r}, expected one of {', '.join(DTYPES)}"
        if not self.shards:
            yield "train_shard_filenames is empty, expected at least one file name"
        elif self.data.num_train_shards not in (1, len(self.shards)):
            yield (
                f"num_train_shards is {self.data.num_train_shards}, but there are {len(self.shards)} training files;"
                " leave it out"
            )

    def _vocabulary_problems(self) -> Iterator[str]:
        size = self.vocabulary.shrunken_vocab_size
        if size is None:
            return
        for key in ("vocab_remapping_file", "RARE_TOKEN_ID"):
            if getattr(self.vocabulary, key) is None:
                yield f"{key} is None, expected a value with --shrunken_vocab_size={size}"

    def _counting_problems(self) -> Iterator[str]:
        values = flatten(self)
        for key in (
            "eval_interval",
            "log_interval",
            "eval_iters",
            "gradient_accumulation_steps",
            "batch_size",
            "block_size",
            "corpus_tokens",
        ):
            value = values[key]
            if isinstance(value, int) and value < 1:
                yield f"{key} is {value}, expected at least 1"

    def resolved(self, *, is_marked: bool) -> CharGptConfig:
        """Return the configuration in force: shards named and counted, resuming where ``out_dir`` is marked."""
        data = dataclasses.replace(self.data, train_shard_filenames=self.shards, num_train_shards=len(self.shards))
        output = dataclasses.replace(self.output, init_from="resume") if is_marked else self.output
        return dataclasses.replace(self, data=data, output=output)

    @property
    def trackers(self) -> tuple[str, ...]:
        """The trackers to tell."""
        wanted = {"trackio": self.output.trackio_log, "wandb": self.output.wandb_log}
        return tuple(name for name in TRACKERS if wanted[name])

    def remembered(self) -> dict[str, int | float | bool | str | None]:
        """Return what a checkpoint keeps of the configuration: all but the lists."""
        return {
            key: value
            for key, value in flatten(self).items()
            if value is None or isinstance(value, int | float | bool | str)
        }
