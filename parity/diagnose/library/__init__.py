"""The library of causes, one module per theme. A rule predicts what it explains, or says nothing."""

from parity.diagnose.case import Case
from parity.diagnose.library import (
    accumulation,
    clipping,
    data,
    evaluation,
    interruption,
    lifecycle,
    localisation,
    model,
    optimizer,
    printed,
    saving,
    schedule,
    stream,
)
from parity.diagnose.registry import Declared

# Each of them knows what happened, not only where. Where two explain equally much, the one that stands first is
# reported: the more specific one.
MECHANISMS: tuple[Declared[Case], ...] = (
    interruption.interrupt_unhandled,
    interruption.interrupt_ignored,
    interruption.emergency_checkpoint_missing,
    interruption.interrupt_status,
    lifecycle.options_rejected,
    lifecycle.candidate_failed,
    accumulation.accumulation_not_divided_by_world,
    data.sequence_length,
    data.batch_size,
    lifecycle.updates_missing,
    schedule.learning_rate_constant,
    schedule.learning_rate_zero_at_start,
    schedule.learning_rate_scaled,
    schedule.learning_rate_shifted,
    schedule.schedule_horizon,
    schedule.schedule_warmup,
    optimizer.decay_group_membership,
    optimizer.optimizer_hyperparameter,
    optimizer.optimizer_membership,
    accumulation.gradients_not_cleared,
    accumulation.gradients_cleared_within_update,
    accumulation.accumulation_divisor,
    accumulation.world_size_scale,
    clipping.clip_missing,
    clipping.clip_added,
    clipping.clip_limit,
    evaluation.mode_left_in_eval,
    evaluation.evaluation_in_train_mode,
    printed.evaluation_one_split_twice,
    evaluation.evaluation_on_fewer_ranks,
    evaluation.evaluation_extra,
    evaluation.evaluation_missing,
    evaluation.evaluation_order,
    stream.batches_shifted,
    stream.batches_repeated,
    printed.tokens_formula,
    printed.printed_loss_scale,
    model.parameters_transposed,
    saving.last_checkpoint_missing,
    saving.state_missing,
    saving.counter_shifted,
    lifecycle.seed_or_initialisation,
    lifecycle.parameter_initialisation,
    model.operation_changed,
)

RULES: tuple[Declared[Case], ...] = (*MECHANISMS, localisation.first_difference)

__all__ = ["MECHANISMS", "RULES"]
