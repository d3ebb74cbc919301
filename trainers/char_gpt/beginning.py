"""Where a run begins: its configuration in force and, of a resumed run, what an earlier one has saved."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.overriding import apply_saved_parameters
from trainers.char_gpt.settings import begin_settings
from trainers.common.discovery import load_checkpoint_with_fallback
from trainers.common.distributed import World


class Beginning:
    """From scratch, unless a checkpoint is given."""

    def __init__(
        self, config: CharGptConfig, *, given: Collection[str] = (), saved: dict[str, Any] | None = None
    ) -> None:
        """Combine ``config``, of which somebody has set the keys ``given``, with what was ``saved``."""
        self.config = config
        self.given = frozenset(given)
        self.changes: tuple[str, ...] = ()
        self.saved = saved
        self._run_name: str | None = None
        if saved is not None:
            effective = apply_saved_parameters(config, given=given, content=saved)
            self.config, self.changes = effective.config, effective.changes
            self._run_name = saved.get("final_wandb_run_name")
        operated = {} if saved is None else saved.get("set_by_operations", {})
        self.settings = begin_settings(
            self.config, {name: value for name, value in operated.items() if name not in self.given}
        )

    def lines(self) -> list[str]:
        """Say which keys a resumed run overrides."""
        return [f"Resume with hyperparameter overrides: {'; '.join(self.changes)}"] if self.changes else []

    def run_name(self) -> str | None:
        """Return what the trackers know the run by: as it was called before, else by the time, else nothing."""
        if self._run_name is None and self.config.trackers:
            stamp = time.strftime("%Y%m%d_%H%M%S", time.localtime(time.time()))
            self._run_name = f"{self.config.output.wandb_run_name}_{stamp}"
        return self._run_name

    def take(self) -> dict[str, Any] | None:
        """Hand over what was saved, and forget it: once it is loaded, the memory is free."""
        saved, self.saved = self.saved, None
        return saved


def find_beginning(config: CharGptConfig, *, given: Collection[str], world: World) -> Beginning:
    """Read the newest checkpoint of a run that resumes.

    Raises:
        CheckpointError: none can be read.
    """
    if config.output.init_from != "resume":
        return Beginning(config)
    say = print if world.is_master else _keep_quiet
    checkpoint = load_checkpoint_with_fallback(config.out_dir, warn=say)
    say(f"resuming from {checkpoint.path}")
    if checkpoint.is_emergency:
        say("it was saved in an emergency")
    return Beginning(config, given=given, saved=checkpoint.content)


def _keep_quiet(_line: str) -> None:
    """Leave talking to the master."""
