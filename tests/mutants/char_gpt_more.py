"""More defects and harmless changes of family char_gpt: hyper-parameters, evaluation, what is printed, failures."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import Benign, Edit, Mutant

_TRAINER: Final = "char_gpt/trainer.py"
_LEARNER: Final = "char_gpt/learner.py"
_EVALUATION: Final = "char_gpt/evaluation.py"
_SCHEDULE: Final = "common/schedule.py"
_ADAMW: Final = "common/optimizers/adamw.py"
_ZERO: Final = "            self.optimizer.zero_grad(set_to_none=True)\n"


def _planted(name: str, cause: str, place: tuple[int, Phase, str], *edits: tuple[str, str, str]) -> Mutant:
    update, phase, channel = place
    return Mutant(
        id=name,
        edits=tuple(Edit(file=file, old=old, new=new) for file, old, new in edits),
        update=update,
        phase=phase,
        channel=channel,
        cause=cause,
    )


def _harmless(name: str, *edits: tuple[str, str, str]) -> Benign:
    return Benign(id=name, edits=tuple(Edit(file=file, old=old, new=new) for file, old, new in edits))


MORE: Final = (
    _planted(
        "gradients-never-cleared",
        "gradients-not-cleared",
        (1, Phase.BACKWARD, "stale_gradients"),
        (_LEARNER, _ZERO, ""),
    ),
    _planted(
        "gradients-cleared-in-micro-step",
        "gradients-cleared-within-update",
        (0, Phase.BACKWARD, "gradient_norm"),
        (_LEARNER, _ZERO, ""),
        (
            _TRAINER,
            '        with self.timer.section("backward_pass"):\n',
            (
                "        self.learner.optimizer.zero_grad(set_to_none=True)\n"
                '        with self.timer.section("backward_pass"):\n'
            ),
        ),
    ),
    _planted(
        "evaluation-without-eval",
        "evaluation-in-train-mode",
        (-1, Phase.EVAL, "eval_mode"),
        (_EVALUATION, "    model.eval()\n", ""),
    ),
    _planted(
        "evaluation-of-one-batch",
        "evaluation-missing",
        (-1, Phase.EVAL, "eval_batch"),
        ("char_gpt/evaluator.py", "batches_per_split=run.settings.eval_iters", "batches_per_split=1"),
    ),
    _planted(
        "scaled-loss-printed",
        "printed-loss-scale",
        (0, Phase.LOG, "log_value"),
        (_TRAINER, "loss=loss.item() * self._run.micro_steps", "loss=loss.item()"),
    ),
    _planted(
        "loss-multiplied-twice-for-printing",
        "printed-loss-scale",
        (0, Phase.LOG, "log_value"),
        (_TRAINER, "loss=loss.item() * self._run.micro_steps", "loss=loss.item() * self._run.micro_steps**2"),
    ),
    _planted(
        "second-moment-default",
        "optimizer-hyperparameter",
        (0, Phase.UPDATE, "optimizer_group"),
        (_LEARNER, "betas=(optimisation.beta1, optimisation.beta2)", "betas=(optimisation.beta1, 0.999)"),
    ),
    _planted(
        "clip-to-one",
        "clip-limit",
        (0, Phase.CLIP, "clip_limit"),
        (
            _LEARNER,
            "clip_grad_norm_(self.model.parameters(), largest_norm)",
            "clip_grad_norm_(self.model.parameters(), 1.0)",
        ),
    ),
    _planted(
        "learning-rate-halved",
        "learning-rate-scaled",
        (0, Phase.LR, "lr"),
        (
            _TRAINER,
            "learning_rate = self.schedule(self.progress.effective_iteration)",
            "learning_rate = self.schedule(self.progress.effective_iteration) / 2",
        ),
    ),
    _planted(
        "warm-up-denominator",
        "schedule-warmup",
        (0, Phase.LR, "lr"),
        (_SCHEDULE, "(self.warmup_iterations + 1)", "self.warmup_iterations"),
    ),
    _planted(
        "fails-in-update-five",
        "candidate-failed",
        (-1, Phase.EXIT, "exit_status"),
        (
            _TRAINER,
            "            loss = self._update()\n",
            (
                "            if self.progress.iteration == 5:\n"
                '                raise RuntimeError("out of luck")\n'
                "            loss = self._update()\n"
            ),
        ),
    ),
    _planted(
        "one-update-more",
        "updates-missing",
        (21, Phase.DATA, "micro_steps"),
        (
            _TRAINER,
            "if self.progress.iteration > self.config.optimisation.max_iters:",
            "if self.progress.iteration > self.config.optimisation.max_iters + 1:",
        ),
    ),
    _planted(
        "another-seed",
        "seed-or-initialisation",
        (-1, Phase.SETUP, "parameter_initial"),
        ("common/seeding.py", "torch.manual_seed(seed + rank)", "torch.manual_seed(1 + seed + rank)"),
    ),
    _planted(
        "biases-left-out-of-the-optimizer",
        "optimizer-membership",
        (0, Phase.UPDATE, "optimizer_group"),
        ("common/optimizers/decay_groups.py", "parameter.dim() < 2", "parameter.dim() < 1"),
    ),
    _planted(
        "attention-output-without-dropout",
        "dropout-probability",
        (0, Phase.FORWARD, "output"),
        ("char_gpt/attention.py", "self.resid_dropout(self.c_proj(side_by_side))", "self.c_proj(side_by_side)"),
    ),
    _planted(
        "penalty-added",
        "model-operation-changed",
        (0, Phase.LOSS, "loss"),
        (
            _TRAINER,
            "            loss = loss / micro_steps\n",
            "            loss = loss / micro_steps + self.learner.bare_model.lm_head.weight.square().mean()\n",
        ),
    ),
)

MORE_BENIGN: Final = (
    _harmless("clear-through-the-model", (_LEARNER, "self.optimizer.zero_grad(", "self.bare_model.zero_grad(")),
    _harmless(
        "loss-computed-outside-the-forward",
        (
            "char_gpt/model.py",
            (
                "        loss = functional.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), "
                "ignore_index=IGNORED_TARGET)\n        return logits, loss\n"
            ),
            "        return logits, _loss(logits, targets)\n",
        ),
        (
            "char_gpt/model.py",
            "def _initialise(module",
            (
                "def _loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:\n"
                "    flat = logits.flatten(0, 1)\n"
                "    return functional.cross_entropy(flat, targets.flatten(), ignore_index=IGNORED_TARGET)\n"
                "\n\ndef _initialise(module"
            ),
        ),
    ),
    _harmless(
        "no-grad-as-a-context",
        (_EVALUATION, "@torch.no_grad()\ndef _mean_loss", "def _mean_loss"),
        (_EVALUATION, "        with precision.autocast():\n", "        with torch.no_grad(), precision.autocast():\n"),
    ),
    _harmless(
        "losses-in-a-list", (_EVALUATION, "    losses = torch.zeros(count)\n", "    losses = torch.empty(count)\n")
    ),
    _harmless("mode-switched-by-train-false", (_EVALUATION, "    model.eval()\n", "    model.train(False)\n")),
)
