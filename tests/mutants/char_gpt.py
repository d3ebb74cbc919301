"""Defects of family char_gpt outside the model; ``SEED_000`` are those of the report that this project began with."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import CONSTANT, WORLD_2, Edit, Mutant

_TRAINER = "char_gpt/trainer.py"
_LEARNER: Final = "char_gpt/learner.py"

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
                    "            _mean_loss(self.learner.model, partial(self._run.validation.get_batch, 4), 1,"
                    " self._run.precision)\n"
                    "            loss = self._update()\n"
                ),
            ),
            Edit(
                file=_TRAINER,
                old="from trainers.char_gpt.evaluator import",
                new=(
                    "from functools import partial\nfrom trainers.char_gpt.evaluation import _mean_loss\n"
                    "from trainers.char_gpt.evaluator import"
                ),
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
                old="if self.progress.iteration > self.config.optimisation.max_iters:",
                new="if self.progress.iteration >= self.config.optimisation.max_iters:",
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
                old="learning_rate = self.schedule(self.progress.effective_iteration)",
                new=(
                    "learning_rate = (self.schedule(self.progress.effective_iteration)"
                    " if self.config.optimisation.decay_lr else self.config.optimisation.learning_rate)"
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
                    "    validation = _mean_loss(model, next_validation_batch, batches_per_split, precision, "
                    "accuracy)\n"
                ),
                new=(
                    "    validation = _mean_loss(model, next_validation_batch, batches_per_split, precision, "
                    "accuracy)\n"
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
        edits=(Edit(file=_TRAINER, old="loss = loss / micro_steps\n", new="loss = loss / 1\n"),),
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
                old="self.learner.scaler.scale(loss).backward()",
                new="self.learner.scaler.scale(loss * self.world.size).backward()",
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
        edits=(
            Edit(
                file=_TRAINER,
                old="self.schedule(self.progress.effective_iteration)",
                new="self.schedule(self.progress.effective_iteration + 1)",
            ),
        ),
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
        cause="schedule-setting-differs",
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
                    "            self.next_batch = self._run.stream.get_batch()\n"
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
                file=_LEARNER,
                old="                torch.nn.utils.clip_grad_norm_(self.model.parameters(), largest_norm)\n",
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
                old='        self.next_batch = self._run.stream.get_batch()\n        """Always',
                new=(
                    "        self._run.stream.get_batch()\n"
                    '        self.next_batch = self._run.stream.get_batch()\n        """Always'
                ),
            ),
        ),
        update=-1,
        phase=Phase.EVAL,
        channel="eval_batch",
        cause="batches-shifted",
    ),
)
