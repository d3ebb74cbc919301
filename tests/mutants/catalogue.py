"""The table of mutants and benign variants of family char_gpt.

Each row changes the source of a copy of ``trainers/`` by exact replacement; a text that is not there exactly once is an
error, so a row cannot silently stop planting its defect.
"""

from dataclasses import dataclass
from typing import Final

from parity.trace.channels import Phase

WORLD_2: Final = "world-2"
SCRATCH: Final = "scratch"
CONSTANT: Final = "constant"


@dataclass(frozen=True, kw_only=True)
class Edit:
    """Replace ``old``, which stands exactly ``times`` times in ``file`` under trainers/, by ``new``."""

    file: str
    old: str
    new: str
    times: int = 1


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A planted defect, and what the instrument must say about it: where it first shows, and why.

    ``part`` names the outcome that must say so, of a scenario that is made of several.
    """

    id: str
    edits: tuple[Edit, ...]
    update: int
    phase: Phase
    channel: str
    cause: str
    scenario: str = SCRATCH
    family: str = "char-gpt"
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class Benign:
    """A harmless change: it must not gate."""

    id: str
    edits: tuple[Edit, ...]
    scenario: str = SCRATCH
    family: str = "char-gpt"


_TRAINER = "char_gpt/trainer.py"

SEED_000: Final = (
    Mutant(
        id="evaluation-prints-validation-as-train",
        edits=(
            Edit(
                file="char_gpt/reporting.py",
                old="train loss {losses.train:.4f}",
                new="train loss {losses.validation:.4f}",
            ),
        ),
        update=-1,
        phase=Phase.LOG,
        channel="log_value",
        cause="evaluation-one-split-twice",
    ),
    Mutant(
        id="accumulation-not-divided-by-world",
        edits=(Edit(file="common/accumulation.py", old="return total // world_size", new="return total"),),
        scenario=WORLD_2,
        update=0,
        phase=Phase.DATA,
        channel="micro_steps",
        cause="accumulation-not-divided-by-world",
    ),
    Mutant(
        id="tokens-line-missing-factors",
        edits=(
            Edit(
                file="char_gpt/command.py",
                old="{sequences * config.batch.block_size:,}",
                new="{config.batch.batch_size * config.batch.block_size:,}",
            ),
        ),
        update=-1,
        phase=Phase.LOG,
        channel="log_value",
        cause="tokens-formula",
    ),
    Mutant(
        id="evaluation-every-iteration",
        edits=(
            Edit(
                file=_TRAINER,
                old="            loss = self._update()\n",
                new=(
                    "            _mean_loss(self.model, self.validation_batches.get_batch, 1, self.precision)\n"
                    "            loss = self._update()\n"
                ),
            ),
            Edit(
                file=_TRAINER,
                old="import Losses, estimate_losses",
                new="import Losses, _mean_loss, estimate_losses",
            ),
        ),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_forwards",
        cause="evaluation-extra",
    ),
    Mutant(
        id="learning-rate-zero-at-start",
        edits=(
            Edit(
                file="common/schedule.py",
                old="self.peak * (iteration + 1) / (self.warmup_iterations + 1)",
                new="self.peak * iteration / self.warmup_iterations",
            ),
        ),
        update=0,
        phase=Phase.LR,
        channel="lr",
        cause="learning-rate-zero-at-start",
    ),
    Mutant(
        id="sequences-one-token-short",
        edits=(
            Edit(
                file="char_gpt/batches.py",
                old="yield window[:-1].view(batch_size, block_size), window[1:].view(batch_size, block_size)",
                new=(
                    "rows = window[:-1].view(batch_size, block_size)\n"
                    "        yield rows[:, :-1].contiguous(), rows[:, 1:].contiguous()"
                ),
            ),
        ),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_batch_shape",
        cause="sequence-length",
    ),
    Mutant(
        id="last-iteration-missing",
        edits=(
            Edit(
                file=_TRAINER,
                old="if self.iteration > self.config.optimisation.max_iters:",
                new="if self.iteration >= self.config.optimisation.max_iters:",
            ),
        ),
        update=19,
        phase=Phase.EVAL,
        channel="eval_forwards",
        cause="updates-missing",
    ),
    Mutant(
        id="learning-rate-constant",
        edits=(
            Edit(
                file=_TRAINER,
                old="learning_rate = self.schedule(self.iteration)",
                new=(
                    "learning_rate = (self.schedule(self.iteration) if self.config.optimisation.decay_lr"
                    " else self.config.optimisation.learning_rate)"
                ),
            ),
        ),
        scenario=CONSTANT,
        update=0,
        phase=Phase.LR,
        channel="lr",
        cause="learning-rate-constant",
    ),
    Mutant(
        id="validation-before-train",
        edits=(
            Edit(
                file="char_gpt/evaluation.py",
                old=(
                    "    train = _mean_loss(model, next_train_batch, batches_per_split, precision)\n"
                    "    validation = _mean_loss(model, next_validation_batch, batches_per_split, precision)\n"
                ),
                new=(
                    "    validation = _mean_loss(model, next_validation_batch, batches_per_split, precision)\n"
                    "    train = _mean_loss(model, next_train_batch, batches_per_split, precision)\n"
                ),
            ),
        ),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_batch",
        cause="evaluation-order",
    ),
    Mutant(
        id="overrides-rejected",
        edits=(Edit(file="common/overrides.py", old="if key in defaults:", new="if key in ():"),),
        update=-1,
        phase=Phase.EXIT,
        channel="exception",
        cause="options-rejected",
    ),
)

COMMON_CAUSES: Final = (
    Mutant(
        id="loss-not-divided",
        edits=(Edit(file=_TRAINER, old="loss = loss / self.micro_steps\n", new="loss = loss / 1\n"),),
        update=0,
        phase=Phase.LOSS,
        channel="loss",
        cause="accumulation-divisor",
    ),
    Mutant(
        id="loss-times-world",
        edits=(
            Edit(
                file=_TRAINER,
                old="self.scaler.scale(loss).backward()",
                new="self.scaler.scale(loss * self.world.size).backward()",
            ),
        ),
        scenario=WORLD_2,
        update=0,
        phase=Phase.LOSS,
        channel="loss",
        cause="world-size-scale",
    ),
    Mutant(
        id="learning-rate-one-ahead",
        edits=(Edit(file=_TRAINER, old="self.schedule(self.iteration)", new="self.schedule(self.iteration + 1)"),),
        update=0,
        phase=Phase.LR,
        channel="lr",
        cause="learning-rate-shifted",
    ),
    Mutant(
        id="cosine-to-another-horizon",
        edits=(
            Edit(
                file=_TRAINER,
                old="decay_end=optimisation.lr_decay_iters",
                new="decay_end=2 * optimisation.lr_decay_iters",
            ),
        ),
        update=4,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_value",
        cause="schedule-horizon",
    ),
    Mutant(
        id="biases-decay",
        edits=(
            Edit(file="common/optimizers/decay_groups.py", old="parameter.dim() >= 2", new="parameter.dim() >= 1"),
            Edit(file="common/optimizers/decay_groups.py", old="parameter.dim() < 2", new="parameter.dim() < 1"),
        ),
        update=0,
        phase=Phase.UPDATE,
        channel="optimizer_group",
        cause="decay-group-membership",
    ),
    Mutant(
        id="batch-repeated",
        edits=(
            Edit(
                file=_TRAINER,
                old=(
                    '        with self.timer.section("data_loading"):\n'
                    "            self.next_batch = self.train_batches.get_batch()\n"
                ),
                new="",
            ),
        ),
        update=0,
        phase=Phase.DATA,
        channel="batch",
        cause="batches-repeated",
    ),
    Mutant(
        id="clip-forgotten",
        edits=(
            Edit(
                file=_TRAINER,
                old=(
                    "                torch.nn.utils.clip_grad_norm_(self.model.parameters(), "
                    "self.config.optimisation.grad_clip)\n"
                ),
                new="",
            ),
        ),
        update=0,
        phase=Phase.CLIP,
        channel="clip_calls",
        cause="clip-missing",
    ),
    Mutant(
        id="training-in-eval-mode",
        edits=(Edit(file="char_gpt/evaluation.py", old="    model.train()\n", new=""),),
        update=0,
        phase=Phase.FORWARD,
        channel="train_mode",
        cause="mode-left-in-eval",
    ),
    Mutant(
        id="first-batch-skipped",
        edits=(
            Edit(
                file=_TRAINER,
                old='        self.next_batch = self.train_batches.get_batch()\n        """Always',
                new=(
                    "        self.train_batches.get_batch()\n"
                    '        self.next_batch = self.train_batches.get_batch()\n        """Always'
                ),
            ),
        ),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_batch",
        cause="batches-shifted",
    ),
)

_MODEL: Final = "char_gpt/model.py"
_ATTENTION: Final = "char_gpt/attention.py"
_ATTEND: Final = "x = x + self.attn(self.ln_1(x))"

# What only a close-up can name: the defect is one operation of the model.
IN_THE_MODEL: Final = (
    Mutant(
        id="gelu-by-tanh",
        edits=(Edit(file=_MODEL, old="nn.GELU()", new='nn.GELU(approximate="tanh")'),),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_output",
        cause="gelu-variant",
    ),
    Mutant(
        id="norm-epsilon-and-renamed-parts",
        edits=(
            Edit(
                file=_MODEL,
                old="self.weight.shape, self.weight, self.bias, 1e-5",
                new="self.weight.shape, self.weight, self.bias, 1e-6",
            ),
            Edit(file=_MODEL, old="self.ln_1", new="self.norm", times=2),
            Edit(file=_MODEL, old="self.gelu(self.c_fc(x))", new="functional.gelu(self.c_fc(x))"),
        ),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_output",
        cause="normalisation-epsilon",
    ),
    Mutant(
        id="attention-scaled-by-head-size",
        edits=(Edit(file=_ATTENTION, old="is_causal=True)", new="is_causal=True, scale=1.0 / self.head_size)"),),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_output",
        cause="attention-scale",
    ),
    Mutant(
        id="attention-not-causal",
        edits=(Edit(file=_ATTENTION, old="is_causal=True", new="is_causal=False"),),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_output",
        cause="causal-mask",
    ),
    Mutant(
        id="dropout-doubled-in-mlp",
        edits=(
            Edit(
                file=_MODEL,
                old="        self.dropout = nn.Dropout(architecture.dropout)",
                new="        self.dropout = nn.Dropout(2 * architecture.dropout)",
            ),
        ),
        update=0,
        phase=Phase.FORWARD,
        channel="output",
        cause="dropout-probability",
    ),
    Mutant(
        id="residual-forgotten",
        edits=(Edit(file=_MODEL, old=_ATTEND, new="x = self.attn(self.ln_1(x))"),),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_output",
        cause="residual-missing",
    ),
    Mutant(
        id="projection-transposed",
        edits=(
            Edit(
                file=_MODEL,
                old='            if name.endswith("c_proj.weight"):\n'
                "                nn.init.normal_(parameter, mean=0.0, std=residual_deviation)\n",
                new='            if name.endswith("c_proj.weight"):\n'
                "                nn.init.normal_(parameter, mean=0.0, std=residual_deviation)\n"
                '            if name.endswith("attn.c_proj.weight"):\n'
                "                parameter.data = parameter.data.t().contiguous()\n",
            ),
        ),
        update=-1,
        phase=Phase.SETUP,
        channel="parameter_initial",
        cause="parameter-transposed",
    ),
    Mutant(
        id="gradient-cut-behind-attention",
        edits=(Edit(file=_MODEL, old=_ATTEND, new="x = x + self.attn(self.ln_1(x)).detach()"),),
        update=0,
        phase=Phase.BACKWARD,
        channel="gradient_norm",
        cause="gradient-cut",
    ),
)

MUTANTS: Final = (*SEED_000, *COMMON_CAUSES, *IN_THE_MODEL)

BENIGN: Final = (
    Benign(
        id="data-loader-method-renamed",
        edits=(
            Edit(file=_TRAINER, old="get_batch", new="get_next_batch", times=4),
            Edit(file="char_gpt/batches.py", old="def get_batch", new="def get_next_batch", times=2),
        ),
    ),
    Benign(
        id="system-information-printed",
        edits=(
            Edit(
                file="char_gpt/command.py",
                old="    config = config.resolved(",
                new=(
                    "    import platform\n"
                    '    print(f"system: {os.cpu_count()} cores, Python {platform.python_version()}")\n'
                    "    config = config.resolved("
                ),
            ),
        ),
    ),
    Benign(
        id="evaluation-in-another-module",
        edits=(
            Edit(
                file=_TRAINER,
                old="from trainers.char_gpt.evaluation import Losses, estimate_losses",
                new="from trainers.char_gpt.validation import Losses, estimate_losses",
            ),
            Edit(
                file="char_gpt/reporting.py",
                old="from trainers.char_gpt.evaluation import Losses",
                new="from trainers.char_gpt.validation import Losses",
            ),
            Edit(file="char_gpt/evaluation.py -> char_gpt/validation.py", old="", new="", times=0),
        ),
    ),
    Benign(
        id="parameters-renamed",
        edits=(
            Edit(file="char_gpt/attention.py", old="self.c_attn", new="self.query_key_value", times=2),
            Edit(file="char_gpt/model.py", old="self.c_fc", new="self.expand", times=2),
        ),
    ),
    Benign(
        id="functions-for-modules",
        edits=(
            Edit(
                file=_MODEL,
                old="self.gelu(self.c_fc(x))",
                new="functional.gelu(x @ self.c_fc.weight.t() + self.c_fc.bias)",
            ),
            Edit(file=_MODEL, old="        self.gelu = nn.GELU()\n", new=""),
            Edit(file=_MODEL, old="self.drop(x)", new="functional.dropout(x, self.drop.p, self.training)"),
        ),
    ),
    Benign(
        id="batches-built-before-model",
        edits=(
            Edit(
                file=_TRAINER,
                old="        self._build_model_and_optimizer()\n        self._build_batches()\n",
                new="        self._build_batches()\n        self._build_model_and_optimizer()\n",
            ),
        ),
    ),
    Benign(
        id="gradients-cleared-before-the-update",
        edits=(
            Edit(file=_TRAINER, old="            self.optimizer.zero_grad(set_to_none=True)\n", new=""),
            Edit(
                file=_TRAINER,
                old='        with self.timer.section("gradient_accumulation"):\n',
                new=(
                    "        self.optimizer.zero_grad(set_to_none=True)\n"
                    '        with self.timer.section("gradient_accumulation"):\n'
                ),
            ),
        ),
    ),
    Benign(
        id="gradients-set-to-zero",
        edits=(Edit(file=_TRAINER, old="zero_grad(set_to_none=True)", new="zero_grad(set_to_none=False)"),),
    ),
)
