"""Defects and harmless changes of what family char_gpt tells, keeps, and does when it is asked to."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import (
    CLOCK,
    DEFAULT_PRECISION,
    EVALUATION_ONLY,
    SCRATCH,
    TRACKED,
    TRACKED_ANALYSIS,
    harmless,
    planted,
)

_OPERATIONS: Final = "char_gpt/operations.py"
_EVALUATOR: Final = "char_gpt/evaluator.py"
_TRAINER: Final = "char_gpt/trainer.py"
_SCHEDULER: Final = "char_gpt/scheduler.py"
_COMMAND: Final = "char_gpt/command.py"
_OF_OPERATIONS: Final = "operations"
_SEED: Final = "        seed_torch(config.system.seed, rank=world.rank)\n"
_LOG: Final = "    with RunLog(log_dir) as log, tracking:\n"
_RATE: Final = "        tokens_per_second = tokens / elapsed if elapsed > 0 else 0.0\n"
_EVALUATE: Final = "                self._evaluate(learning_rate)\n"
_WAITED: Final = (
    "        progress = self._run.progress\n"
    "        waited = progress.iteration - progress.iteration_of_last_operation\n"
    '        return Trigger.WAIT if waited >= operation["max_wait_iters"] else Trigger.NONE\n'
)
_COUNTED: Final = (
    "        self.waited[id(operation)] = self.waited.get(id(operation), 0) + 1\n"
    '        is_due = self.waited[id(operation)] >= operation["max_wait_iters"] > 0\n'
    "        return Trigger.WAIT if is_due else Trigger.NONE\n"
)

REPORTING: Final = (
    planted(
        "eval-only-ignored",
        "evaluation-only-ignored",
        EVALUATION_ONLY,
        (0, Phase.SETUP, "arithmetic"),
        (
            _TRAINER,
            "            if self.config.output.eval_only and self.progress.iteration == 0:\n                return\n",
            "",
        ),
    ),
    planted(
        "checkpoint-written-in-place",
        "checkpoint-in-place",
        SCRATCH,
        (4, Phase.CHECKPOINT, "checkpoint_moved"),
        ("common/checkpoint.py", "torch.save(content, temporary)", "torch.save(content, path)"),
        ("common/checkpoint.py", "    temporary = path.with_name(TEMPORARY_NAME)\n", ""),
        ("common/checkpoint.py", "    temporary.rename(path)\n", ""),
    ),
    planted(
        "train-loss-not-tracked",
        "metrics-not-reported",
        TRACKED,
        (-1, Phase.LOG, "metric"),
        ("char_gpt/reporting.py", '            "train/loss": losses.train.item(),\n', ""),
    ),
    planted(
        "precision-of-a-constant",
        "loss-not-scaled",
        DEFAULT_PRECISION,
        (0, Phase.LOSS, "loss_scale"),
        ("char_gpt/config.py", "default=preferred_dtype()", 'default="bfloat16"'),
    ),
    planted(
        "warm-up-operation-without-effect",
        "schedule-setting-differs",
        _OF_OPERATIONS,
        (5, Phase.LR, "lr"),
        (_OPERATIONS, 'run.settings.change("warmup_iters", ', 'run.settings.changed.setdefault("warmup_iters", '),
    ),
    planted(
        "evaluation-batches-operation-without-effect",
        "evaluation-missing",
        _OF_OPERATIONS,
        (5, Phase.EVAL, "eval_batch_shape"),
        (_OPERATIONS, 'run.settings.change("eval_iters", ', 'run.settings.changed.setdefault("eval_iters", '),
    ),
    planted(
        "evaluation-interval-operation-without-effect",
        "evaluation-extra",
        _OF_OPERATIONS,
        (9, Phase.EVAL, "eval_forwards"),
        (_OPERATIONS, 'run.settings.change("eval_interval", ', 'run.settings.changed.setdefault("eval_interval", '),
    ),
)
RATES: Final = (
    planted(
        "clock-of-the-throughput-reset",
        "figure-differs",
        CLOCK,
        (3, Phase.LOG, "log_value"),
        (_EVALUATOR, _RATE, f"{_RATE}        self._start_time += elapsed\n"),
    ),
    planted(
        "utilisation-of-minus-one",
        "figure-differs",
        CLOCK,
        (0, Phase.LOG, "log_value"),
        ("common/metrics.py", "    fraction: float = 0.0\n", "    fraction: float = -1.0\n"),
    ),
    planted(
        "timing-by-flat-sections",
        "metrics-not-reported",
        TRACKED,
        (1, Phase.LOG, "metric"),
        ("common/timing.py", 'path = "/".join(self._open)', "path = name"),
    ),
    planted(
        "drift-not-reported",
        "metrics-not-reported",
        TRACKED_ANALYSIS,
        (1, Phase.LOG, "metric"),
        ("char_gpt/analyst.py", "        self._before = snapshot\n", ""),
    ),
)
GOING_ON: Final = (
    planted(
        "directory-not-marked",
        "resume-started-over",
        "resume-marked",
        (-1, Phase.SETUP, "parameter_initial"),
        (
            "char_gpt/saving.py",
            "            mark_for_resume(self._run.config.out_dir, run_name=self._run_name)\n",
            "            pass\n",
        ),
    ),
    planted(
        "operation-tried-in-every-iteration",
        "event-displaced",
        "operations-batch-size",
        (1, Phase.EVAL, "eval_batch_shape"),
        (_TRAINER, _EVALUATE, f"{_EVALUATE}            else:\n                self.evaluator.operate()\n"),
        (
            _EVALUATOR,
            "        self._scheduler.run(losses)\n",
            "        self._losses = losses\n        self.operate()\n",
        ),
        (
            _EVALUATOR,
            "    def estimate(self) -> Losses:\n",
            "    def operate(self):\n        self._scheduler.run(self._losses)\n\n    def estimate(self) -> Losses:\n",
        ),
        (_SCHEDULER, _WAITED, _COUNTED),
        (
            _SCHEDULER,
            "        self._schedule = schedule\n",
            "        self._schedule = schedule\n        self.waited: dict[int, int] = {}\n",
        ),
    ),
)
BENIGN_REPORTING: Final = (
    harmless(
        "lines-printed-twice",
        SCRATCH,
        ("common/run_log.py", "        print(line)\n", "        print(line)\n        print(line)\n"),
    ),
    harmless(
        "seeded-before-the-log-is-opened",
        SCRATCH,
        (_COMMAND, _LOG, f"    seed_torch(config.system.seed, rank=world.rank)\n{_LOG}"),
        (_COMMAND, f"{_SEED}        allow", "        allow"),
    ),
)
