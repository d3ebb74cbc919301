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
_SCHEDULER: Final = "char_gpt/scheduler.py"
_START: Final = "char_gpt/start.py"
X: Final = (0, Phase.LR, "lr")

SCHEDULE: Final = (
    planted(
        "accumulation-operation-without-effect", "?", OPERATIONS, X,
        (_OPERATIONS, 'run.settings.change("gradient_accumulation_steps", total)', 'run.settings.changed["gradient_accumulation_steps"] = total'),
    ),
    planted(
        "set-batch-size-leaks", "?", OPERATIONS, X,
        (_OPERATIONS, 'run.settings.change("batch_size", expect_count(value, "a positive number of sequences"))',
         'run.settings.change("batch_size", expect_count(value, "a positive number of sequences"))\n    run.stream._cutter.batch_size = value'),
    ),
    planted(
        "operation-waits-one-evaluation-longer", "?", OPERATIONS, X,
        (_SCHEDULER, "waited >= operation", "waited > operation"),
    ),
    planted(
        "operations-never-reevaluated", "?", GROW, X,
        (_SCHEDULER, 'if operation["reevaluate"]:', "if False:"),
    ),
    planted(
        "operations-completed-in-memory", "?", "resume-frozen", X,
        (_SCALING, '        operation["completed"] = True\n        self.save()\n', '        operation["completed"] = True\n'),
    ),
    planted(
        "target-architecture-of-the-start", "?", GROW, X,
        (_SCHEDULER, "shape = dataclasses.asdict(architecture)", "shape = dataclasses.asdict(architecture) | {'n_hidden': 128}"),
    ),
    planted(
        "schedule-offset-ignored", "?", OPERATIONS, X,
        ("char_gpt/progress.py", "return self.iteration - self.learning_rate_offset", "return self.iteration"),
    ),
)
GROWTH: Final = (
    planted(
        "widened-without-division", "?", GROW, X,
        (_GROWTH, "contract.weight[:, source] / copies", "contract.weight[:, source]"),
    ),
    planted(
        "widened-without-noise", "?", GROW, X,
        (_GROWTH, "NEURON_NOISE = 1e-4", "NEURON_NOISE = 0.0"),
    ),
    planted(
        "stacked-layers-shared", "?", GROW, X,
        (_GROWTH, "copy.deepcopy(blocks[source])", "blocks[source]"),
    ),
    planted(
        "operations-reset-optimizer", "?", GROW, X,
        (_LEARNER, "transfer_optimizer_state(self.optimizer, self.bare_model, saved, names)", "transfer_optimizer_state(self.optimizer, self.bare_model, {**saved, 'state': {}}, names)"),
    ),
    planted(
        "operations-keep-the-scheduled-rate", "?", GROW, X,
        (_LEARNER, "self._build_optimizer(learning_rate)\n        transfer", "self._build_optimizer(saved['param_groups'][0]['lr'])\n        transfer"),
    ),
    planted(
        "rank-of-all-layers", "?", _LORA, X,
        ("char_gpt/adaptation.py", "    _adapt(part, checked, model)\n", "    set_attention_rank(model, checked)\n"),
    ),
    planted(
        "merged-without-scale", "?", _LORA, X,
        ("char_gpt/lora.py", "return self.scale * self.lora_B @ self.lora_A", "return self.lora_B @ self.lora_A"),
    ),
    planted(
        "frozen-parameters-stay-in-the-optimizer", "?", _FREEZE, X,
        ("common/optimizers/decay_groups.py", "if parameter.requires_grad]", "]"),
    ),
    planted(
        "embedding-finetuned-with-everything", "?", _FREEZE, X,
        ("char_gpt/freezing.py", "(model.transformer.wte if is_on else model).parameters()", "model.parameters()"),
    ),
    planted(
        "new-tokens-without-noise", "?", _VOCABULARY, X,
        ("char_gpt/model.py", "_grown(self.lm_head.weight, size, source=source, noise=noise)", "_grown(self.lm_head.weight, size, source=source, noise=0.0)"),
    ),
    planted(
        "remapping-never-disabled", "?", _VOCABULARY, X,
        (_OPERATIONS, "    remapping.is_active = False\n", ""),
    ),
)
RESUMED: Final = (
    planted(
        "execution-state-dropped", "?", _RESUME, X,
        (_START, 'saved.get("iter_of_last_op", 0)', "0"),
        (_START, 'saved.get("lr_schedule_offset", 0)', "0"),
    ),
    planted(
        "completed-operations-rerun", "?", _RESUME, X,
        (_SCALING, "        self.operations = operations\n        self._fill_in()\n        self.save()\n", "        self.operations = operations\n        self.reset()\n"),
    ),
    planted(
        "schedule-only-if-file", "?", "resume-schedule-without-file", X,
        (_SCALING, '    if not saved.get("scaling_schedule"):\n', '    if not saved.get("scaling_schedule") or file is None:\n'),
    ),
    planted(
        "ranks-of-layers-lost", "?", _RESUME_LORA, X,
        (_START, "    restore_ranks(model, parameters, given=given)\n", ""),
    ),
    planted(
        "additions-only-merged", "?", _RESUME_LORA, X,
        (_START, "    restore_additions(model, parameters)\n", ""),
    ),
    planted(
        "frozen-parameters-thawed", "?", "resume-frozen", X,
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
        (_GROWTH, "[copy.deepcopy(blocks[source]) for source in sources]", "copy.deepcopy([blocks[s] for s in sources[:2]]) + [copy.deepcopy(blocks[s]) for s in sources[2:]]"),
    ),
    harmless(
        "schedule-indented-otherwise",
        OPERATIONS,
        (_SCALING, "json.dumps(content, indent=2)", "json.dumps(content, indent=4, sort_keys=True)"),
    ),
    harmless(
        "decision-as-a-float",
        _WORLD_2,
        ("common/distributed.py", "decision = torch.tensor(choice, device=device)", "decision = torch.tensor([choice], device=device)"),
    ),
    harmless(
        "settings-applied-one-by-one",
        _RESUME,
        ("char_gpt/settings.py", "    return Settings(**{**chosen, **changed}, changed=dict(changed))  # type: ignore[arg-type]\n",
         "    settings = Settings(**chosen)\n    for name, value in changed.items():\n        settings.change(name, value)\n    return settings\n"),
    ),
)
