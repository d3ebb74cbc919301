"""Defects and harmless changes of how family char_gpt starts, evaluates in several processes, and keeps its files."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import BARE_SCHEDULE, SCRATCH, WORLD_2, harmless, planted

_ANALYSIS: Final = "analysis"
_REMAPPING: Final = "remapping"
_ATOMIC: Final = "    temporary = path.with_name("
_ANNOUNCED: Final = (
    '    lines = [f"tokens per iteration will be: {sequences * config.batch.block_size:,}"]\n    if world.is_master:\n'
)

CONDUCT: Final = (
    planted(
        "schedule-save-bare-name",
        "candidate-failed",
        BARE_SCHEDULE,
        (-1, Phase.EXIT, "exception"),
        ("char_gpt/schedule_file.py", _ATOMIC, f"    os.makedirs(os.path.dirname(path), exist_ok=True)\n{_ATOMIC}"),
        ("char_gpt/schedule_file.py", "import json\n", "import json\nimport os\n"),
    ),
    planted(
        "evaluation-on-the-master",
        "evaluation-on-fewer-ranks",
        WORLD_2,
        (-1, Phase.EVAL, "eval_forwards"),
        (
            "char_gpt/evaluator.py",
            "            losses = self.estimate()\n        self._report",
            "            losses = None if self._reporter is None else self.estimate()\n        self._report",
        ),
    ),
    planted(
        "tokens-line-of-the-master-only",
        "candidate-failed",
        WORLD_2,
        (-1, Phase.EXIT, "exception"),
        (
            "char_gpt/command.py",
            _ANNOUNCED,
            (
                "    if world.is_master:\n        tokens = sequences * config.batch.block_size\n"
                '    lines = [f"tokens per iteration will be: {tokens:,}"]\n    if world.is_master:\n'
            ),
        ),
    ),
    planted(
        "gradients-not-scaled",
        "loss-not-scaled",
        "operations-float16",
        (0, Phase.LOSS, "loss_scale"),
        ("common/precision.py", 'enabled=self.dtype == "float16"', "enabled=False"),
    ),
    planted(
        "lists-in-the-saved-configuration",
        "checkpoint-description-differs",
        SCRATCH,
        (4, Phase.CHECKPOINT, "checkpoint_kind"),
        ("char_gpt/config.py", "            if value is None or isinstance(value, int | float | bool | str)\n", ""),
    ),
    planted(
        "vocabulary-of-gpt2-whatever-the-data-have",
        "parameter-set",
        SCRATCH,
        (-1, Phase.SETUP, "parameter_kind"),
        ("char_gpt/start.py", "return config.output.vocab_size if stated is None else stated", "return 50304"),
    ),
    planted(
        "names-and-schedule-not-saved",
        "checkpoint-state-missing",
        SCRATCH,
        (4, Phase.CHECKPOINT, "checkpoint_kind"),
        ("char_gpt/checkpoint.py", '        "param_names": dict(model.named_parameters()),\n', ""),
        ("char_gpt/checkpoint.py", '        "iter_of_last_op": progress.iteration_of_last_operation,\n', ""),
        ("char_gpt/checkpoint.py", '        "lr_schedule_offset": progress.learning_rate_offset,\n', ""),
    ),
    planted(
        "frequent-tokens-searched-from-the-left",
        "figure-differs",
        _ANALYSIS,
        (-1, Phase.LOG, "log_value"),
        ("char_gpt/curriculum.py", "wanted, right=True).item())", "wanted).item()) - 1"),
    ),
)

BENIGN_CONDUCT: Final = (
    harmless(
        "directory-of-the-schedule-made-first",
        BARE_SCHEDULE,
        ("char_gpt/schedule_file.py", _ATOMIC, f"    path.parent.mkdir(parents=True, exist_ok=True)\n{_ATOMIC}"),
    ),
    harmless(
        "core-tokens-by-negation",
        _REMAPPING,
        ("char_gpt/vocabulary.py", "return targets != self._rare_token", "return ~(targets == self._rare_token)"),
    ),
    harmless(
        "squares-by-product",
        _ANALYSIS,
        (
            "common/geometry.py",
            "energy = torch.linalg.svdvals(matrix.double()).square().cumsum(0)",
            "values = torch.linalg.svdvals(matrix.double())\n    energy = (values * values).cumsum(0)",
        ),
    ),
)
