"""Harmless changes of family char_gpt."""

from typing import Final

from tests.mutants.rows import Benign, Edit

_TRAINER = "char_gpt/trainer.py"
_LEARNER: Final = "char_gpt/learner.py"
_MODEL: Final = "char_gpt/model.py"
_LEARNER_BUILT: Final = (
    "    learner, progress = _build_learner(config, saved, beginning.given, precision=precision, world=world, "
    "device=device)\n"
)
_ATTENTION: Final = "char_gpt/attention.py"
_ATTEND: Final = "x = x + self.attn(self.ln_1(x))"

CHAR_GPT_BENIGN: Final = (
    Benign(
        id="data-loader-method-renamed",
        edits=(
            Edit(file=_TRAINER, old="get_batch", new="get_next_batch", times=2),
            Edit(file="char_gpt/evaluator.py", old="get_batch", new="get_next_batch", times=2),
            Edit(file="char_gpt/batches.py", old="def get_batch", new="def get_next_batch"),
            Edit(file="char_gpt/batch_manager.py", old="def get_batch", new="def get_next_batch"),
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
                file="char_gpt/evaluator.py",
                old="from trainers.char_gpt.evaluation import Losses, estimate_losses",
                new="from trainers.char_gpt.validation import Losses, estimate_losses",
            ),
            Edit(
                file="char_gpt/reporting.py",
                old="from trainers.char_gpt.evaluation import Losses",
                new="from trainers.char_gpt.validation import Losses",
            ),
            *(
                Edit(
                    file=f"char_gpt/{name}.py",
                    old="from trainers.char_gpt.evaluation import Losses",
                    new="from trainers.char_gpt.validation import Losses",
                )
                for name in ("saving", "scheduler")
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
            Edit(file="char_gpt/run.py", old=_LEARNER_BUILT, new=""),
            Edit(
                file="char_gpt/run.py",
                old="vocabulary_size=_data_vocabulary_size(config, remapping, learner)",
                new="vocabulary_size=data_vocabulary_size(config) or 65",
            ),
            Edit(file="char_gpt/run.py", old="    validation = Val", new=f"{_LEARNER_BUILT}    validation = Val"),
        ),
    ),
    Benign(
        id="gradients-cleared-before-the-update",
        edits=(
            Edit(file=_LEARNER, old="            self.optimizer.zero_grad(set_to_none=True)\n", new=""),
            Edit(
                file=_TRAINER,
                old='        with self.timer.section("gradient_accumulation"):\n',
                new=(
                    "        self.learner.optimizer.zero_grad(set_to_none=True)\n"
                    '        with self.timer.section("gradient_accumulation"):\n'
                ),
            ),
        ),
    ),
    Benign(
        id="gradients-set-to-zero",
        edits=(Edit(file=_LEARNER, old="zero_grad(set_to_none=True)", new="zero_grad(set_to_none=False)"),),
    ),
)
