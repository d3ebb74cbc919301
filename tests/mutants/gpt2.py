"""The table of mutants and benign variants of family gpt2, by pair: defects that such refactorings really had."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import Benign, Edit, Mutant

_VANILLA: Final = "gpt2/vanilla.py"
_UNIFIED: Final = "gpt2/unified_ra.py"
_BASE: Final = "gpt2/base.py"

VANILLA: Final = (
    Mutant(
        id="checkpoint-at-zero",
        edits=(
            Edit(
                file=_BASE,
                old="not chosen.save_checkpoint or self.iteration == 0 or ",
                new="",
            ),
        ),
        scenario="adamw",
        update=0,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_kind",
        cause="checkpoint-added",
    ),
    Mutant(
        id="missing-module",
        edits=(Edit(file=_VANILLA, old="import time\n", new="import time\nimport trainers.gpt2.pruning_masks\n"),),
        scenario="adamw",
        update=-1,
        phase=Phase.EXIT,
        channel="exception",
        cause="candidate-failed",
    ),
    Mutant(
        id="spam-flag-absent",
        edits=(
            Edit(
                file="gpt2/config.py",
                old='    spam_enable_clip: bool = option("adamwspam: clip elements", default=False)\n',
                new="",
            ),
        ),
        scenario="spam-element-clip",
        update=-1,
        phase=Phase.EXIT,
        channel="exception",
        cause="options-rejected",
    ),
    Mutant(
        id="ddp-wrong-argument-name",
        edits=(
            Edit(
                file=_BASE,
                old="micro_steps = self.config.length.gradient_accumulation\n",
                new=(
                    "micro_steps = (self.config.length.gradient_accumulation_steps\n"
                    "            if self.world.is_distributed else self.config.length.gradient_accumulation)\n"
                ),
            ),
        ),
        scenario="world-2",
        update=-1,
        phase=Phase.EXIT,
        channel="exception",
        cause="candidate-failed",
    ),
    Mutant(
        id="ddp-accumulation-divided",
        edits=(
            Edit(
                file=_BASE,
                old="micro_steps = self.config.length.gradient_accumulation\n",
                new="micro_steps = self.config.length.gradient_accumulation // self.world.size\n",
            ),
        ),
        scenario="world-2",
        update=0,
        phase=Phase.DATA,
        channel="micro_steps",
        cause="accumulation-not-divided-by-world",
    ),
    Mutant(
        id="no-seeding",
        edits=(Edit(file="gpt2/command.py", old="    seed_everywhere(SEED)\n", new=""),),
        scenario="adamw",
        update=-1,
        phase=Phase.SETUP,
        channel="parameter_initial",
        cause="seed-or-initialisation",
    ),
    Mutant(
        id="evaluates-train-then-validation",
        edits=(
            Edit(
                file=_BASE,
                old="        return mean_loss(self.local_model, self.validation_batches",
                new=(
                    "        mean_loss(self.bare_model, self.train_batches.get_batch, batches=batches,\n"
                    "                  precision=self.precision)\n"
                    "        return mean_loss(self.local_model, self.validation_batches"
                ),
            ),
        ),
        scenario="adamw",
        update=0,
        phase=Phase.EVAL,
        channel="eval_batch",
        cause="evaluation-extra",
    ),
    Mutant(
        id="best-not-saved",
        edits=(
            Edit(
                file=_VANILLA,
                old="        if loss < self.best_validation_loss:\n            self.best_validation_loss = loss\n",
                new=(
                    "        self.best_validation_loss = min(loss, self.best_validation_loss)\n"
                    "        if loss < self.best_validation_loss:\n"
                ),
            ),
        ),
        scenario="adamw",
        update=0,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_file",
        cause="checkpoint-not-written",
    ),
    Mutant(
        id="checkpoint-config-holds-arguments",
        edits=(
            Edit(file="gpt2/checkpoint.py", old="dataclasses.asdict(architecture),", new="dict(arguments),"),
            Edit(file="gpt2/checkpoint.py", old='        "args": dict(arguments),\n', new=""),
        ),
        scenario="adamw",
        update=0,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_kind",
        cause="checkpoint-content-moved",
    ),
    Mutant(
        id="end-of-run-missing",
        edits=(
            Edit(
                file=_VANILLA,
                old="        if not self.world.is_master:\n            return\n        loss = self.evaluate(",
                new="        return\n        loss = self.evaluate(",
            ),
        ),
        scenario="adamw",
        update=13,
        phase=Phase.EVAL,
        channel="eval_forwards",
        cause="evaluation-missing",
    ),
    Mutant(
        id="adamwprune-without-decay",
        edits=(
            Edit(
                file="gpt2/config.py",
                old="weight_decay=chosen.adamwprune_weight_decay,",
                new="weight_decay=0.0,",
            ),
        ),
        scenario="prune-bitter0",
        update=0,
        phase=Phase.UPDATE,
        channel="optimizer_group",
        cause="optimizer-hyperparameter",
    ),
    Mutant(
        id="pruner-without-ramp-end",
        edits=(
            Edit(
                file=_BASE,
                old="chosen.pruning_warmup, self.config.length.max_iters\n",
                new="chosen.pruning_warmup, 3000\n",
            ),
        ),
        scenario="prune-magnitude",
        update=4,
        phase=Phase.STATE,
        channel="parameter_after",
        cause="changed-after-step",
    ),
    Mutant(
        id="sgd-is-clipped",
        edits=(Edit(file=_VANILLA, old='optimizer != "sgd"', new='optimizer != "none"'),),
        scenario="sgd",
        update=0,
        phase=Phase.CLIP,
        channel="clip_calls",
        cause="clip-added",
    ),
    Mutant(
        id="spam-counts-once",
        edits=(
            Edit(
                file="common/optimizers/spam.py",
                old="        norm = self._gradient_norm()\n        self.counter += 1\n",
                new="        norm = self._gradient_norm()\n",
            ),
        ),
        scenario="spam-element-clip",
        update=5,
        phase=Phase.LR,
        channel="lr",
        cause="warmup-after-restart",
    ),
)

UNIFIED: Final = (
    Mutant(
        id="no-output",
        edits=(
            Edit(
                file=_UNIFIED,
                old="    def _save_model(self, name: str, validation_loss: float) -> None:\n",
                new=(
                    "    def _save_model(self, name: str, validation_loss: float) -> None:\n"
                    "        if name:\n            return\n"
                ),
            ),
        ),
        scenario="v1",
        update=-1,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_file",
        cause="checkpoint-not-written",
    ),
    Mutant(
        id="evaluates-after-the-update",
        edits=(
            Edit(
                file=_UNIFIED,
                old="            self._evaluate()\n        self.running_loss = 0.0\n",
                new="            self.is_due = True\n        self.running_loss = 0.0\n",
            ),
            Edit(
                file=_UNIFIED,
                old="        if self.alarm is not None:\n            self.alarm.hear(self.running_loss)\n",
                new=(
                    "        if self.alarm is not None:\n            self.alarm.hear(self.running_loss)\n"
                    '        if getattr(self, "is_due", False):\n            self.is_due = False\n'
                    "            self._evaluate()\n"
                ),
            ),
        ),
        scenario="v1",
        update=-1,
        phase=Phase.STATE,
        channel="parameter_outside",
        cause="evaluation-displaced",
    ),
    Mutant(
        id="weights-drawn-in-training",
        edits=(Edit(file="gpt2/lazy.py", old="if self._is_drawn:", new="if self._is_drawn or not self.training:"),),
        scenario="v1",
        update=-1,
        phase=Phase.STATE,
        channel="parameter_outside",
        cause="seed-or-initialisation",
    ),
    Mutant(
        id="always-clips",
        edits=(
            Edit(file=_UNIFIED, old="if self.clip_hint is not None:", new="if True:"),
            Edit(file=_UNIFIED, old="self.model.parameters(), self.clip_hint)", new="self.model.parameters(), 1.0)"),
        ),
        scenario="v2-no-clip",
        update=0,
        phase=Phase.CLIP,
        channel="clip_calls",
        cause="clip-added",
    ),
    Mutant(
        id="no-spam",
        edits=(Edit(file=_UNIFIED, old="if self.spam is not None:", new="if False:", times=2),),
        scenario="v1",
        update=2,
        phase=Phase.LR,
        channel="lr",
        cause="warmup-after-restart",
    ),
    Mutant(
        id="gates-per-head",
        edits=(
            Edit(
                file="gpt2/reciprocal_attention.py",
                old="per_head_gates: bool = False",
                new="per_head_gates: bool = True",
            ),
        ),
        scenario="v1",
        update=-1,
        phase=Phase.SETUP,
        channel="parameter_kind",
        cause="parameter-set",
    ),
    Mutant(
        id="steps-stop-at-v10",
        edits=(Edit(file="gpt2/steps.py", old='        "V11": mlp,\n', new=""),),
        scenario="v11",
        update=-1,
        phase=Phase.EXIT,
        channel="exception",
        cause="candidate-failed",
    ),
    Mutant(
        id="causal-mask-missing",
        edits=(
            Edit(
                file="gpt2/kv_pruning.py",
                old='scores.masked_fill(future, float("-inf"))',
                new="scores",
            ),
        ),
        scenario="v14",
        update=-1,
        phase=Phase.EVAL,
        channel="eval_output",
        cause="forward-differs",
    ),
    Mutant(
        id="parts-never-wake-up",
        edits=(Edit(file=_UNIFIED, old="return None if step.delay is None", new="return None if True"),),
        scenario="v12",
        update=-1,
        phase=Phase.SETUP,
        channel="parameter_kind",
        cause="parameter-frozen",
    ),
)

BENIGN_VANILLA: Final = (
    Benign(
        id="schedule-asserts-its-range",
        edits=(
            Edit(
                file="gpt2/schedule.py",
                old="        return self.floor + 0.5",
                new="        assert 0.0 <= progress <= 1.0\n        return self.floor + 0.5",
            ),
        ),
        scenario="adamw",
    ),
    Benign(
        id="masks-are-floats",
        edits=(
            Edit(file="common/pruning/masks.py", old="score > threshold for", new="(score > threshold).float() for"),
        ),
        scenario="prune-magnitude",
    ),
    Benign(
        id="best-is-saved-after-it-is-noted",
        edits=(
            Edit(
                file=_VANILLA,
                old="        if loss < self.best_validation_loss:\n            self.best_validation_loss = loss\n",
                new=(
                    "        is_best = loss < self.best_validation_loss\n"
                    "        self.best_validation_loss = min(loss, self.best_validation_loss)\n"
                    "        if is_best:\n"
                ),
            ),
        ),
        scenario="adamw",
    ),
    Benign(
        id="checkpoint-keys-in-another-order",
        edits=(
            Edit(
                file="gpt2/checkpoint.py",
                old='        "config": dataclasses.asdict(architecture),\n        "args": dict(arguments),\n',
                new='        "args": dict(arguments),\n        "config": dataclasses.asdict(architecture),\n',
            ),
        ),
        scenario="adamw",
    ),
    Benign(
        id="spam-warms-up-by-assignment",
        edits=(
            Edit(
                file="common/optimizers/spam.py",
                old='group["lr"] *= scale',
                new='group["lr"] = scale * group["lr"]',
            ),
        ),
        scenario="spam-element-clip",
    ),
)

BENIGN_UNIFIED: Final = (
    Benign(
        id="evaluates-through-another-name",
        edits=(
            Edit(
                file=_UNIFIED,
                old="            self._evaluate()\n        self.running_loss = 0.0\n",
                new="            evaluate = self._evaluate\n            evaluate()\n        self.running_loss = 0.0\n",
            ),
        ),
        scenario="v1",
    ),
)
