"""The rows about signals, and those of stopping and going on that are planted in family char_gpt."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.resuming import INTERRUPT, edit, planted
from tests.mutants.rows import Edit, Mutant

SIGNALS: Final = (
    planted(
        "no-emergency-writer",
        "emergency-checkpoint-missing",
        (4, Phase.CHECKPOINT, "checkpoint_file"),
        edit('        save("emergency")\n', ""),
        scenario=INTERRUPT,
    ),
    planted(
        "no-signal-handler",
        "interrupt-unhandled",
        (-1, Phase.EXIT, "exit_status"),
        edit("signal.signal(signal.SIGTERM, interrupt)\n", ""),
        scenario=INTERRUPT,
    ),
    planted(
        "signal-ignored",
        "interrupt-ignored",
        (4, Phase.CHECKPOINT, "checkpoint_file"),
        edit("    if stop:\n", "    if not stop and step < 0:\n"),
        scenario=INTERRUPT,
    ),
    planted(
        "exit-status-after-signal",
        "interrupt-status",
        (-1, Phase.EXIT, "exit_status"),
        edit("        break\n", "        sys.exit(1)\n"),
        scenario=INTERRUPT,
    ),
    planted(
        "emergency-without-optimizer",
        "checkpoint-state-missing",
        (4, Phase.CHECKPOINT, "checkpoint_kind"),
        edit(
            '        "step": step,\n    }\n',
            '        "step": step,\n    }\n    if stop:\n        del content["optimizer"]\n',
        ),
        scenario=INTERRUPT,
    ),
    planted(
        "emergency-step-behind",
        "checkpoint-counter-shifted",
        (4, Phase.CHECKPOINT, "checkpoint_value"),
        edit('        "step": step,\n', '        "step": step - len(stop),\n'),
        scenario=INTERRUPT,
    ),
)

CHAR_GPT: Final = (
    Mutant(
        id="sigterm-no-checkpoint",
        edits=(
            Edit(
                file="char_gpt/trainer.py",
                old="self.saver.save_in_emergency(states)",
                new="pass",
            ),
        ),
        scenario="interrupt-sigterm",
        update=7,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_file",
        cause="emergency-checkpoint-missing",
    ),
    Mutant(
        id="sigterm-not-listened-to",
        edits=(
            Edit(
                file="common/signals.py",
                old="STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)",
                new="STOP_SIGNALS = (signal.SIGINT,)",
            ),
        ),
        scenario="interrupt-sigterm",
        update=-1,
        phase=Phase.EXIT,
        channel="exit_status",
        cause="interrupt-unhandled",
    ),
)
