"""Every option of a gpt2 run, its default and what it means; which values make no sense."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainers.common.config import flatten, option
from trainers.common.optimizers.factory import ADAMS, OPTIMIZERS, OptimizerSettings, PruneBase
from trainers.common.optimizers.spam import SpamSettings
from trainers.common.precision import DTYPES
from trainers.common.pruning.scores import VARIANTS
from trainers.common.tracking import TRACKERS, split_names
from trainers.gpt2.architecture import SIZES

ARCHITECTURES = ("vanilla", "unified-ra")
PRUNING_METHODS = ("none", "magnitude", "movement", "state")
USUAL_LENGTH = 10000
LONGER_RUNS = {
    "bitter2": 12100,
    **dict.fromkeys(("bitter3", "bitter4", "bitter5", "bitter6", "bitter8", "bitter9"), 13000),
}
"""Iterations that a variant of state pruning gets instead of the usual number."""
ALIASES = {"--epochs": "num_epochs"}
SMALLEST_TEMPERATURE = 1e-6
"""What is divided by it stays finite in float32."""


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """How a run is started and kept; none of it changes what is learned, and checkpoints do not remember it."""

    architecture: str = option(f"one of {', '.join(ARCHITECTURES)}", default="vanilla")
    save_checkpoint: bool = option("save best_model.pt, and checkpoints to resume from", default=False)
    checkpoint_interval: int = option("iterations between checkpoints to resume from", default=1000)
    resume: str | None = option("a file checkpoint_iter_<n>.pt to go on from", default=None)
    ddp_backend: str | None = option("how processes talk; None means nccl on GPUs, else gloo", default=None)
    ddp_find_unused_parameters: bool = option("let DDP look for parameters without a gradient", default=True)
    flash_attention: bool | None = option("let GPUs use flash attention; None leaves it to torch", default=None)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The network."""

    model_name: str = option(f"one of {', '.join(SIZES)}", default="gpt2")
    block_size: int = option("tokens per sequence", default=1024)
    dropout: float = option("probability of dropping an activation", default=0.1)
    bias: bool = option("biases in linear layers and layer norms", default=True)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which tokens are trained on."""

    dataset: str = option("name of a directory with train.bin and val.bin", default="shakespeare")
    data_dir: str = option("the directory that it is in", default="data")


@dataclass(frozen=True, kw_only=True)
class LengthConfig:
    """How many tokens make an update, and how many updates a run."""

    batch_size: int = option("sequences per micro-step and process", default=64)
    gradient_accumulation: int = option("micro-steps per update and process", default=4)
    num_epochs: int = option("length of schedules that these loops never step, as in the reference", default=1)
    max_iters: int = option("updates; some variants of state pruning make 10000 more", default=USUAL_LENGTH)
    max_time: float = option("seconds after which no update is begun; 0 means no limit", default=0.0)


@dataclass(frozen=True, kw_only=True)
class OptimizationConfig:
    """The optimizer and its schedule."""

    optimizer: str = option(f"one of {', '.join(OPTIMIZERS)}", default="adamw")
    learning_rate: float = option("peak learning rate, reached after the warm-up", default=6e-4)
    min_lr: float = option("learning rate at the end of the cosine", default=6e-5)
    weight_decay: float = option("takes effect under several processes only, as in the reference", default=0.1)
    warmup_steps: int = option("iterations of linear warm-up, from zero", default=100)
    decay_lr: bool = option("cannot be turned off, as in the reference", default=True)
    spam_theta: float = option("adamwspam: elements above sqrt(theta * v) are clipped", default=50.0)
    spam_interval: int = option("adamwspam: calls between resets, two per update; 0 means none", default=1000)
    spam_warmup_steps: int = option("adamwspam: calls of warm-up after a reset", default=100)
    spam_enable_clip: bool = option("adamwspam: clip elements", default=False)
    sinkgd_iterations: int = option("sinkgd: times that rows and columns are evened out", default=5)
    sinkgd_temperature: float = option("sinkgd: above which an element is bent towards one", default=0.1)
    adamwprune_base_optimizer_name: str = option(f"adamwprune: one of {', '.join(ADAMS)}", default="adamw")
    adamwprune_beta1: float = option("adamwprune: averaging of the gradient", default=0.9)
    adamwprune_beta2: float = option("adamwprune: averaging of the squared gradient", default=0.999)
    adamwprune_weight_decay: float = option("adamwprune: decay of all parameters", default=0.1)
    adamwprune_amsgrad: str = option("adamwprune: any text means yes, as in the reference; empty, no", default="false")
    adamwprune_variant: str = option("adamwprune: the score of state pruning, bitter0 to bitter9", default="bitter0")


@dataclass(frozen=True, kw_only=True)
class PruningConfig:
    """Which weights are removed."""

    pruning_method: str = option(f"one of {', '.join(PRUNING_METHODS)}; state needs adamwprune", default="none")
    target_sparsity: float = option("the final share of removed weights", default=0.5)
    pruning_warmup: int = option("iterations before the first is removed", default=1000)
    pruning_frequency: int = option("state: iterations between new masks", default=50)


@dataclass(frozen=True, kw_only=True)
class OutputConfig:
    """What is written and said, where and how often."""

    eval_interval: int = option("iterations between evaluations; iteration 0 is evaluated too", default=100)
    eval_samples: int = option("batches in one evaluation", default=200)
    log_interval: int = option("iterations between printed lines", default=10)
    output_dir: str = option("directory of checkpoints and metrics", default="gpt2/outputs")
    json_output: str | None = option("write the metrics here, and to the output directory", default=None)
    tracker: str = option(f"comma-separated: {', '.join(TRACKERS)}; or none", default="none")
    tracker_project: str = option("empty: named after the working directory", default="")
    tracker_run_name: str = option("empty: named after the optimizer and the time", default="")


@dataclass(frozen=True, kw_only=True)
class SystemConfig:
    """What the run runs on."""

    device: str = option("'cpu', 'cuda' or 'cuda:<number>'; without CUDA it is the CPU", default="cuda")
    dtype: str = option(f"one of {', '.join(DTYPES)}; a CPU computes in float32 all the same", default="bfloat16")
    compile: bool = option("run the model through torch.compile", default=False)


@dataclass(frozen=True, kw_only=True)
class Gpt2Config:
    """The configuration of one run."""

    run: RunConfig = field(default_factory=RunConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    length: LengthConfig = field(default_factory=LengthConfig)
    optimization: OptimizationConfig = field(default_factory=OptimizationConfig)
    pruning: PruningConfig = field(default_factory=PruningConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    system: SystemConfig = field(default_factory=SystemConfig)

    @property
    def output_dir(self) -> Path:
        """Where checkpoints go."""
        return Path(self.output.output_dir)

    @property
    def data_dir(self) -> Path:
        """Where the token files are."""
        return Path(self.data.data_dir, self.data.dataset)

    @property
    def iterations(self) -> int:
        """Updates to make: some variants of state pruning get more than the usual number, with the same ramp."""
        if self.pruning.pruning_method != "state" or self.length.max_iters != USUAL_LENGTH:
            return self.length.max_iters
        return LONGER_RUNS.get(self.optimization.adamwprune_variant, USUAL_LENGTH)

    def optimizer_settings(self) -> OptimizerSettings:
        """Return what the optimizer has to know."""
        chosen = self.optimization
        return OptimizerSettings(
            name=chosen.optimizer,
            learning_rate=chosen.learning_rate,
            weight_decay=chosen.weight_decay,
            epochs=self.length.num_epochs,
            spam=SpamSettings(
                theta=chosen.spam_theta,
                interval=chosen.spam_interval,
                warmup_steps=chosen.spam_warmup_steps,
                clips_elements=chosen.spam_enable_clip,
            ),
            sinkgd_iterations=chosen.sinkgd_iterations,
            sinkgd_temperature=chosen.sinkgd_temperature,
            prune_base=PruneBase(
                name=chosen.adamwprune_base_optimizer_name,
                betas=(chosen.adamwprune_beta1, chosen.adamwprune_beta2),
                weight_decay=chosen.adamwprune_weight_decay,
                amsgrad=bool(chosen.adamwprune_amsgrad),
            ),
        )

    def problems(self) -> Iterator[str]:
        """Give one sentence per value, or combination of values, that makes no sense."""
        values = flatten(self)
        for key, choices in _CHOICES.items():
            if values[key] not in choices:
                yield f"{key} is {values[key]!r}, expected one of {', '.join(choices)}"
        for key, (smallest, largest) in _RANGES.items():
            value = values[key]
            if isinstance(value, int | float) and not smallest <= value <= largest:
                yield f"{key} is {value}, expected {_range_text(smallest, largest)}"
        for name in split_names(self.output.tracker):
            if name not in TRACKERS:
                yield f"tracker is {self.output.tracker!r}, expected some of {', '.join(TRACKERS)}, or none"
        if not self.optimization.decay_lr:
            yield "decay_lr is False, but the schedule always applies; use --min-lr for a constant learning rate"
        if self.pruning.pruning_method == "state" and self.optimization.optimizer != "adamwprune":
            yield f"pruning_method is 'state' with {self.optimization.optimizer!r}; it needs --optimizer adamwprune"

    def resolved(self, environment: Mapping[str, str], *, has_cuda: bool) -> Gpt2Config:
        """Return the configuration in force: TRACKER variables win, and a CPU replaces a missing GPU."""
        output = dataclasses.replace(
            self.output,
            tracker=environment.get("TRACKER", self.output.tracker),
            tracker_project=environment.get("TRACKER_PROJECT", self.output.tracker_project),
            tracker_run_name=environment.get("TRACKER_RUN_NAME", self.output.tracker_run_name),
        )
        system = self.system
        if system.device.startswith("cuda") and not has_cuda:
            system = dataclasses.replace(system, device="cpu")
        return dataclasses.replace(self, output=output, system=system)

    def remembered(self) -> dict[str, object]:
        """Return what checkpoints, metrics and trackers keep: everything that decides what is learned."""
        ours = {entry.name for entry in dataclasses.fields(RunConfig)}
        kept = {key: value for key, value in flatten(self).items() if key not in ours}
        return {**kept, "max_iters": self.iterations}


_CHOICES = {
    "architecture": ARCHITECTURES,
    "model_name": tuple(SIZES),
    "optimizer": OPTIMIZERS,
    "adamwprune_base_optimizer_name": ADAMS,
    "adamwprune_variant": tuple(VARIANTS),
    "pruning_method": PRUNING_METHODS,
    "dtype": tuple(DTYPES),
}
_ANY = float("inf")
_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(
        (
            "checkpoint_interval",
            "block_size",
            "batch_size",
            "gradient_accumulation",
            "num_epochs",
            "sinkgd_iterations",
            "pruning_frequency",
            "eval_interval",
            "eval_samples",
            "log_interval",
        ),
        (1, _ANY),
    ),
    **dict.fromkeys(
        (
            "max_iters",
            "max_time",
            "learning_rate",
            "min_lr",
            "weight_decay",
            "warmup_steps",
            "spam_theta",
            "spam_interval",
            "spam_warmup_steps",
            "adamwprune_weight_decay",
            "pruning_warmup",
        ),
        (0, _ANY),
    ),
    "sinkgd_temperature": (SMALLEST_TEMPERATURE, _ANY),
    **dict.fromkeys(("dropout", "target_sparsity", "adamwprune_beta1", "adamwprune_beta2"), (0, 1)),
}


def _range_text(smallest: float, largest: float) -> str:
    return f"at least {smallest}" if largest == _ANY else f"{smallest} to {largest}"
