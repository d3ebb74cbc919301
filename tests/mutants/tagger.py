"""The table of mutants of the tagger: real defects of training scripts, one row for each mechanism."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import Edit, Mutant

FAMILY: Final = "tagger"
_SCHEDULE: Final = "    if scaler.get_scale() >= scale:\n        scheduler.step()\n"
_FLUSH: Final = "    if waiting:\n        update(waiting)\n"
_AVERAGE: Final = (
    "    with torch.no_grad():\n"
    "        for kept, new in zip(average.parameters(), model.parameters()):\n"
    "            kept.lerp_(new, 0.1)\n"
    "        for kept, new in zip(average.buffers(), model.buffers()):\n"
    "            kept.copy_(new)\n"
)
_UNSCALE: Final = "    scaler.unscale_(optimizer)\n"
_CLIP: Final = "    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)\n"


def edit(old: str, new: str, times: int = 1) -> Edit:
    """A change of the tagger."""
    return Edit(file="tagger.py", old=old, new=new, times=times)


def clamped(most: float) -> str:
    """What keeps every weight within ``most``."""
    clamp = f"for weight in model.parameters():\n            weight.clamp_(-{most}, {most})\n"
    return f"    with torch.no_grad():\n        {clamp}    seen += total\n"


def planted(name: str, cause: str, place: tuple[int, Phase, str], *edits: Edit) -> Mutant:
    """A row of the tagger."""
    update, phase, channel = place
    return Mutant(id=name, edits=edits, update=update, phase=phase, channel=channel, cause=cause, family=FAMILY)


ACCUMULATION: Final = (
    planted(
        "mean-of-means",
        "token-weighting",
        (0, Phase.LOSS, "loss"),
        edit("loss * count(ids) / total", "loss / MICRO_STEPS"),
    ),
    planted(
        "mean-over-padding",
        "loss-over-padding",
        (0, Phase.LOSS, "loss"),
        edit("total = sum(count(ids) for ids in batches)", "total = sum(ids.numel() for ids in batches)"),
    ),
    planted(
        "accumulation-across-epochs",
        "accumulation-across-epochs",
        (1, Phase.SETUP, "parameter_kind"),
        edit("for epoch in range(EPOCHS):\n    waiting = []\n", "waiting = []\nfor epoch in range(EPOCHS):\n"),
        edit(_FLUSH, ""),
    ),
    planted(
        "accumulation-of-one-more",
        "accumulation-steps",
        (0, Phase.SETUP, "parameter_kind"),
        edit("if len(waiting) == MICRO_STEPS", "if len(waiting) == 5"),
    ),
    planted(
        "gradient-scaled-within-update",
        "model-operation-changed",
        (0, Phase.BACKWARD, "gradient_norm"),
        edit(
            "    scaler.scale(loss).backward()\n",
            "    for one in model.parameters():\n"
            "        if one.grad is not None:\n"
            "            one.grad.mul_(0.5)\n"
            "    scaler.scale(loss).backward()\n",
        ),
    ),
    planted(
        "gradient-copied-in-place-of-added",
        "backward-differs",
        (0, Phase.BACKWARD, "gradient_norm"),
        edit(
            "    scaler.scale(loss).backward()\n",
            "    for one in model.parameters():\n        one.grad = None\n    scaler.scale(loss).backward()\n",
        ),
    ),
)

RATES: Final = (
    planted(
        "scheduler-in-micro-step",
        "scheduler-per-micro-step",
        (0, Phase.LR, "lr"),
        edit(_SCHEDULE, ""),
        edit("    return loss.item()\n", "    scheduler.step()\n    return loss.item()\n"),
    ),
    planted(
        "scheduler-steps-through-overflow",
        "scheduler-at-skipped-update",
        (8, Phase.LR, "lr"),
        edit(_SCHEDULE, "    scheduler.step()\n"),
    ),
    planted(
        "scheduler-once-per-epoch",
        "scheduler-cadence",
        (1, Phase.LR, "lr"),
        edit(_SCHEDULE, ""),
        edit('    evaluate(model, "val")\n', '    scheduler.step()\n    evaluate(model, "val")\n'),
    ),
    planted(
        "warm-up-over-its-own-length",
        "schedule-warmup",
        (0, Phase.LR, "lr"),
        edit("(at + 1) / (WARMUP + 1)", "(at + 1) / WARMUP"),
    ),
    planted(
        "warm-up-for-ever",
        "schedule-horizon",
        (4, Phase.LR, "lr"),
        edit("0.9 ** (at - WARMUP)", "1.0"),
    ),
)

PRECISION: Final = (
    planted(
        "clip-before-unscale",
        "clip-before-unscale",
        (0, Phase.BACKWARD, "gradient_norm"),
        edit(_UNSCALE + _CLIP, _CLIP + _UNSCALE),
    ),
    planted(
        "another-initial-scale",
        "loss-scale",
        (0, Phase.LOSS, "loss_scale"),
        edit("init_scale=256.0", "init_scale=1024.0"),
    ),
    planted(
        "another-growth-interval",
        "loss-scale",
        (3, Phase.LOSS, "loss_scale"),
        edit("growth_interval=4", "growth_interval=3"),
    ),
    planted(
        "head-without-autocast",
        "operation-precision",
        (0, Phase.FORWARD, "output"),
        edit(
            "        logits = self.head(x)[:, :-1]\n",
            '        with torch.autocast("cpu", enabled=False):\n            logits = self.head(x.float())[:, :-1]\n',
        ),
    ),
    planted(
        "clip-by-largest-element",
        "clip-norm",
        (0, Phase.CLIP, "clip_norm"),
        edit("model.parameters(), 0.5)", 'model.parameters(), 0.5, norm_type=float("inf"))'),
    ),
)

STATE: Final = (
    planted(
        "weights-clamped-after-the-step",
        "changed-after-step",
        (0, Phase.STATE, "parameter_after"),
        edit("    seen += total\n", clamped(0.1)),
    ),
    planted("average-forgotten", "average-not-updated", (2, Phase.SETUP, "parameter_initial"), edit(_AVERAGE, "")),
    planted("average-faster", "average-differs", (2, Phase.SETUP, "parameter_initial"), edit("new, 0.1", "new, 0.2")),
    planted(
        "head-not-tied",
        "parameters-untied",
        (-1, Phase.SETUP, "tied_storage"),
        edit(
            "        self.head.weight = self.embed.weight\n",
            "        self.head.weight.data = self.embed.weight.data.clone()\n",
        ),
    ),
    planted(
        "running-statistics-faster",
        "running-statistics",
        (0, Phase.STATE, "buffer"),
        edit("nn.BatchNorm1d(WIDTH)", "nn.BatchNorm1d(WIDTH, momentum=0.2)"),
    ),
    planted(
        "adam-for-adamw",
        "optimizer-class",
        (0, Phase.UPDATE, "optimizer_type"),
        edit("torch.optim.AdamW(", "torch.optim.Adam("),
    ),
    planted(
        "weight-decay-not-passed",
        "optimizer-hyperparameter",
        (0, Phase.UPDATE, "optimizer_group"),
        edit(", weight_decay=0.1)", ")"),
    ),
    planted(
        "embedding-frozen",
        "parameter-frozen",
        (-1, Phase.SETUP, "parameter_kind"),
        edit("average = copy", "model.embed.weight.requires_grad_(False)\naverage = copy"),
    ),
    planted(
        "bias-left-out",
        "parameter-set",
        (-1, Phase.SETUP, "parameter_kind"),
        edit("nn.Linear(2 * WIDTH, WIDTH)", "nn.Linear(2 * WIDTH, WIDTH, bias=False)"),
    ),
)

DATA: Final = (
    planted(
        "validation-draws-from-the-training-generator",
        "evaluation-draws",
        (3, Phase.DATA, "rng"),
        edit("texts(10, 2)), BATCH, generator=torch.Generator().manual_seed(4))", "texts(10, 2)), BATCH)"),
    ),
    planted(
        "layers-built-in-another-order",
        "seed-or-initialisation",
        (-1, Phase.SETUP, "parameter_initial"),
        edit("        self.widen = nn.Linear(WIDTH, 2 * WIDTH)\n", ""),
        edit(
            "        self.narrow = nn.Linear(2 * WIDTH, WIDTH)\n",
            "        self.narrow = nn.Linear(2 * WIDTH, WIDTH)\n        self.widen = nn.Linear(WIDTH, 2 * WIDTH)\n",
        ),
    ),
    planted(
        "recomputation-draws-anew",
        "draws-between-forwards",
        (0, Phase.DATA, "rng"),
        edit("use_reentrant=False)", "use_reentrant=False, preserve_rng_state=False)"),
    ),
    planted(
        "not-shuffled",
        "loader-makeup",
        (0, Phase.DATA, "batch"),
        edit("BATCH, shuffle=True, generator", "BATCH, generator"),
    ),
    planted(
        "last-batch-dropped",
        "loader-makeup",
        (1, Phase.SETUP, "parameter_kind"),
        edit("BATCH, shuffle=True,", "BATCH, shuffle=True, drop_last=True,"),
    ),
)

LOSS: Final = (
    planted(
        "labels-shifted-twice",
        "targets-cut",
        (0, Phase.FORWARD, "output"),
        edit("[:, :-1]\n        targets = labels[:, 1:]\n", "[:, :-2]\n        targets = labels[:, 2:]\n"),
    ),
    planted(
        "padding-learnt",
        "loss-arguments",
        (0, Phase.FORWARD, "output"),
        edit(", ignore_index=PAD)", ")"),
    ),
    planted(
        "labels-smoothed",
        "model-operation-changed",
        (0, Phase.FORWARD, "output"),
        edit("ignore_index=PAD)", "ignore_index=PAD, label_smoothing=0.1)"),
    ),
)

PRINTED: Final = (
    planted(
        "last-loss-printed",
        "printed-loss-of-one-micro-step",
        (0, Phase.LOG, "log_value"),
        edit("loss {sum(losses):.6f}", "loss {losses[-1] * len(losses):.6f}"),
    ),
    planted(
        "tokens-of-one-micro-step",
        "tokens-formula",
        (-1, Phase.LOG, "log_value"),
        edit("{MICRO_STEPS * BATCH * LENGTH:,}", "{BATCH * LENGTH:,}"),
    ),
    planted(
        "evaluation-not-weighted",
        "evaluation-unweighted",
        (2, Phase.LOG, "log_value"),
        edit("number = count(ids)", "number = 1"),
    ),
    planted(
        "perplexity-to-base-two",
        "perplexity-formula",
        (2, Phase.LOG, "log_value"),
        edit("math.exp(total / tokens)", "2 ** (total / tokens)"),
    ),
    planted(
        "evaluation-in-low-precision",
        "evaluation-differs",
        (2, Phase.EVAL, "eval_output"),
        edit("@torch.no_grad()\n", '@torch.autocast("cpu", dtype=torch.bfloat16)\n@torch.no_grad()\n'),
    ),
    planted(
        "evaluation-in-training-mode",
        "evaluation-in-train-mode",
        (2, Phase.EVAL, "eval_mode"),
        edit("    net.eval()\n", ""),
    ),
    planted(
        "training-goes-on-in-eval-mode",
        "mode-left-in-eval",
        (3, Phase.FORWARD, "train_mode"),
        edit("    net.train()\n", ""),
    ),
)

TAGGER: Final = (*ACCUMULATION, *RATES, *PRECISION, *STATE, *DATA, *LOSS, *PRINTED)
