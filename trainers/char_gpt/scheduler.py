"""When the operations of a scaling schedule are carried out: after an evaluation, one behind the other."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from trainers.char_gpt.evaluation import Losses
from trainers.char_gpt.operations import HYPERPARAMETERS, execute
from trainers.char_gpt.reporting import Reporter
from trainers.char_gpt.run import Run
from trainers.char_gpt.scaling import ScalingSchedule
from trainers.char_gpt.schedule_file import Operation
from trainers.char_gpt.target import departures, describe_shape, plain_shape, target_shape
from trainers.common.distributed import decide
from trainers.common.errors import OperationError


class Trigger(IntEnum):
    """Why it is time for an operation."""

    NONE = 0
    LOSS = 1
    WAIT = 2


class OperationScheduler:
    """Carries out the operations of one schedule on one run; there is one in every process."""

    def __init__(
        self,
        schedule: ScalingSchedule,
        run: Run,
        *,
        estimate: Callable[[], Losses],
        reporter: Reporter | None,
    ) -> None:
        """Change ``run`` by ``schedule``; ``estimate`` evaluates anew, for which every process has to call it."""
        self._schedule = schedule
        self._run = run
        self._estimate = estimate
        self._reporter = reporter

    def outlook(self) -> list[str]:
        """Say where the schedule leads, and how that differs from where it should."""
        operations, wanted = self._schedule.open_operations(), self._run.config.scaling.target_architecture_config or {}
        if not operations and not wanted:
            return []
        shape = target_shape(
            self._run.learner.bare_model.architecture, operations, data_vocabulary_size=self._run.data_vocabulary_size
        )
        return [f"target architecture: {describe_shape(shape)}", *departures(shape, wanted)]

    def run(self, losses: Losses) -> None:
        """Carry out all operations that it is time for, up to one after which everything is evaluated anew."""
        for operation in self._schedule.open_operations():
            trigger = self._agreed_trigger(operation, losses)
            if trigger is Trigger.NONE or not self._carry_out(operation, trigger):
                return
            if operation["reevaluate"]:
                found = self._estimate()
                if self._reporter is not None:
                    self._reporter.reevaluation(operation["name"], found)
                return

    def _agreed_trigger(self, operation: Operation, losses: Losses) -> Trigger:
        """Let the master decide: each process has evaluated other batches."""
        return Trigger(decide(self._trigger(operation, losses), self._run.world, device=self._run.device))

    def _trigger(self, operation: Operation, losses: Losses) -> Trigger:
        if bool(losses.validation < operation["trigger_loss"]):
            return Trigger.LOSS
        progress = self._run.progress
        waited = progress.iteration - progress.iteration_of_last_operation
        return Trigger.WAIT if waited >= operation["max_wait_iters"] else Trigger.NONE

    def _carry_out(self, operation: Operation, trigger: Trigger) -> bool:
        """Return whether it went well; if not, the run goes on, and the next evaluation tries again."""
        name, iteration = operation["name"], self._run.progress.iteration
        self._say(name, f"iter {iteration}, value {operation['value']!r}, because of the {trigger.name.lower()}")
        try:
            lines = execute(name, operation["value"], self._run)
        except OperationError as error:
            self._say(name, f"failed: {error}")
            return False
        self._schedule.complete(operation)
        self._run.progress.iteration_of_last_operation = iteration
        if self._reporter is not None and name not in HYPERPARAMETERS:
            shape = plain_shape(self._run.learner.bare_model.architecture)
            self._reporter.restructuring(lines, architecture=describe_shape(shape))
        self._say(name, "completed")
        return True

    def _say(self, name: str, line: str) -> None:
        if self._reporter is not None:
            self._reporter.operation(name, line)
