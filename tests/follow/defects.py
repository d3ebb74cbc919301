"""Defects of one phase each, to be planted alone or together in the candidate of family char_gpt."""

from typing import Final

from tests.mutants.catalogue import MUTANTS
from tests.mutants.rows import Edit

_TRAINER: Final = "char_gpt/trainer.py"
_LEARNER: Final = "char_gpt/learner.py"
_MODEL: Final = "char_gpt/model.py"
_STEP: Final = "            self.scaler.update()\n"
_ZERO: Final = "            self.optimizer.zero_grad(set_to_none=True)\n"
_KNOWN: Final = {row.id: row.edits for row in MUTANTS}

WINDOW: Final = (
    Edit(
        file="char_gpt/batches.py",
        old="range(start, start + count * span, span)",
        new="range(start + 1, start + 1 + count * span, span)",
    ),
)
GELU: Final = (Edit(file=_MODEL, old="nn.GELU()", new='nn.GELU(approximate="tanh")'),)
DROPOUT: Final = (Edit(file=_MODEL, old="nn.Dropout(architecture.dropout)", new="nn.Dropout(0.2)", times=2),)
DETACH: Final = (Edit(file=_MODEL, old="self.mlp(self.ln_2(x))", new="self.mlp(self.ln_2(x.detach()))"),)
INITIAL: Final = (Edit(file=_MODEL, old="INITIAL_DEVIATION = 0.02", new="INITIAL_DEVIATION = 0.03"),)
LOSS: Final = _KNOWN["loss-not-divided"]
_DONE: Final = 'int(next(iter(self.optimizer.state.values()))["step"])'
TERM: Final = (
    Edit(file=_TRAINER, old="loss = loss / micro_steps\n", new="loss = (loss + 0.01 * loss.square()) / micro_steps\n"),
)
ZERO: Final = (Edit(file=_LEARNER, old=_ZERO, new=f"            if ({_DONE} - 1) % 3:\n    {_ZERO}"),)
CLIP: Final = (
    Edit(
        file=_LEARNER,
        old="self.model.parameters(), largest_norm)",
        new="self.model.parameters(), 1.2 * largest_norm)",
    ),
)
NO_CLIP: Final = _KNOWN["clip-forgotten"]
WARMUP: Final = (
    Edit(
        file="common/schedule.py",
        old="self.peak * (iteration + 1) / (self.warmup_iterations + 1)",
        new="self.peak * (iteration + 1) / self.warmup_iterations",
    ),
)
BIASES: Final = _KNOWN["biases-decay"]
BETAS: Final = (Edit(file=_LEARNER, old="optimisation.beta2)", new="0.99)"),)
CLAMPED: Final = (
    Edit(
        file=_LEARNER,
        old=_STEP,
        new=f"{_STEP}            self.bare_model.lm_head.weight.data.clamp_(-0.05, 0.05)\n",
    ),
)
EVAL_MODE: Final = (Edit(file="char_gpt/evaluation.py", old="    model.eval()\n", new=""),)
PRINTED: Final = _KNOWN["evaluation-prints-validation-as-train"]
NO_PREFETCH: Final = (
    Edit(
        file=_TRAINER,
        old='        self.next_batch = self._run.stream.get_batch()\n        """Always',
        new='        """Always',
    ),
    Edit(
        file=_TRAINER,
        old=(
            '        with self.timer.section("data_loading"):\n'
            "            self.next_batch = self._run.stream.get_batch()\n"
        ),
        new="",
    ),
    Edit(
        file=_TRAINER,
        old='        with self.timer.section("forward_pass"), ',
        new=(
            '        self.next_batch = self._run.stream.get_batch()\n        with self.timer.section("forward_pass"), '
        ),
    ),
)
RENAMED: Final = (
    Edit(file="char_gpt/attention.py", old="self.c_attn", new="self.query_key_value", times=2),
    Edit(file=_MODEL, old="self.c_fc", new="self.expand", times=2),
)
SCALE: Final = (
    Edit(file="common/precision.py", old="torch.amp.GradScaler(", new="torch.amp.GradScaler(init_scale=256.0, device="),
)
