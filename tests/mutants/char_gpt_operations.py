"""Defects and harmless changes of the operations that change family char_gpt while it trains."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import harmless, planted

OPERATIONS: Final = "operations"
GROW: Final = "operations-grow"
_LORA: Final = "operations-lora"
_FREEZE: Final = "operations-freeze"
_VOCABULARY: Final = "operations-vocabulary"
_WORLD_2: Final = "operations-world-2"
_RESUME: Final = "resume-operations"
_RESUME_LORA: Final = "resume-lora"

_GROWTH: Final = "char_gpt/growth.py"
_LEARNER: Final = "char_gpt/learner.py"
_OPERATIONS: Final = "char_gpt/operations.py"
_SCALING: Final = "char_gpt/scaling.py"
_SCHEDULE_FILE: Final = "char_gpt/schedule_file.py"
_SCHEDULER: Final = "char_gpt/scheduler.py"
_START: Final = "char_gpt/start.py"
_TARGET: Final = "char_gpt/target.py"
_ACCUMULATION: Final = 'run.settings.change("gradient_accumulation_steps", total)'
_BATCH_SIZE: Final = '    run.settings.change("batch_size", expect_count(value, "a positive number of sequences"))\n'
_COMPLETED: Final = '        operation["completed"] = True\n'

SCHEDULE: Final = (
    planted(
        "accumulation-operation-without-effect",
        "accumulation-changed-midway",
        OPERATIONS,
        (2, Phase.DATA, "micro_steps"),
        (_OPERATIONS, _ACCUMULATION, 'run.settings.changed["gradient_accumulation_steps"] = total'),
    ),
    planted(
        "set-batch-size-leaks",
        "batch-size",
        OPERATIONS,
        (10, Phase.DATA, "tokens"),
        (_OPERATIONS, _BATCH_SIZE, _BATCH_SIZE + "    run.stream._cutter.batch_size = value\n"),
    ),
    planted(
        "operation-waits-one-evaluation-longer",
        "accumulation-changed-midway",
        OPERATIONS,
        (2, Phase.DATA, "micro_steps"),
        (_SCHEDULER, "waited >= operation", "waited > operation"),
    ),
    planted(
        "operations-never-reevaluated",
        "evaluation-missing",
        GROW,
        (-1, Phase.EVAL, "eval_forwards"),
        (_SCHEDULER, 'if operation["reevaluate"]:', "if False:"),
    ),
    planted(
        "operations-completed-in-memory",
        "resume-work-repeated",
        "resume-frozen",
        (0, Phase.LR, "lr"),
        (_SCALING, _COMPLETED + "        self.save()\n", _COMPLETED),
    ),
    planted(
        "target-architecture-of-the-start",
        "size-before-rebuilding",
        GROW,
        (-1, Phase.LOG, "log_value"),
        (_TARGET, "dataclasses.asdict(architecture)", "dataclasses.asdict(architecture) | {'n_hidden': 128}"),
    ),
    planted(
        "schedule-offset-ignored",
        "schedule-counter-shifted",
        OPERATIONS,
        (7, Phase.LR, "lr"),
        ("char_gpt/progress.py", "return self.iteration - self.learning_rate_offset", "return self.iteration"),
    ),
)
GROWTH: Final = (
    planted(
        "widened-without-division",
        "network-rebuilt-otherwise",
        GROW,
        (-1, Phase.EVAL, "eval_output"),
        (_GROWTH, "contract.weight[:, source] / copies", "contract.weight[:, source]"),
    ),
    planted(
        "widened-without-noise",
        "network-rebuilt-otherwise",
        GROW,
        (-1, Phase.EVAL, "eval_output"),
        (_GROWTH, "NEURON_NOISE = 1e-4", "NEURON_NOISE = 0.0"),
    ),
    planted(
        "stacked-layers-shared",
        "network-rebuilt-otherwise",
        GROW,
        (2, Phase.SETUP, "parameter_kind"),
        (_GROWTH, "copy.deepcopy(blocks[source])", "blocks[source]"),
    ),
    planted(
        "operations-reset-optimizer",
        "optimizer-state-not-carried",
        GROW,
        (2, Phase.SETUP, "optimizer_state_initial"),
        (_LEARNER, "self.bare_model, saved, names)", "self.bare_model, {**saved, 'state': {}}, names)"),
    ),
    planted(
        "operations-keep-the-scheduled-rate",
        "rate-of-a-new-optimizer",
        GROW,
        (0, Phase.LR, "lr"),
        (_LEARNER, "(learning_rate)\n        transfer", "(saved['param_groups'][0]['lr'])\n        transfer"),
    ),
    planted(
        "rank-of-all-layers",
        "network-rebuilt-otherwise",
        _LORA,
        (3, Phase.STATE, "parameter_after"),
        ("char_gpt/adaptation.py", "    _adapt(part, checked, model)\n", "    set_attention_rank(model, checked)\n"),
    ),
    planted(
        "merged-without-scale",
        "forward-differs",
        _LORA,
        (3, Phase.CHECKPOINT, "checkpoint_tensor"),
        ("char_gpt/lora.py", "return self.scale * self.lora_B @ self.lora_A", "return self.lora_B @ self.lora_A"),
    ),
    planted(
        "frozen-parameters-stay-in-the-optimizer",
        "optimizer-state-not-carried",
        _FREEZE,
        (2, Phase.SETUP, "optimizer_state_initial"),
        ("common/optimizers/decay_groups.py", "if parameter.requires_grad]", "]"),
    ),
    planted(
        "embedding-finetuned-with-everything",
        "optimizer-state-not-carried",
        _FREEZE,
        (6, Phase.SETUP, "optimizer_state_initial"),
        ("char_gpt/freezing.py", "(model.transformer.wte if is_on else model).parameters()", "model.parameters()"),
    ),
    planted(
        "new-tokens-without-noise",
        "network-rebuilt-otherwise",
        _VOCABULARY,
        (2, Phase.SETUP, "parameter_initial"),
        ("char_gpt/model.py", "source=source, noise=noise))", "source=source, noise=0.0))"),
    ),
    planted(
        "remapping-never-disabled",
        "batches-mapped-otherwise",
        _VOCABULARY,
        (4, Phase.DATA, "batch"),
        (_OPERATIONS, "    remapping.is_active = False\n", ""),
    ),
)
RESUMED: Final = (
    planted(
        "execution-state-dropped",
        "schedule-counter-shifted",
        _RESUME,
        (0, Phase.LR, "lr"),
        (_START, 'saved.get("iter_of_last_op", 0)', "0"),
        (_START, 'saved.get("lr_schedule_offset", 0)', "0"),
    ),
    planted(
        "completed-operations-rerun",
        "accumulation-steps",
        _RESUME,
        (0, Phase.DATA, "micro_steps"),
        (_SCALING, "        self._fill_in()\n        self.save()\n", "        self.reset()\n"),
    ),
    planted(
        "schedule-only-if-file",
        "accumulation-steps",
        "resume-schedule-without-file",
        (0, Phase.DATA, "micro_steps"),
        (_SCALING, 'if not saved.get("scaling_schedule"):', 'if not saved.get("scaling_schedule") or file is None:'),
    ),
    planted(
        "ranks-of-layers-lost",
        "parameter-set",
        _RESUME_LORA,
        (-1, Phase.SETUP, "parameter_kind"),
        (_START, "    restore_ranks(model, parameters, given=given)\n", ""),
    ),
    planted(
        "additions-only-merged",
        "parameter-initialisation",
        _RESUME_LORA,
        (-1, Phase.SETUP, "parameter_initial"),
        (_START, "    restore_additions(model, parameters)\n", ""),
    ),
    planted(
        "frozen-parameters-thawed",
        "parameter-frozen",
        "resume-frozen",
        (-1, Phase.SETUP, "parameter_kind"),
        (_START, "    restore_frozen(model, parameters)\n", ""),
    ),
)
BENIGN_OPERATIONS: Final = (
    harmless(
        "widened-by-index-select",
        GROW,
        (_GROWTH, "rows = expand.weight[source]", "rows = torch.index_select(expand.weight, 0, source)"),
    ),
    harmless(
        "layers-stacked-by-their-state",
        GROW,
        (
            _GROWTH,
            "[copy.deepcopy(blocks[source]) for source in sources]",
            "list(map(copy.deepcopy, map(list(blocks).__getitem__, sources)))",
        ),
    ),
    harmless(
        "schedule-indented-otherwise",
        OPERATIONS,
        (_SCHEDULE_FILE, "json.dumps(content, indent=2)", "json.dumps(content, indent=4, sort_keys=True)"),
    ),
    harmless(
        "decision-as-a-float",
        _WORLD_2,
        ("common/distributed.py", "torch.tensor(choice, device=device)", "torch.tensor([choice], device=device)"),
    ),
    harmless(
        "settings-applied-one-by-one",
        _RESUME,
        (
            "char_gpt/settings.py",
            "    return ValuesInForce(**{**chosen, **changed}, changed=dict(changed))",
            (
                "    settings = ValuesInForce(**chosen)\n    for name, value in changed.items():\n"
                "        settings.change(name, value)\n    return settings"
            ),
        ),
    ),
)

OPERATING: Final = (*SCHEDULE, *GROWTH, *RESUMED)
