"""Defects and harmless changes of family gpt2 in what its options come to: defaults, devices, steps, reports."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import CUDA_ASKED, SELDOM_LOGGED, STEP_BEFORE, harmless, planted

_BASE: Final = "gpt2/base.py"
_CONFIG: Final = "gpt2/config.py"
_PRECISION: Final = "gpt2/precision.py"
_RECIPROCAL: Final = "gpt2/reciprocal_config.py"
_UNIFIED: Final = "gpt2/unified_ra.py"
_MOMENTUM: Final = "return weight.abs() * (moments.first.abs() + EPSILON).sqrt()"
_VARIANT: Final = "variant=self.config.optimization.adamwprune_variant,"
_FIND_STEP: Final = "return find_step(self.reciprocal.ra_step, self.sizes, block_size=self.model.block_size)"
_PLACEHOLDER: Final = """
    def gradient_scaler(self) -> torch.amp.GradScaler:
        return super().gradient_scaler() if self.device_type == "cuda" else Unscaled()


class Unscaled:
    def is_enabled(self):
        return False

    def scale(self, loss):
        return loss

    def unscale_(self, optimizer):
        pass

    def step(self, optimizer):
        optimizer.step()

    def update(self):
        pass
"""

VANILLA_OPTIONS: Final = (
    planted(
        "scaler-placeholder-no-state",
        "candidate-failed",
        "vanilla",
        (-1, Phase.EXIT, "exit_status"),
        (
            _PRECISION,
            'nullcontext() if self.dtype == "float32" else super().autocast()\n',
            'nullcontext() if self.dtype == "float32" else super().autocast()\n' + _PLACEHOLDER,
        ),
        (
            "gpt2/checkpoint.py",
            '    if scaler.is_enabled():\n        content["scaler"]',
            '    if scaler is not None:\n        content["scaler"]',
        ),
    ),
    planted(
        "dtype-name-on-cpu",
        "checkpoint-description-differs",
        "vanilla",
        (0, Phase.CHECKPOINT, "checkpoint_value"),
        (
            _CONFIG,
            "        system = self.system\n",
            '        system = dataclasses.replace(self.system, dtype="float16")\n',
        ),
    ),
    planted(
        "no-fallback-to-the-cpu",
        "candidate-failed",
        CUDA_ASKED,
        (-1, Phase.EXIT, "exception"),
        (_CONFIG, 'if system.device.startswith("cuda") and not has_cuda:', "if False:"),
    ),
)
DEFAULTS: Final = (
    planted(
        "defaults-drift",
        "default-differs",
        "untold",
        (0, Phase.DATA, "micro_steps"),
        (_CONFIG, 'process", default=4)', 'process", default=8)'),
        (_CONFIG, 'process", default=64)', 'process", default=8)'),
        (_CONFIG, 'zero", default=100)', 'zero", default=200)'),
        (_CONFIG, 'OPTIMIZERS)}", default="adamw")', 'OPTIMIZERS)}", default="adamwspam")'),
        (_CONFIG, 'after a reset", default=100)', 'after a reset", default=1000)'),
        (_CONFIG, 'as in the reference", default=1)', 'as in the reference", default=10)'),
    ),
)
UNIFIED_OPTIONS: Final = (
    planted(
        "ra-loss-averaged",
        "printed-loss-of-interval",
        SELDOM_LOGGED,
        (0, Phase.LOG, "log_value"),
        (_UNIFIED, "            self._evaluate()\n        self.running_loss = 0.0\n", "            self._evaluate()\n"),
        (
            _UNIFIED,
            "            self._last_log = now\n",
            "            self._last_log = now\n            self.running_loss /= self.config.output.log_interval\n",
        ),
        (
            _UNIFIED,
            '{milliseconds:.1f}ms"\n            )\n',
            '{milliseconds:.1f}ms"\n            )\n            self.running_loss = 0.0\n',
        ),
    ),
)
ABLATION: Final = (
    # the witness trains one step per process: here the step before is the one that the command line names
    planted(
        "ablation-args-leak",
        "parameter-set",
        STEP_BEFORE,
        (-1, Phase.SETUP, "parameter_kind"),
        (_RECIPROCAL, "SMALLEST_LATENT = 4\n", "SHARED: dict[str, object] = {}\nSMALLEST_LATENT = 4\n"),
        (
            _RECIPROCAL,
            _FIND_STEP,
            _FIND_STEP.replace("return", "found =")
            + "\n        SHARED.update({key: value for key, value in vars(found).items() if value})"
            + "\n        return Step(**SHARED)",
        ),
    ),
)

BENIGN_VANILLA_OPTIONS: Final = (
    # what a line says is listed, and does not gate
    harmless(
        "evaluation-line-renamed",
        "vanilla",
        ("gpt2/reporting.py", 'f"Validation loss: {loss', 'f"Eval @ iter: {loss'),
    ),
    harmless("bitter1-against-bitter2", "prune-bitter1", (_BASE, _VARIANT, 'variant="bitter2",')),
    # what bitter8 is but for its epsilon, which is not scaled along and is not small beside every moment
    harmless(
        "bitter3-corrected-by-one-factor",
        "prune-bitter3",
        (
            "common/pruning/scores.py",
            _MOMENTUM,
            _MOMENTUM.replace(".sqrt()", ".div(1 - math.pow(moments.beta1, moments.updates)).sqrt()"),
        ),
    ),
)
BENIGN_ABLATION: Final = (
    # the steps of an ablation are those of its own option
    harmless(
        "step-of-the-command-line-without-effect",
        STEP_BEFORE,
        (_RECIPROCAL, _FIND_STEP, _FIND_STEP.replace("return", "found =") + "\n        return found"),
    ),
)
