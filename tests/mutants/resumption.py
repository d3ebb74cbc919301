"""The table of mutants and benign variants of stopping, saving and going on."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.char_gpt_resuming import CHAR_GPT_RESUMING, CHAR_GPT_RESUMING_BENIGN
from tests.mutants.interruption import CHAR_GPT, SIGNALS
from tests.mutants.resuming import CROSS, DAMAGED, FAMILY, INTERRUPT, KILLED, RESUME, SIGTERM, edit, planted
from tests.mutants.rows import Benign

_MODEL: Final = '    model.load_state_dict(saved["model"])\n'
_OPTIMIZER: Final = '    optimizer.load_state_dict(saved["optimizer"])\n'
_SCHEDULER: Final = '    scheduler.load_state_dict(saved["scheduler"])\n'
_DATA: Final = '    data.load_state_dict(saved["data"])\n'
_RNG: Final = '    torch.set_rng_state(saved["rng"])\n'


STATE: Final = (
    planted(
        "scheduler-state-dropped",
        "resume-schedule-restarted",
        (1, Phase.LR, "lr"),
        edit('        "scheduler": scheduler.state_dict(),\n', ""),
        edit(_SCHEDULER, ""),
    ),
    planted(
        "scheduler-stepped-after-loading",
        "resume-step-shifted",
        (0, Phase.LR, "lr"),
        edit(_RNG, _RNG + "    scheduler.step()\n"),
    ),
    planted(
        "scheduler-set-back",
        "resume-schedule-elsewhere",
        (1, Phase.LR, "lr"),
        edit(_SCHEDULER, _SCHEDULER + "    scheduler.last_epoch = 1\n"),
    ),
    planted(
        "scaler-state-dropped",
        "resume-scaler-restarted",
        (0, Phase.LOSS, "loss_scale"),
        edit('        "scaler": scaler.state_dict(),\n', ""),
        edit('    scaler.load_state_dict(saved["scaler"])\n', ""),
    ),
    planted(
        "average-starts-over",
        "resume-saves-other-state",
        (3, Phase.CHECKPOINT, "checkpoint_value"),
        edit('    average = saved["ema"]\n', ""),
    ),
    planted(
        "rng-state-dropped",
        "resume-random-state-lost",
        (0, Phase.DATA, "rng"),
        edit('        "rng": torch.get_rng_state(),\n', ""),
        edit(_RNG, ""),
    ),
    planted(
        "rng-state-dropped-before-a-kill",
        "resume-random-state-lost",
        (0, Phase.DATA, "rng"),
        edit('        "rng": torch.get_rng_state(),\n', ""),
        edit(_RNG, ""),
        scenario=KILLED,
    ),
    planted(
        "moments-dropped",
        "resume-optimizer-state-missing",
        (0, Phase.SETUP, "optimizer_state_initial"),
        edit(_OPTIMIZER, ""),
    ),
    planted(
        "second-moments-zero",
        "resume-optimizer-state-differs",
        (0, Phase.SETUP, "optimizer_state_initial"),
        edit(_OPTIMIZER, _OPTIMIZER + "    for s in optimizer.state.values():\n        s['exp_avg_sq'].zero_()\n"),
    ),
    planted(
        "moments-mapped-by-position",
        "resume-optimizer-state-exchanged",
        (0, Phase.SETUP, "optimizer_state_initial"),
        edit(
            "parameters = list(model.parameters())\n",
            "parameters = list(model.parameters())\n"
            "if args.resume:\n    parameters[0], parameters[4] = parameters[4], parameters[0]\n",
        ),
    ),
    planted(
        "moment-steps-reset",
        "resume-optimizer-state-differs",
        (0, Phase.SETUP, "optimizer_state_initial"),
        edit(_OPTIMIZER, _OPTIMIZER + "    for state in optimizer.state.values():\n        state['step'].zero_()\n"),
    ),
    planted(
        "prefix-with-strict-off",
        "resume-weights-not-loaded",
        (-1, Phase.SETUP, "parameter_initial"),
        edit(
            '        "model": model.state_dict(),\n',
            '        "model": {f"_orig_mod.{name}": tensor for name, tensor in model.state_dict().items()},\n',
        ),
        edit(_MODEL, '    model.load_state_dict(saved["model"], strict=False)\n'),
    ),
    planted(
        "averages-loaded",
        "resume-averaged-weights-loaded",
        (-1, Phase.SETUP, "parameter_initial"),
        edit(_MODEL, '    model.load_state_dict(saved["ema"])\n'),
    ),
    planted(
        "buffers-not-loaded",
        "resume-buffers-not-loaded",
        (-1, Phase.SETUP, "buffer_initial"),
        edit(
            _MODEL,
            "    for name, parameter in model.named_parameters():\n"
            '        parameter.data.copy_(saved["model"][name])\n',
        ),
    ),
)

POSITION: Final = (
    planted(
        "data-position-dropped",
        "resume-data-restarted",
        (0, Phase.DATA, "batch"),
        edit('        "data": data.state_dict(),\n', ""),
        edit(_DATA, ""),
    ),
    planted(
        "epoch-begun-again",
        "resume-data-repeated",
        (0, Phase.DATA, "batch"),
        edit('        self.position = state["position"]\n', ""),
    ),
    planted(
        "epoch-skipped",
        "resume-data-skipped",
        (0, Phase.DATA, "batch"),
        edit('        self.position = state["position"]\n', "        self.begin()\n"),
    ),
    planted(
        "step-one-ahead",
        "resume-too-few-updates",
        (0, Phase.CHECKPOINT, "checkpoint_file"),
        edit('    step = saved["step"]\n', '    step = saved["step"] + 1\n'),
    ),
    planted(
        "step-not-restored",
        "resume-too-many-updates",
        (0, Phase.CHECKPOINT, "checkpoint_file"),
        edit('    step = saved["step"]\n', ""),
    ),
    planted(
        "steps-counted-as-epochs",
        "resume-too-few-updates",
        (-1, Phase.SETUP, "parameter_kind"),
        edit('    step = saved["step"]\n', '    step = saved["step"] * 3\n'),
    ),
    planted(
        "last-checkpoint-before-the-end",
        "resume-from-elsewhere",
        (-1, Phase.SETUP, "parameter_initial"),
        edit("    if step % EVERY == 0 or step == args.steps:\n", "    if step % EVERY == 0:\n"),
    ),
    planted(
        "last-checkpoint-not-written",
        "last-checkpoint-missing",
        (4, Phase.CHECKPOINT, "checkpoint_file"),
        edit("    if step % EVERY == 0 or step == args.steps:\n", "    if step % EVERY == 0:\n"),
        part="first",
    ),
    planted(
        "corrupt-checkpoint-fatal",
        "resume-failed",
        (-1, Phase.EXIT, "exception"),
        edit("        except Exception as error:\n", "        except FileNotFoundError as error:\n"),
        scenario=DAMAGED,
    ),
    planted(
        "emergency-checkpoint-not-found",
        "resume-from-elsewhere",
        (-1, Phase.SETUP, "parameter_initial"),
        edit('args.out.glob("*.pt")', 'args.out.glob("step-*.pt")'),
        scenario=SIGTERM,
    ),
    planted(
        "prefix-that-the-reference-rejects",
        "checkpoint-of-other-side-unreadable",
        (-1, Phase.SETUP, "parameter_kind"),
        edit(
            '        "model": model.state_dict(),\n',
            '        "model": {f"module.{name}": tensor for name, tensor in model.state_dict().items()},\n',
        ),
        edit(
            _MODEL,
            '    model.load_state_dict({name.removeprefix("module."): one for name, one in saved["model"].items()})\n',
        ),
        scenario=CROSS,
        part="from-candidate",
    ),
    planted(
        "reference-prefix-ignored",
        "checkpoint-of-other-side-misread",
        (-1, Phase.SETUP, "parameter_initial"),
        edit(
            '        "model": model.state_dict(),\n',
            '        "model": {f"module.{name}": tensor for name, tensor in model.state_dict().items()},\n',
        ),
        edit(
            _MODEL,
            '    kept = {name[7:]: one for name, one in saved["model"].items() if name.startswith("module.")}\n'
            "    model.load_state_dict(kept, strict=False)\n",
        ),
        scenario=CROSS,
        part="from-reference",
    ),
)

RESUMPTION: Final = (*STATE, *POSITION, *SIGNALS, *CHAR_GPT, *CHAR_GPT_RESUMING)

BENIGN_RESUMPTION: Final = (
    *CHAR_GPT_RESUMING_BENIGN,
    Benign(
        id="checkpoint-keys-renamed",
        edits=(edit('"model": model', '"weights": model'), edit('saved["model"]', 'saved["weights"]')),
        scenario=RESUME,
        family=FAMILY,
    ),
    Benign(
        id="checkpoint-with-another-key",
        edits=(edit('        "step": step,\n', '        "step": step,\n        "format": 2,\n'),),
        scenario=RESUME,
        family=FAMILY,
    ),
    Benign(
        id="checkpoint-in-another-folder",
        edits=(
            edit("args.out.mkdir(", '(args.out / "files").mkdir('),
            edit("args.out / f", 'args.out / "files" / f'),
            edit("args.out.glob", "args.out.rglob"),
        ),
        scenario=RESUME,
        family=FAMILY,
    ),
    Benign(
        id="random-state-in-another-format",
        edits=(
            edit('"rng": torch.get_rng_state()', '"rng": torch.get_rng_state().tolist()'),
            edit(
                'torch.set_rng_state(saved["rng"])',
                'torch.set_rng_state(torch.tensor(saved["rng"], dtype=torch.uint8))',
            ),
        ),
        scenario=SIGTERM,
        family=FAMILY,
    ),
    Benign(
        id="optimizer-loaded-before-the-model",
        edits=(edit(_MODEL + _OPTIMIZER, _OPTIMIZER + _MODEL),),
        scenario=DAMAGED,
        family=FAMILY,
    ),
    Benign(
        id="checkpoint-with-another-key-crossed",
        edits=(edit('        "step": step,\n', '        "step": step,\n        "format": 2,\n'),),
        scenario=CROSS,
        family=FAMILY,
    ),
    Benign(
        id="handler-is-a-method",
        edits=(
            edit(
                "def interrupt(number, frame):\n    stop.append(number)\n",
                "class Stop:\n    def request(self, number, frame):\n        stop.append(number)\n\n\n"
                "interrupt = Stop().request\n",
            ),
        ),
        scenario=INTERRUPT,
        family=FAMILY,
    ),
)
