"""Defects and harmless changes of how family char_gpt saves and goes on."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import Benign, Edit, Mutant

_TRAINER: Final = "char_gpt/trainer.py"
_EVALUATOR: Final = "char_gpt/evaluator.py"
_START: Final = "char_gpt/start.py"
_MANAGER: Final = "char_gpt/batch_manager.py"
_CHECKPOINT: Final = "char_gpt/checkpoint.py"
_OVERRIDING: Final = "char_gpt/overriding.py"
_RANK_STATE: Final = "char_gpt/rank_state.py"
_ANALYST: Final = "char_gpt/analyst.py"
_DISCOVERY: Final = "common/discovery.py"
_WEIGHTS: Final = "common/weights.py"
_TRANSFER: Final = "common/optimizers/transfer.py"

_BEFORE: Final = "        states = self._rank_states() if self.progress.iteration > 0 else []\n"
_RESUME: Final = "resume-10"
_STATE_INITIAL: Final = (0, Phase.SETUP, "optimizer_state_initial")
_WEIGHTS_INITIAL: Final = (-1, Phase.SETUP, "parameter_initial")
_KIND: Final = (-1, Phase.SETUP, "parameter_kind")


def _planted(
    name: str,
    cause: str,
    place: tuple[int, Phase, str],
    *edits: tuple[str, str, str],
    scenario: str = _RESUME,
    part: str = "",
) -> Mutant:
    update, phase, channel = place
    return Mutant(
        id=name,
        edits=tuple(Edit(file=file, old=old, new=new) for file, old, new in edits),
        update=update,
        phase=phase,
        channel=channel,
        cause=cause,
        scenario=scenario,
        part=part,
    )


def _harmless(name: str, *edits: tuple[str, str, str], scenario: str = _RESUME) -> Benign:
    return Benign(
        id=name, edits=tuple(Edit(file=file, old=old, new=new) for file, old, new in edits), scenario=scenario
    )


STATE: Final = (
    _planted(
        "transfer-by-name-empty",
        "resume-optimizer-state-missing",
        _STATE_INITIAL,
        (
            _TRANSFER,
            "for index, name in enumerate(names) if index in states",
            "for index, name in enumerate(names[:0])",
        ),
    ),
    _planted(
        "transfer-by-shape-stub",
        "resume-optimizer-state-missing",
        _STATE_INITIAL,
        (_TRANSFER, "    if len(names) == sum(", "    if len(names) < sum("),
        (_TRANSFER, "for saved in free if states[saved][MOMENT].shape == shape]", "for saved in free[:0]]"),
    ),
    _planted(
        "optimizer-state-of-another-shape",
        "optimizer-state-not-carried",
        (4, Phase.SETUP, "optimizer_state_initial"),
        (_TRANSFER, "if name in index_of and states[index_of[name]][MOMENT].shape == shape", "if name in index_of"),
        scenario="operations-lora",
    ),
    _planted(
        "iteration-one-ahead",
        "resume-step-shifted",
        (-1, Phase.EVAL, "eval_forwards"),
        (_START, 'iteration=saved["iter_num"],', 'iteration=saved["iter_num"] + 1,'),
    ),
    _planted(
        "char-gpt-random-state-lost",
        "resume-random-state-lost",
        (-1, Phase.EVAL, "eval_batch"),
        (_RANK_STATE, '    restore_generators(states[world.rank]["rng"], device)\n', ""),
    ),
    _planted(
        "char-gpt-data-position-lost",
        "resume-data-restarted",
        (-1, Phase.EVAL, "eval_batch"),
        (_RANK_STATE, '    batches.load_state_dict(states[world.rank]["data"])\n', ""),
    ),
    _planted(
        "state-saved-after-the-evaluation",
        "resume-random-state-lost",
        (-1, Phase.EVAL, "eval_batch"),
        (_TRAINER, _BEFORE, "        states = self._rank_states\n"),
        (_EVALUATOR, "save_evaluated(losses, rank_states)", "save_evaluated(losses, rank_states())"),
    ),
    _planted(
        "ported-buffer-new-shape",
        "resume-failed",
        (-1, Phase.EVAL, "eval_batch_shape"),
        (
            _MANAGER,
            "(window[:-1].view(shape), window[1:].view(shape)) for",
            "(window[:-1].view(shape)[:, :-1], window[1:].view(shape)[:, :-1]) for",
        ),
    ),
)

CHOICE: Final = (
    _planted(
        "stale-checkpoint-preferred",
        "resume-from-elsewhere",
        _WEIGHTS_INITIAL,
        (
            _DISCOVERY,
            "return regular is None or iteration > regular.content",
            "return regular is None or iteration < 0 * regular.content",
        ),
        scenario="resume-sigterm-12",
    ),
    _planted(
        "fallback-to-the-same-file",
        "resume-failed",
        (-1, Phase.EXIT, "exception"),
        (
            _DISCOVERY,
            '        warn(f"cannot read {path}: {type(error).__name__}")\n        return None\n',
            "        raise\n",
        ),
        scenario="resume-corrupt",
    ),
    _planted(
        "last-checkpoint-before-end",
        "resume-from-elsewhere",
        _WEIGHTS_INITIAL,
        (
            _EVALUATOR,
            "and self._run.progress.iteration > 0:\n",
            "and 0 < self._run.progress.iteration < self._run.config.optimisation.max_iters:\n",
        ),
    ),
    _planted(
        "prefix-after-filter",
        "resume-weights-not-loaded",
        _WEIGHTS_INITIAL,
        (
            _CHECKPOINT,
            '"model": model.merged_state(),',
            '"model": {f"_orig_mod.{k}": v for k, v in model.merged_state().items()},',
        ),
        (_WEIGHTS, "find_target(strip_prefixes(name), wanted)", "find_target(name, wanted)"),
        (_WEIGHTS, "    if not tensors:\n", "    if not wanted:\n"),
    ),
)

OVERRIDES: Final = (
    _planted(
        "default-overrides-saved",
        "optimizer-hyperparameter",
        (0, Phase.UPDATE, "optimizer_group"),
        (_OVERRIDING, "if key not in given}", 'if key not in given and key in content["model_args"]}'),
        scenario="resume-remembers",
    ),
    _planted(
        "override-written-back",
        "parameter-set",
        _KIND,
        (_OVERRIDING, "if key not in given}", 'if key not in given or key in ("n_layer", "n_head", "n_embd", "bias")}'),
        scenario="override-n-layer",
        part="from-reference",
    ),
    _planted(
        "overrides-only-logged",
        "optimizer-hyperparameter",
        (0, Phase.UPDATE, "optimizer_group"),
        (_TRANSFER, 'optimizer.state_dict()["param_groups"]', 'saved["param_groups"]'),
        scenario="override-optimizer",
        part="from-reference",
    ),
    _planted(
        "no-block-crop",
        "parameter-set",
        _KIND,
        (_START, "        start.model.crop_block_size(config.batch.block_size)\n", "        pass\n"),
        scenario="override-block-size",
        part="from-reference",
    ),
    _planted(
        "none-means-unset",
        "checkpoint-description-differs",
        (-1, Phase.CHECKPOINT, "checkpoint_kind"),
        (_OVERRIDING, "if key not in given}", "if key not in given or values[key] is None}"),
        scenario="override-n-hidden",
    ),
    _planted(
        "start-arguments-saved",
        "checkpoint-description-differs",
        (-1, Phase.CHECKPOINT, "checkpoint_kind"),
        (
            _CHECKPOINT,
            "dataclasses.asdict(model.architecture)",
            "dataclasses.asdict(model.architecture) | {'n_hidden': 128}",
        ),
        scenario="override-n-hidden",
    ),
    # the size of the vocabulary is taken for given, as its name is a part of another one's
    _planted(
        "override-by-substring",
        "candidate-failed",
        (-1, Phase.EXIT, "exception"),
        (_OVERRIDING, "if key not in given}", 'if key not in " ".join(given)}'),
        scenario="resume-remapping",
    ),
    _planted(
        "override-line-of-one-rank",
        "figure-differs",
        (-1, Phase.LOG, "log_value"),
        (_OVERRIDING, "{values[key]!r}", "{values[key] // 2 if key in _SHARED else values[key]!r}"),
        (_OVERRIDING, "@dataclass(", '_SHARED = ("gradient_accumulation_steps",)\n\n\n@dataclass('),
        scenario="override-batch-world-2",
    ),
    _planted(
        "vocabulary-size-none-overrides",
        "candidate-failed",
        (-1, Phase.EXIT, "exception"),
        (_OVERRIDING, "if key not in given}", 'if key not in given and key != "vocab_size"}'),
        scenario="resume",
    ),
)

ANALYSIS: Final = (
    _planted(
        "analysis-draws-global-numbers",
        "draws-after-evaluation",
        (0, Phase.DATA, "rng"),
        (
            _ANALYST,
            "        seed = self._seed + iteration\n",
            "        seed = self._seed + iteration + 0 * int(torch.randint(2, ()))\n",
        ),
        scenario="analysis",
    ),
    _planted(
        "analysis-switches-the-live-model",
        "mode-left-in-eval",
        (0, Phase.FORWARD, "train_mode"),
        ("char_gpt/analysis.py", "copy.deepcopy(model)", "copy.deepcopy(model.eval())"),
        scenario="analysis",
    ),
    _planted(
        "drift-without-alignment",
        "figure-differs",
        (4, Phase.LOG, "log_value"),
        ("common/geometry.py", "moved @ outer @ inner", "moved"),
        scenario="analysis",
    ),
    _planted(
        "effective-rank-without-squares",
        "figure-differs",
        (-1, Phase.LOG, "log_value"),
        ("common/geometry.py", ".square().cumsum(0)", ".cumsum(0)"),
        scenario="analysis",
    ),
)

CHAR_GPT_RESUMING: Final = (*STATE, *CHOICE, *OVERRIDES, *ANALYSIS)

CHAR_GPT_RESUMING_BENIGN: Final = (
    # within one program the order of the parameters is the same, and the first state that fits the right one
    _harmless(
        "transfer-by-shape",
        (_TRANSFER, "    if len(names) == sum(", "    if len(names) < sum("),
    ),
    _harmless(
        "checkpoints-with-prefix-both-ways",
        (
            _CHECKPOINT,
            '"model": model.merged_state(),',
            '"model": {f"module._orig_mod.{k}": v for k, v in model.merged_state().items()},',
        ),
    ),
    _harmless(
        "emergency-checkpoints-tried-first",
        (_DISCOVERY, "return regular is None or iteration > regular", "return regular is None or iteration >= regular"),
        scenario="resume-sigterm-12",
    ),
)
