"""The operations of a scaling schedule by name: those on hyper-parameters, and those on the network.

Each of them checks its value before it changes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from trainers.char_gpt import adaptation, freezing, growth
from trainers.char_gpt.memory import fitting_batch_size, memory_of, whole_blocks
from trainers.char_gpt.model import GPT
from trainers.char_gpt.run import Run
from trainers.char_gpt.values import expect_count, expect_share, is_number, refusal
from trainers.common.errors import OperationError


def execute(name: str, value: Any, run: Run) -> list[str]:
    """Carry out an operation, and return what there is to say about it.

    Raises:
        OperationError: the value makes no sense here; nothing has changed.
    """
    if name in HYPERPARAMETERS:
        HYPERPARAMETERS[name](run, value)
        return []
    transfer = run.learner.restructure(
        lambda model: _change(model, name, value, run), learning_rate=run.settings.learning_rate
    )
    return [transfer.line()]


def _change(model: GPT, name: str, value: Any, run: Run) -> None:
    if name == "resize_vocabulary":
        growth.resize_vocabulary(model, value, size=run.data_vocabulary_size)
    else:
        ARCHITECTURE[name](model, value)


def _set_learning_rate(run: Run, value: Any) -> None:
    if not is_number(value) or value <= 0:
        raise refusal(value, "a positive learning rate")
    run.settings.change("learning_rate", float(value))


def _set_batch_size(run: Run, value: Any) -> None:
    run.settings.change("batch_size", expect_count(value, "a positive number of sequences"))


def _scale_batch_size(run: Run, value: Any) -> None:
    factor = expect_share(value, "a factor above 0 and up to 1")
    run.settings.change("batch_size", whole_blocks(run.settings.batch_size * factor))


def _adjust_batch_size(run: Run, value: Any) -> None:
    share = expect_share(value, "a share of the memory")
    size, memory = run.settings.batch_size, memory_of(run.device)
    if memory is not None:
        size = fitting_batch_size(run.learner.bare_model, share=share, memory=memory)
    run.settings.change("batch_size", size)


def _set_accumulation(run: Run, value: Any) -> None:
    total, size = expect_count(value, "a positive number of micro-steps"), run.world.size
    if total % size != 0:
        raise OperationError(f"{total} micro-steps cannot be shared out to {size} processes")
    run.settings.change("gradient_accumulation_steps", total)


def _set_warmup(run: Run, value: Any) -> None:
    run.settings.change("warmup_iters", expect_count(value, "a number of iterations", at_least=0))


def _set_evaluation_batches(run: Run, value: Any) -> None:
    run.settings.change("eval_iters", expect_count(value, "a positive number"))


def _set_evaluation_interval(run: Run, value: Any) -> None:
    run.settings.change("eval_interval", expect_count(value, "a positive number"))


def _reset_schedule(run: Run, _value: Any) -> None:
    run.progress.learning_rate_offset = run.progress.iteration


def _set_curriculum(run: Run, value: Any) -> None:
    if not is_number(value) or not 0 <= value <= 1:
        raise refusal(value, "a share from 0 to 1")
    run.settings.change("curriculum_alpha", float(value))
    run.stream.update_target_distribution(run.settings.curriculum_alpha)


def _disable_remapping(run: Run, _value: Any) -> None:
    remapping, size = run.remapping, run.learner.bare_model.architecture.vocab_size
    if remapping is None or not remapping.is_active:
        raise OperationError("no remapping is active")
    wanted = run.data_vocabulary_size
    if size < wanted:
        raise OperationError(f"the model knows {size} of {wanted} tokens; resize_vocabulary first")
    remapping.is_active = False
    run.settings.change("remapping_active", value=False)


HYPERPARAMETERS: Final[Mapping[str, Callable[[Run, Any], None]]] = {
    "set_lr": _set_learning_rate,
    "set_batch_size": _set_batch_size,
    "set_batch_size_relative": _scale_batch_size,
    "adjust_batch_size": _adjust_batch_size,
    "set_grad_accum": _set_accumulation,
    "set_warmup_iters": _set_warmup,
    "set_eval_iters": _set_evaluation_batches,
    "set_eval_interval": _set_evaluation_interval,
    "reset_lr_schedule": _reset_schedule,
    "set_curriculum_alpha": _set_curriculum,
    "disable_vocab_remapping": _disable_remapping,
}
ARCHITECTURE: Final[Mapping[str, Callable[[GPT, Any], None]]] = {
    "stack_layers": growth.stack_layers,
    "widen_mlp": growth.widen_mlp,
    "set_attn_lora_rank": adaptation.set_attention_rank,
    "set_embedding_lora_rank": adaptation.set_embedding_rank,
    "set_layer_lora_rank": adaptation.set_layer_rank,
    "merge_lora_weights": adaptation.merge_additions,
    "set_embedding_finetune_mode": freezing.finetune_embedding,
    "set_embedding_freeze_mode": freezing.freeze_embedding,
    "freeze_layer": freezing.freeze_layer,
    "unfreeze_layer": freezing.unfreeze_layer,
}
"""They need a new optimizer. ``resize_vocabulary``, which is one of them, also has to know the data."""

NAMES: Final = (*HYPERPARAMETERS, *ARCHITECTURE, "resize_vocabulary")
