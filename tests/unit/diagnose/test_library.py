"""One row per cause that must be found, and rows that look like it and must not be."""

import random
from dataclasses import replace

import pytest
from small_training import BEFORE_RECORDING, RATE, SHAPES, Training, warm_cosine

from parity.compare.engine import compare
from parity.diagnose.case import Case
from parity.diagnose.library import (
    RULES,
    accumulation,
    afterwards,
    arithmetic,
    averages,
    buffers,
    cadence,
    charts,
    clipping,
    combining,
    contents,
    data,
    defaults,
    displaced,
    draws,
    evaluation,
    figures,
    grouping,
    interruption,
    lifecycle,
    localisation,
    mapping,
    model,
    occurrence,
    optimizer,
    order,
    origins,
    printed,
    ranks,
    rebuilding,
    reported,
    restarts,
    saving,
    scaling,
    schedule,
    sharding,
    stored,
    stream,
    structure,
    synchronisation,
    tables,
    targets,
    tracked,
    waiting,
    warmup,
    weighting,
)
from parity.diagnose.registry import Diagnosis, diagnose
from parity.findings.judge import judge
from parity.findings.model import Judgement
from parity.trace.channels import Phase

PLAIN = Training()
TWO = Training(world=2, micro_steps=4)
SELDOM = Training(prints_every=3, prints_sum=True)
UNTOLD = Training(config=(("accumulation", "2"), ("epochs", "1")))
TOLD_OTHERWISE = {"micro_steps": 4, "config": (("accumulation", "4"), ("epochs", "1"))}
LONG = Training(updates=14)
PRIVATE = Training(shared_stream=False)
STOPPED = Training(interrupted=5)
CHARTED = Training(chart="x 'Step'")
REBUILT = Training(rebuilt="so")


def warmup_from_zero(step):
    return 1e-3 * step / 4 if step < 4 else RATE(step)


def step_decay(step):
    return 1e-3 if step < 3 else 1e-3 * 0.5 ** (step - 2)


def linear_decay(step):
    return 1e-3 * (1 - step / 20)


def bare_tokens(training):
    return training.batch_size * training.length


def per_rank_tokens(training):
    return training.micro_steps * training.batch_size * training.length


def linear(warmup, total):
    return lambda step: 1e-3 * (step / warmup if step < warmup else (total - step) / (total - warmup))


def restarting(every, rise):
    """The usual curve, which plunges every so often and is back after ``rise`` updates."""
    return lambda step: RATE(step) * (max(1e-3, min(1.0, (step % every) / rise)) if step >= every else 1.0)


def anew(start):
    """A schedule that begins again at ``start``."""
    return lambda step: step - start if step >= start else step


def counting(position):
    return {"position": position, "rate": lambda step: RATE(position(step))}


def since(step, before, after):
    """A setting that becomes another one at ``step``."""
    return lambda at: after if at >= step else before


def rising_to_six(step):
    return RATE(step) if step < 2 else warm_cosine(warmup=6)(step)


TRACKED = Training(metrics=("train/loss", "val/loss"))
WARMED = Training(warmup=lambda _: 4)
WIDENED = Training(rebuilt="so", width="now")
CORE = Training(accuracy="core")
MAPPED = Training(counted=True)
DRAWING = Training(shared_stream=False, eval_moves=True)
LOADED = Training(shared_stream=False, loader_seeds=(7, 8))
RESTARTED = Training(updates=14, rate=restarting(5, 2))
STEPS = Training(updates=20, rate=linear(0, 20), config=(("warmup_steps", "0"),))
SHARE = {"rate": linear(4, 20), "config": (("warmup_pct", "0.2"),)}

TRACEBACK = 'Traceback (most recent call last):\n  File "train.py", line 4, in main\n'
HIDDEN = {"fails_in": 5, "error": "", "says": f"{TRACEBACK}OSError: no space left on device", "hides": True}

# cause, reference, what the candidate does differently, a piece of the title or evidence
SYMPTOMS = [
    ("interrupt-unhandled", STOPPED, {"on_signal": "dies"}, "SIGTERM kills"),
    ("interrupt-ignored", STOPPED, {"on_signal": "ignores"}, "goes on for 3 updates"),
    ("emergency-checkpoint-missing", STOPPED, {"on_signal": "leaves"}, "emergency.pt"),
    ("interrupt-status", STOPPED, {"exit_status": 1}, "status 1"),
    ("checkpoint-not-written", PLAIN, {"saved_until": 0}, "never writes ckpt.pt"),
    ("checkpoint-not-written", replace(PLAIN, files=("ckpt.pt", "head.pt")), {"files": ("ckpt.pt",)}, "head.pt"),
    ("chart-blank", CHARTED, {"chart": "blank"}, "nothing on it"),
    ("chart-missing", CHARTED, {"charted_until": 4}, "leaves out 1 chart"),
    ("chart-changed", CHARTED, {"chart": "x 'Epoch'"}, "shows something else"),
    ("chart-numbers", CHARTED, {"curve": "accuracy"}, "other numbers in 1 series"),
    ("last-checkpoint-missing", PLAIN, {"saved_until": 4}, "4 updates older"),
    ("checkpoint-state-missing", PLAIN, {"unsaved": ("rng",)}, "1 key: rng"),
    ("checkpoint-counter-shifted", PLAIN, {"counter": 1}, "iter_num 1 too high"),
    ("checkpoint-description-differs", PLAIN, {"described": "None"}, "model_args.n_hidden"),
    (
        "checkpoint-cadence",
        Training(saves_also=(2, 5)),
        {"saves_also": (1, 4, 7)},
        "written: 4 in the reference, 5",
    ),
    ("checkpoint-not-written", PLAIN, {"files": ()}, "never writes ckpt.pt"),
    ("checkpoint-not-written", Training(saves_also=(2, 5)), {"saves_also": (5,)}, "1 checkpoint, after update 2"),
    ("checkpoint-added", PLAIN, {"saves_also": (0, 8)}, "2 checkpoints, after updates 0, 8"),
    ("checkpoint-added", PLAIN, {"files": ("ckpt.pt", "ckpt.pt")}, "checkpoints written: 2 in the reference, 4"),
    ("checkpoint-content-moved", PLAIN, {"options": "config"}, "under 'config' what the reference saves under 'args'"),
    ("warmup-after-restart", RESTARTED, {"rate": RATE}, "never plunges, the reference's does 2 times"),
    ("warmup-after-restart", replace(RESTARTED, rate=RATE), {"rate": restarting(5, 2)}, "the reference's never"),
    (
        "warmup-after-restart",
        RESTARTED,
        {"rate": restarting(5, 4)},
        "rises for from there: 2, 2 in the reference, 4, 3 in",
    ),
    ("warmup-after-restart", RESTARTED, {"rate": restarting(4, 2)}, "plunges at other updates"),
    ("evaluation-displaced", PLAIN, {"eval_after": True}, "after updates: -1, 3, 7 in the reference, 0, 4, 8"),
    ("evaluation-displaced", PRIVATE, {"eval_after": True}, "evaluates 1 update later"),
    ("samples-behind-indices", LOADED, {"rows": "shuffled"}, "none of 18 batches is one of the reference's"),
    (
        "accumulation-not-divided-by-world",
        replace(TWO, micro_steps=2),
        {"micro_steps": 4},
        "micro-steps per rank, update 0: 2 in the reference, 4 in the candidate",
    ),
    ("accumulation-not-divided-by-world", TWO, {"micro_steps": 2}, "divides twice"),
    ("accumulation-not-divided-by-world", Training(world=4, micro_steps=1), {"micro_steps": 4}, "the ratio is 4"),
    (
        "accumulation-divisor",
        replace(PLAIN, micro_steps=4),
        {"loss_scale": 4.0},
        "the ratio is 4 at every micro-step of the first update",
    ),
    ("accumulation-divisor", replace(PLAIN, micro_steps=3), {"loss_scale": 1 / 3}, "divides the loss once more"),
    ("accumulation-divisor", replace(TWO, micro_steps=2), {"loss_scale": 2.0}, "the world size is 2 too"),
    ("gradients-not-cleared", PLAIN, {"clears": False}, "update 1: 0 in the reference, 4 in the candidate"),
    (
        "gradients-cleared-within-update",
        replace(PLAIN, micro_steps=3),
        {"zero_calls": 3},
        "zero_grad calls, update 1: 1",
    ),
    ("world-size-scale", TWO, {"gradient_scale": 2.0}, "the ratio is 2, with 2 ranks"),
    ("world-size-scale", TWO, {"gradient_scale": 0.5}, "the ratio is 0.5"),
    ("world-size-scale", TWO, {"loss_scale": 2.0}, "The candidate's loss is scaled"),
    (
        "learning-rate-zero-at-start",
        PLAIN,
        {"rate": warmup_from_zero},
        "learning rate, update 0: 0.0002 in the reference, 0.0 in the candidate",
    ),
    (
        "warmup-unit-changed",
        STEPS,
        SHARE,
        "what sets the warm-up: warmup_steps = 0 in the reference, warmup_pct = 0.2 in the candidate",
    ),
    ("warmup-unit-changed", STEPS, SHARE, "updates of warm-up: 0 in the reference, 4 in the candidate"),
    ("warmup-unit-changed", replace(STEPS, updates=8), SHARE, "0.2 of 20 updates, rounded down, is 4"),
    ("warmup-unit-changed", replace(STEPS, config=()), SHARE, "warmup_pct = 0.2 instead of no option"),
    (
        "warmup-unit-changed",
        replace(STEPS, rate=linear(2, 20), config=(("warmup_steps", "2"),)),
        SHARE,
        "updates of warm-up: 2 in the reference, 4 in the candidate",
    ),
    ("arithmetic-switched", PLAIN, {"arithmetic": "tf32"}, "ieee in the reference, tf32 in the candidate"),
    ("arithmetic-switched", PLAIN, {"arithmetic": "tf32", "output_scale": 1.001}, "cuda matmul float32"),
    ("arithmetic-switched", replace(PLAIN, gpu=False), {"arithmetic": "tf32"}, "ieee in the reference, tf32 in"),
    ("learning-rate-shifted", PLAIN, {"rate": lambda step: RATE(step + 1)}, "reference(t + 1) at all 8 common points"),
    ("learning-rate-shifted", PLAIN, {"rate": lambda step: RATE(step + 3)}, "3 updates ahead of"),
    ("learning-rate-shifted", PLAIN, {"rate": lambda step: RATE(max(0, step - 2))}, "2 updates behind"),
    ("learning-rate-constant", PLAIN, {"rate": lambda _: 1e-3}, "0.001 in all 9 updates"),
    ("learning-rate-scaled", PLAIN, {"rate": lambda step: RATE(step) * 0.7}, "0.7 times"),
    ("schedule-horizon", PLAIN, {"rate": lambda step: RATE(2 * step)}, "runs 2 times too fast"),
    ("schedule-horizon", replace(TWO, micro_steps=1, updates=14), {"rate": lambda s: RATE(2 * s)}, "the world size, 2"),
    ("schedule-horizon", replace(LONG, rate=lambda s: RATE(2 * s)), {"rate": RATE}, "runs 2 times too slow"),
    (
        "schedule-horizon",
        LONG,
        {"rate": warm_cosine(horizon=12)},
        "length of the cosine that fits the decay, in updates: 12.0 in the reference, 8.0 in the candidate",
    ),
    ("schedule-horizon", LONG, {"rate": lambda s: RATE(min(s, 6))}, "equal before update 7"),
    ("schedule-warmup", PLAIN, {"rate": warm_cosine(warmup=5)}, "rise of the learning rate per update: 0.0002"),
    (
        "decay-group-membership",
        PLAIN,
        {"decayed": tuple(SHAPES)},
        "decayed by the candidate only (2, all 1-dimensional, weight_decay=0.1): ln.weight, ln.bias",
    ),
    ("decay-group-membership", PLAIN, {"decayed": ("wte.weight",)}, "decayed by the reference only (1"),
    ("optimizer-hyperparameter", PLAIN, {"betas": (0.9, 0.999)}, "betas: (0.9, 0.95) in the reference, (0.9, 0.999)"),
    ("optimizer-hyperparameter", PLAIN, {"decay": 0.0}, "weight_decay: 0.1 in the reference, 0.0 in the candidate"),
    ("optimizer-membership", PLAIN, {"held": ("wte.weight", "mlp.weight")}, "ln.weight, ln.bias"),
    ("sequence-length", PLAIN, {"length": 31, "eval_length": 31}, "31 long, one short of 32"),
    ("sequence-length", PRIVATE, {"length": 16}, "16 long, the reference's 32"),
    ("sequence-length", PLAIN, {"eval_length": 31}, "int64[4, 31]"),
    ("batch-size", PLAIN, {"batch_size": 2}, "batches hold 2 samples, the reference's 4"),
    ("batches-shifted", PRIVATE, {"skipped": (0,)}, "leaves out 1 batch at the start"),
    ("batches-shifted", PRIVATE, {"skipped": tuple(range(3, 11))}, "leaves out 8 batches in update 1"),
    ("batches-shifted", replace(PRIVATE, skipped=(0,)), {"skipped": ()}, "serves 1 batch more at the start"),
    ("batches-shifted", PLAIN, {"skipped": (0,)}, "29 of 30 batches, for training and evaluation"),
    ("batches-repeated", PLAIN, {"repeats": (6,)}, "batch 4 of the candidate, update 2, is its batch 3 again"),
    ("batches-repeated", PLAIN, {"one_batch_per_update": True}, "18 in the reference, 9 in the candidate"),
    ("batches-repeated", PRIVATE, {"repeats": (1, 3, 5)}, "18 in the reference, 15 in the candidate"),
    ("batches-reordered", PLAIN, {"order": lambda at: 23 - at}, "24 of 24 batches that differ"),
    ("batches-reordered", PRIVATE, {"order": lambda at: at ^ 5 if at < 16 else at}, "16 of 16 batches that differ"),
    ("batches-elsewhere", PLAIN, {"order": lambda at: at + 100}, "24 batches differ"),
    ("batches-by-another-generator", PLAIN, {"generator": "numpy"}, "numpy moves in the candidate only"),
    ("batch-argument", replace(PLAIN, labels="right"), {"labels": "wrong"}, "equal in all batches: argument 0"),
    ("buffer-initialisation", replace(PLAIN, table=1), {"table": 2}, "1 of 1 differ: rotary.cos"),
    ("checkpoint-keys-renamed", PLAIN, {"prefix": "module."}, "extra: module.rng.state, module.scaler.state"),
    ("checkpoint-content", PLAIN, {"saves": "average"}, "checkpoint_tensor 'ckpt.pt::model.wte.weight'"),
    ("evaluation-order", PLAIN, {"splits": ("val", "train")}, "batches 2 to 3 of the reference come first"),
    (
        "evaluation-one-split-twice",
        PLAIN,
        {"prints": ("val", "val")},
        "The candidate prints 'val loss' under the name 'train loss' as well",
    ),
    ("evaluation-one-split-twice", PLAIN, {"prints": ("train", "train")}, "'train loss' under the name 'val loss' as"),
    ("evaluation-one-split-twice", PLAIN, {"splits": ("val",)}, "evaluates 1/2 as many batches"),
    (
        "evaluation-extra",
        PLAIN,
        {"eval_every": 1},
        "evaluation forwards, update 0: 0 in the reference, 4 in the candidate",
    ),
    ("evaluation-extra", PLAIN, {"eval_batches": 3}, "with more batches"),
    ("evaluation-missing", PLAIN, {"eval_every": 8}, "evaluation forwards, update 3: 4 in the reference, 0"),
    ("evaluation-on-fewer-ranks", TWO, {"eval_ranks": (0,)}, "never evaluates on rank 1"),
    ("evaluation-on-more-ranks", replace(TWO, eval_ranks=(0,)), {"eval_ranks": (0, 1)}, "evaluates on rank 1 too"),
    ("clip-missing", PLAIN, {"clip": None}, "updates with clipping: 9 in the reference, 0 in the candidate"),
    ("clip-added", replace(PLAIN, clip=None), {"clip": 1.0}, "updates with clipping: 0 in the reference, 9"),
    ("clip-limit", PLAIN, {"clip": 0.75}, "to 0.75, the reference to 1.0"),
    (
        "mode-left-in-eval",
        PLAIN,
        {"stays_in_eval": True},
        "the candidate's last evaluation before it: before the first",
    ),
    ("evaluation-in-train-mode", PLAIN, {"eval_mode": 1}, "12 of 12 forwards"),
    ("evaluation-in-train-mode", replace(PLAIN, dropout=False), {"eval_mode": 1}, "0 in the reference, 1"),
    (
        "tokens-formula",
        TWO,
        {"tokens": bare_tokens},
        "the factor 8 that is left out is the number of micro-steps times",
    ),
    ("tokens-formula", TWO, {"tokens": per_rank_tokens}, "the factor 2 that is left out is the world size"),
    ("printed-loss-scale", PLAIN, {"printed_loss": 0.5}, "the ratio 0.5 is that of the number of micro-steps"),
    ("updates-missing", PLAIN, {"updates": 8}, "1 update fewer"),
    ("updates-missing", PLAIN, {"updates": 12}, "3 updates more"),
    ("options-rejected", PLAIN, {"fails_in": BEFORE_RECORDING, "error": "ValueError: Unknown config key: a"}, "key: a"),
    ("options-rejected", PLAIN, {"fails_in": 0, "error": "ValueError: Unknown config key: a"}, "key: a"),
    (
        "options-rejected",
        PLAIN,
        {"fails_in": 0, "error": "", "says": "train.py: error: unrecognized arguments: --a=4"},
        "unrecognized arguments",
    ),
    ("candidate-failed", PLAIN, {"fails_in": 0, "error": "NameError: name 'x' is not defined"}, "NameError"),
    (
        "candidate-failed",
        TWO,
        {
            "fails_in": 0,
            "error": "NameError: name 'x' is not defined",
            "echo": "RuntimeError: Connection closed by peer",
        },
        "NameError",
    ),
    ("candidate-failed", PLAIN, {"fails_in": 5}, "completed updates: 9 in the reference, 5 in the candidate"),
    ("candidate-failed", PLAIN, {"exit_status": 3}, "exit status: 0 in the reference, 3 in the candidate"),
    ("failure-hidden", PLAIN, HIDDEN, "OSError: no space left on device"),
    ("failure-hidden", PLAIN, {**HIDDEN, "fails_in": 0}, "fails after 0 updates, and says that it succeeded"),
    ("no-model-trained", PLAIN, {"modelless": True}, "numbers that the candidate prints all the same: "),
    ("table-file-missing", PLAIN, {"tables": ()}, "never writes metrics.json"),
    ("seed-or-initialisation", PLAIN, {"seed": 1}, "another seed"),
    ("seed-or-initialisation", PLAIN, {"initial": ("wte.weight", "mlp.weight")}, "2 of 2 weight matrices"),
    ("seed-or-initialisation", PLAIN, {"draws_before": 3}, "the initial weights are equal"),
    ("parameter-initialisation", PLAIN, {"initial": ("wte.weight",)}, "1 of 4 differ: wte.weight"),
    ("token-weighting", replace(PLAIN, shares=(0.75, 0.25)), {"shares": ()}, "takes the mean of the means"),
    ("token-weighting", PLAIN, {"shares": (0.75, 0.25)}, "0.75, 0.25; they sum to 1"),
    ("loss-over-padding", PLAIN, {"loss_scale": 5 / 8}, "160 valid positions and all 256"),
    ("accumulation-steps", PLAIN, {"micro_steps": 3}, "over 3 micro-steps, the reference over 2"),
    ("accumulation-across-epochs", replace(PLAIN, short=(2, 5)), {"short": ()}, "into the next epoch"),
    ("accumulation-across-epochs", PLAIN, {"short": (2, 5)}, "ends an update with its epoch"),
    ("loader-makeup", PRIVATE, {"loader": "SequentialSampler"}, "RandomSampler in the reference, SequentialSampler"),
    ("parameters-untied", replace(PLAIN, tied=True), {"tied": False}, "does not tie head.weight to wte.weight"),
    ("parameter-frozen", PLAIN, {"frozen": ("wte.weight",)}, "freezes 1 parameter that the reference trains"),
    ("parameter-frozen", replace(PLAIN, frozen=("ln.bias",)), {"frozen": ()}, "trains 1 parameter"),
    ("parameter-set", PLAIN, {"left_out": ("ln.bias",)}, "missing in the candidate (1): ln.bias"),
    ("parameter-set", replace(PLAIN, left_out=("ln.bias",)), {"left_out": ()}, "extra in the candidate (1): ln.bias"),
    ("network-rebuilt-otherwise", REBUILT, {"rebuilt": "otherwise"}, "Before update 3 the candidate makes 1 parameter"),
    ("optimizer-state-not-carried", REBUILT, {"rebuilt_carries": False}, "before update 3 lacks state of 1 parameter"),
    ("accumulation-changed-midway", PLAIN, {"more_from": 3}, "From update 3 on the candidate accumulates over 3"),
    ("accumulation-changed-midway", replace(PLAIN, more_from=3), {"more_from": 5}, "over 2 micro-steps, not over 3"),
    ("optimizer-class", PLAIN, {"optimizer": "Adam"}, "is Adam, the reference's AdamW"),
    ("scheduler-per-micro-step", PLAIN, {"rate": lambda s: RATE(2 * s), "scheduler_steps": 2}, "at every micro-step"),
    ("scheduler-cadence", PLAIN, {"rate": lambda s: RATE(3 * s), "scheduler_steps": 3}, "24 times in 8 updates"),
    ("loss-not-scaled", PLAIN, {"scaler": None, "unsaved": ("scaler",)}, "18 in the reference, 0 in the candidate"),
    ("loss-scale", PLAIN, {"scaler": 128.0}, "by 128.0, the reference by 64.0"),
    ("clip-before-unscale", PLAIN, {"clip_scale": 64.0, "gradient_scale": 64.0}, "1.0 in the reference, 64.0"),
    ("clip-norm", PLAIN, {"clip_by": 0.5}, "gradients and limit are the same"),
    ("average-not-updated", replace(PLAIN, average="0.9"), {"average": "still"}, "never moves"),
    ("average-differs", replace(PLAIN, average="0.9"), {"average": "0.99"}, "averages the weights otherwise"),
    ("changed-after-step", replace(PLAIN, mask="half"), {"mask": "none"}, "leaves weights as its step left them"),
    ("changed-after-step", PLAIN, {"mask": "half"}, "changes weights after its step, where the reference leaves them"),
    ("changed-after-step", replace(PLAIN, mask="half"), {"mask": "third"}, "in another way"),
    ("running-statistics", replace(PLAIN, momentum=0.1), {"momentum": 0.2}, "norm.running_mean"),
    ("targets-cut", replace(PLAIN, targets=128), {"targets": 124}, "other targets, 4 fewer"),
    ("evaluation-draws", PRIVATE, {"eval_moves": True}, "move the random numbers"),
    ("draws-between-forwards", PLAIN, {"draws_between": True}, "updates that draw outside the model: 0"),
    ("printed-loss-of-one-micro-step", replace(PLAIN, prints_sum=True), {"prints_sum": False}, "The candidate prints"),
    ("printed-loss-of-one-micro-step", PLAIN, {"prints_sum": True}, "The reference prints the loss of the last"),
    ("printed-loss-of-interval", SELDOM, {"prints_mean": True}, "The candidate prints the mean loss since the line"),
    ("printed-loss-of-interval", replace(SELDOM, prints_mean=True), {"prints_mean": False}, "The reference prints the"),
    ("default-differs", UNTOLD, TOLD_OTHERWISE, "accumulation: 2 in the reference, 4 in the candidate"),
    ("default-differs", UNTOLD, {**TOLD_OTHERWISE, "command": "train.py --lr=1"}, "neither command line names them"),
    ("evaluation-unweighted", replace(PLAIN, eval_weights=(4.0, 1.0)), {"eval_weights": ()}, "the plain mean"),
    ("perplexity-formula", replace(PLAIN, perplexity="e"), {"perplexity": "2"}, "a power of 2, the reference's of e"),
    ("perplexity-formula", replace(PLAIN, perplexity="e"), {"perplexity": "means"}, "mean of the perplexities"),
    ("share-of-all-positions", CORE, {"accuracy": "all"}, "The candidate counts 'accuracy' over all 256 positions"),
    ("share-of-all-positions", Training(accuracy="all"), {"accuracy": "core"}, "times 256, all numbers of the ref"),
    ("size-before-rebuilding", WIDENED, {"width": "before"}, "before it was rebuilt: 48 in place of 96"),
    ("figure-differs", Training(figure="squares"), {"figure": "sums"}, "computes 'spread' otherwise"),
    ("figure-differs", PLAIN, {"tokens": lambda _: 777}, "computes 'tokens per iteration will be' otherwise"),
    ("figure-differs", PLAIN, {"printed_loss": 0.3}, "the same throughout: the content of a training batch"),
    ("schedule-counter-shifted", Training(updates=14, **counting(anew(7))), counting(int), "counts 7 updates ahead"),
    ("schedule-counter-shifted", Training(**counting(int)), counting(lambda s: s + 20), "20 updates ahead from"),
    ("rate-of-a-new-optimizer", WIDENED, {"rate": lambda s: 1e-3 if s == 3 else RATE(s)}, "differ in updates 3, and"),
    ("sequence-limit", Training(limit=31), {"limit": 32}, "cuts long sequences at 32, the reference at 31"),
    ("sequence-limit", Training(limit=40), {"limit": 24}, "longest sequence: 40 in the reference, 24"),
    ("batches-mapped-otherwise", MAPPED, {"unmapped_from": 3}, "moving with the data: data.served"),
    ("draws-after-evaluation", DRAWING, {"draws_after": 2}, "all 4 batches of the evaluation before the first update"),
    ("buffer-not-updated", replace(PLAIN, momentum=0.1), {"momentum": None}, "never changes 1 buffer"),
    ("evaluation-differs", PRIVATE, {"eval_model": "average"}, "the whole training, are the same"),
    ("forward-differs", PLAIN, {"model": "other"}, "equal until then: weights, batches, random state and mode"),
    ("loss-differs", PLAIN, {"extra_loss": 0.25}, "another loss, though its model returns the same"),
    ("loss-differs", replace(PLAIN, returns=False), {"extra_loss": 0.25}, "what the models return was not compared"),
    ("targets-differ", replace(PLAIN, target="labels", returns=False), {"target": "sorted"}, "target '0', update 0"),
    ("targets-differ", replace(PLAIN, target="labels"), {"target": "sorted"}, "equal until then: weights and batches"),
    ("backward-differs", PLAIN, {"gradient_scale": 2.0}, "gradient_norm, update 0"),
    ("update-differs", PLAIN, {"rule": "adam"}, "parameter 'wte.weight', update 0"),
    ("evaluation-only-ignored", Training(evaluates_only=True), {"evaluates_only": False}, "9 updates where"),
    ("checkpoint-in-place", Training(moves=True), {"moves": False}, "The candidate writes its checkpoints in place"),
    ("checkpoint-not-written", Training(moves=True), {"saved_until": 0}, "never writes ckpt.pt"),
    ("metrics-not-reported", TRACKED, {"metrics": ("val/loss",)}, "never reports train/loss"),
    ("metrics-not-reported", TRACKED, {"metrics": ("val/loss", "train")}, "by the candidate alone: train"),
    ("schedule-setting-differs", WARMED, {"warmup": lambda _: 5, "rate": warm_cosine(5)}, "warmup 5 in place of 4"),
    ("schedule-setting-differs", WARMED, {"warmup": since(2, 4, 6), "rate": rising_to_six}, "update 1 and later: 4.0"),
    ("event-displaced", Training(event=5), {"event": 3}, "does 2 updates earlier what it calls 'operation widen: iter"),
    ("event-displaced", Training(event=3), {"event": 4}, "does 1 update later"),
    ("loss-not-scaled", Training(option="float16"), {"option": "bfloat16", "scaler": None}, "config 'model.dtype'"),
]

# rule, reference, what the candidate does differently: a difference, but not this one
NEAR_MISSES = [
    (interruption.interrupt_unhandled, STOPPED, {"exit_status": 1}),
    (interruption.interrupt_ignored, PLAIN, {"updates": 12}),
    (interruption.interrupt_ignored, STOPPED, {"on_signal": "leaves"}),
    (interruption.emergency_checkpoint_missing, PLAIN, {"saved_until": 4}),
    (interruption.emergency_checkpoint_missing, STOPPED, {"saved_until": 0}),
    (interruption.interrupt_status, PLAIN, {"exit_status": 1}),
    (charts.chart_blank, CHARTED, {"chart": "x 'Epoch'"}),
    (charts.chart_missing, CHARTED, {"charted_until": 4, "exit_status": 1}),
    (charts.chart_changed, CHARTED, {"chart": "blank"}),
    (charts.chart_numbers, CHARTED, {"curve": "accuracy", "seed": 1}),
    (saving.last_checkpoint_missing, STOPPED, {"saved_until": 0}),
    (saving.state_missing, PLAIN, {"saved_until": 4}),
    (order.batches_reordered, PRIVATE, {"skipped": (0,)}),
    (order.batches_reordered, PLAIN, {"order": lambda at: at + 100}),
    (order.batches_elsewhere, PLAIN, {"order": lambda at: 23 - at}),
    (order.batches_elsewhere, PLAIN, {"draws_before": 1, "order": lambda at: at + 100}),
    (order.batches_by_another_generator, PLAIN, {"seed": 1}),
    (order.batches_by_another_generator, replace(PLAIN, generator="numpy"), {"order": lambda at: at + 100}),
    (order.batch_argument, replace(PLAIN, labels="right"), {"order": lambda at: at + 100}),
    (order.batch_argument, PLAIN, {"order": lambda at: at + 100}),
    (buffers.buffer_initialisation, replace(PLAIN, table=1), {"table": 2, "seed": 1}),
    (stored.keys_renamed, PLAIN, {"unsaved": ("rng",)}),
    (stored.content_differs, PLAIN, {"saves": "average", "seed": 1}),
    (saving.counter_shifted, PLAIN, {"rate": lambda step: RATE(step + 1)}),
    (occurrence.checkpoint_cadence, PLAIN, {"saves_also": (2,)}),
    (occurrence.checkpoint_cadence, PLAIN, {"files": ("ckpt.pt", "ckpt.pt")}),
    (occurrence.checkpoint_not_written, PLAIN, {"saves_also": (2,)}),
    (occurrence.checkpoint_not_written, PLAIN, {"unsaved": ("rng",)}),
    (occurrence.checkpoint_added, PLAIN, {"saved_until": 4}),
    (occurrence.checkpoint_added, PLAIN, {"counter": 1}),
    (occurrence.checkpoint_content_moved, PLAIN, {"unsaved": ("rng",)}),
    (occurrence.checkpoint_content_moved, PLAIN, {"saves_also": (2,)}),
    (restarts.warmup_after_restart, LONG, {"rate": warm_cosine(horizon=12)}),
    (restarts.warmup_after_restart, LONG, {"rate": step_decay}),
    (restarts.warmup_after_restart, PLAIN, {"rate": warmup_from_zero}),
    (restarts.warmup_after_restart, RESTARTED, {"rate": lambda step: 0.5 * restarting(5, 2)(step)}),
    (displaced.evaluation_displaced, PLAIN, {"eval_every": 8}),
    (displaced.evaluation_displaced, PLAIN, {"eval_every": 3}),
    (displaced.evaluation_displaced, PLAIN, {"eval_batches": 3}),
    (contents.samples_behind_indices, PRIVATE, {"rows": "shuffled"}),
    (contents.samples_behind_indices, LOADED, {"seed": 1}),
    (contents.samples_behind_indices, LOADED, {"skipped": (0,)}),
    (contents.samples_behind_indices, LOADED, {"loader_seeds": (7, 9), "rows": "shuffled"}),
    (saving.counter_shifted, PLAIN, {"described": "None"}),
    (saving.description_differs, PLAIN, {"counter": 1}),
    (saving.description_differs, PLAIN, {"described": "None", "seed": 1}),
    (arithmetic.arithmetic_switched, PLAIN, {"gpu": False, "clip": 0.5}),
    (accumulation.accumulation_not_divided_by_world, PLAIN, {"micro_steps": 4}),
    (accumulation.accumulation_not_divided_by_world, TWO, {"micro_steps": 12}),
    (accumulation.accumulation_not_divided_by_world, TWO, {"batch_size": 8}),
    (accumulation.accumulation_divisor, replace(PLAIN, micro_steps=4), {"loss_scale": 3.0}),
    (accumulation.accumulation_divisor, replace(PLAIN, micro_steps=4), {"loss_scale": 4.0, "seed": 1}),
    (accumulation.accumulation_divisor, replace(PLAIN, micro_steps=1), {"loss_scale": 2.0}),
    (accumulation.accumulation_divisor, PLAIN, {"micro_steps": 4}),
    (accumulation.accumulation_divisor, PLAIN, {"output_scale": 2.0}),
    (accumulation.gradients_not_cleared, replace(PLAIN, clears=False), {"clip": None}),
    (accumulation.gradients_cleared_within_update, PLAIN, {"gradient_scale": 2.0}),
    (accumulation.gradients_cleared_within_update, replace(PLAIN, micro_steps=3), {"zero_calls": 2, "clip": 0.5}),
    (accumulation.world_size_scale, PLAIN, {"gradient_scale": 2.0}),
    (accumulation.world_size_scale, TWO, {"gradient_scale": 3.0}),
    (accumulation.world_size_scale, TWO, {"gradient_scale": 2.0, "seed": 1}),
    (accumulation.world_size_scale, TWO, {"micro_steps": 2}),
    (accumulation.world_size_scale, TWO, {"output_scale": 2.0}),
    (schedule.learning_rate_zero_at_start, replace(PLAIN, rate=warmup_from_zero), {"rate": lambda s: s / 100}),
    (schedule.learning_rate_zero_at_start, PLAIN, {"rate": lambda step: RATE(step + 1)}),
    (warmup.warmup_unit_changed, STEPS, {**SHARE, "config": (("warmup_pct", "0.5"),)}),
    (warmup.warmup_unit_changed, STEPS, {**SHARE, "config": (("warmup_steps", "4"),)}),
    (warmup.warmup_unit_changed, STEPS, {**SHARE, "config": (*STEPS.config, ("warmup_pct", "x"))}),
    (warmup.warmup_unit_changed, replace(STEPS, config=(("warmup_pct", "0.0"),)), SHARE),
    (warmup.warmup_unit_changed, replace(STEPS, config=(("warmup_steps", "3"),)), SHARE),
    (schedule.learning_rate_constant, replace(PLAIN, rate=lambda _: 1e-3), {"rate": lambda _: 2e-3}),
    (schedule.learning_rate_constant, PLAIN, {"rate": lambda step: RATE(min(step, 6))}),
    (schedule.learning_rate_constant, replace(PLAIN, updates=1), {"rate": lambda _: 1e-3}),
    (schedule.learning_rate_shifted, PLAIN, {"rate": lambda step: RATE(step + 4)}),
    (schedule.learning_rate_shifted, PLAIN, {"rate": lambda step: RATE(step + 1) + 1e-9 * (step == 5)}),
    (schedule.learning_rate_shifted, replace(PLAIN, updates=3), {"rate": lambda step: RATE(step + 1)}),
    (schedule.learning_rate_scaled, PLAIN, {"rate": lambda step: RATE(step) * (0.7 if step < 8 else 0.6)}),
    (schedule.learning_rate_scaled, PLAIN, {"rate": warmup_from_zero}),
    (schedule.schedule_horizon, PLAIN, {"rate": lambda step: RATE(5 * step)}),
    (schedule.schedule_horizon, PLAIN, {"rate": lambda _: 1e-3}),
    (schedule.schedule_horizon, replace(PLAIN, rate=linear_decay), {"rate": step_decay, "seed": 1, "updates": 1}),
    (schedule.schedule_warmup, PLAIN, {"rate": lambda step: RATE(step + 1)}),
    (schedule.schedule_warmup, LONG, {"rate": warm_cosine(horizon=12)}),
    (optimizer.decay_group_membership, PLAIN, {"decay": 0.0}),
    (optimizer.decay_group_membership, PLAIN, {"decay": 0.2}),
    (optimizer.optimizer_hyperparameter, PLAIN, {"decayed": tuple(SHAPES)}),
    (optimizer.optimizer_membership, PLAIN, {"decayed": tuple(SHAPES)}),
    (optimizer.optimizer_membership, PLAIN, {"fails_in": 0}),
    (data.sequence_length, PLAIN, {"batch_size": 2}),
    (data.sequence_length, PLAIN, {"batch_size": 2, "length": 31}),
    (data.sequence_length, PLAIN, {"length": 31, "eval_length": 16}),
    (data.batch_size, PLAIN, {"length": 31}),
    (stream.batches_shifted, PRIVATE, {"skipped": tuple(range(9))}),
    (stream.batches_shifted, PRIVATE, {"skipped": (0, 5, 9, 14)}),
    (stream.batches_shifted, PRIVATE, {"seed": 1}),
    (stream.batches_shifted, PRIVATE, {"micro_steps": 4}),
    (stream.batches_repeated, replace(PRIVATE, repeats=(6,)), {"repeats": ()}),
    (stream.batches_repeated, PRIVATE, {"skipped": (6,)}),
    (stream.batches_repeated, replace(PRIVATE, one_batch_per_update=True), {"skipped": (2,)}),
    (evaluation.evaluation_order, PLAIN, {"eval_every": 8}),
    (evaluation.evaluation_order, PRIVATE, {"shared_stream": True}),
    (evaluation.evaluation_order, PLAIN, {"initial": ("wte.weight",)}),
    (printed.evaluation_one_split_twice, replace(PLAIN, prints=("val", "val")), {"prints": ("train", "val")}),
    (printed.evaluation_one_split_twice, PLAIN, {"prints": ("val", "train")}),
    (printed.evaluation_one_split_twice, replace(PLAIN, prints=("val", "val")), {"initial": ("wte.weight",)}),
    (evaluation.evaluation_extra, PLAIN, {"eval_every": 8}),
    (evaluation.evaluation_extra, PLAIN, {"updates": 14}),
    (evaluation.evaluation_missing, PLAIN, {"eval_every": 1}),
    (evaluation.evaluation_missing, PLAIN, {"updates": 8}),
    (evaluation.evaluation_missing, PLAIN, {"fails_in": 4}),
    (evaluation.evaluation_ranks, TWO, {"eval_every": 8}),
    (evaluation.evaluation_ranks, TWO, {"eval_every": 0}),
    (evaluation.mode_left_in_eval, replace(PLAIN, stays_in_eval=True), {"stays_in_eval": False}),
    (evaluation.evaluation_in_train_mode, replace(PLAIN, eval_mode=1), {"eval_mode": 0}),
    (clipping.clip_missing, replace(PLAIN, clip=None), {"seed": 1}),
    (clipping.clip_missing, PLAIN, {"fails_in": 0}),
    (clipping.clip_added, PLAIN, {"clip": 0.75}),
    (clipping.clip_limit, PLAIN, {"clip": None}),
    (printed.tokens_formula, TWO, {"tokens": lambda _: 777}),
    (printed.tokens_formula, PLAIN, {"micro_steps": 4}),
    (printed.printed_loss_scale, PLAIN, {"printed_loss": 0.3}),
    (printed.printed_loss_scale, PLAIN, {"loss_scale": 0.5}),
    (lifecycle.updates_missing, PLAIN, {"fails_in": 5}),
    (lifecycle.updates_missing, PLAIN, {"seed": 1}),
    (lifecycle.options_rejected, PLAIN, {"fails_in": 3, "error": "ValueError: Unknown config key: a"}),
    (
        lifecycle.options_rejected,
        PLAIN,
        {"fails_in": 0, "error": "TypeError: f() got an unexpected keyword argument 'a'"},
    ),
    (tables.table_file_missing, PLAIN, {"tables": ("metrics.json", "samples.json"), "seed": 1}),
    (tables.table_file_missing, PLAIN, {"fails_in": 5}),
    (lifecycle.failure_hidden, PLAIN, {**HIDDEN, "hides": False}),
    (lifecycle.failure_hidden, PLAIN, {**HIDDEN, "says": "no space left on device"}),
    (lifecycle.failure_hidden, replace(PLAIN, **HIDDEN), {"seed": 1}),
    (lifecycle.no_model_trained, PLAIN, {"updates": 1}),
    (lifecycle.no_model_trained, PLAIN, {**HIDDEN, "fails_in": 0}),
    (lifecycle.candidate_failed, replace(PLAIN, exit_status=3), {"exit_status": 0}),
    (lifecycle.candidate_failed, PLAIN, {"updates": 8}),
    (lifecycle.seed_or_initialisation, PLAIN, {"initial": ("wte.weight",)}),
    (lifecycle.seed_or_initialisation, PLAIN, {"clip": 0.75}),
    (lifecycle.seed_or_initialisation, PLAIN, {"eval_batches": 3}),
    (lifecycle.parameter_initialisation, PLAIN, {"seed": 1}),
    (weighting.token_weighting, PLAIN, {"loss_scale": 3.0}),
    (weighting.token_weighting, PLAIN, {"shares": (0.75, 0.5)}),
    (weighting.token_weighting, PLAIN, {"shares": (0.75, 0.25), "seed": 1}),
    (weighting.loss_over_padding, PLAIN, {"loss_scale": 0.5}),
    (weighting.loss_over_padding, PLAIN, {"loss_scale": 0.7}),
    (weighting.loss_over_padding, PLAIN, {"loss_scale": 5 / 8, "seed": 1}),
    (grouping.accumulation_steps, TWO, {"micro_steps": 2}),
    (grouping.accumulation_steps, PLAIN, {"short": (2,)}),
    (grouping.accumulation_across_epochs, PLAIN, {"micro_steps": 3}),
    (grouping.accumulation_across_epochs, replace(PLAIN, short=(2,)), {"short": (3,)}),
    (grouping.loader_makeup, PRIVATE, {"seed": 1}),
    (structure.parameters_untied, replace(PLAIN, tied=True), {"fails_in": BEFORE_RECORDING}),
    (structure.parameters_untied, PLAIN, {"left_out": ("ln.bias",)}),
    (structure.parameter_frozen, PLAIN, {"left_out": ("ln.bias",)}),
    (structure.parameter_set, PLAIN, {"frozen": ("ln.bias",)}),
    (structure.parameter_set, PLAIN, {"initial": ("wte.weight",)}),
    (structure.parameter_set, PLAIN, {"fails_in": BEFORE_RECORDING}),
    (rebuilding.network_rebuilt_otherwise, REBUILT, {"initial": ("wte.weight",)}),
    (rebuilding.network_rebuilt_otherwise, REBUILT, {"rebuilt_carries": False}),
    (rebuilding.optimizer_state_not_carried, REBUILT, {"rebuilt": "otherwise", "rebuilt_carries": False}),
    (rebuilding.optimizer_state_not_carried, REBUILT, {"betas": (0.9, 0.999)}),
    (rebuilding.accumulation_changed_midway, PLAIN, {"short": (3,)}),
    (rebuilding.accumulation_changed_midway, PLAIN, {"micro_steps": 3}),
    (structure.optimizer_class, PLAIN, {"betas": (0.9, 0.999)}),
    (cadence.scheduler_cadence, PLAIN, {"scheduler_steps": 2}),
    (cadence.scheduler_cadence, PLAIN, {"rate": lambda step: RATE(2 * step)}),
    (scaling.loss_not_scaled, PLAIN, {"scaler": 128.0}),
    (scaling.loss_not_scaled, PLAIN, {"fails_in": 0}),
    (scaling.loss_not_scaled, PLAIN, {"updates": 6}),
    (scaling.loss_scale, PLAIN, {"scaler": 128.0, "seed": 1}),
    (scaling.loss_scale, PLAIN, {"loss_scale": 2.0}),
    (scaling.clip_before_unscale, PLAIN, {"gradient_scale": 64.0}),
    (scaling.clip_norm, PLAIN, {"gradient_scale": 2.0}),
    (scaling.clip_norm, PLAIN, {"clip": 0.75}),
    (afterwards.changed_after_step, replace(PLAIN, mask="half"), {"clip": 0.75}),
    (averages.average, replace(PLAIN, average="0.9"), {"clip": 0.75}),
    (averages.running_statistics, replace(PLAIN, momentum=0.1), {"seed": 1}),
    (targets.targets_cut, replace(PLAIN, targets=128), {"seed": 1}),
    (targets.targets_cut, replace(PLAIN, target="labels"), {"target": "sorted"}),
    (draws.evaluation_draws, PRIVATE, {"draws_before": 3}),
    (draws.evaluation_draws, replace(PRIVATE, eval_moves=True), {"eval_moves": False}),
    (draws.draws_between_forwards, PRIVATE, {"eval_moves": True}),
    (draws.draws_between_forwards, replace(PLAIN, draws_between=True), {"seed": 1}),
    (reported.printed_loss_of_one_micro_step, PLAIN, {"printed_loss": 0.3}),
    (reported.printed_loss_of_one_micro_step, PLAIN, {"prints_sum": True, "seed": 1}),
    (reported.printed_loss_of_interval, SELDOM, {"printed_loss": 0.3}),
    (reported.printed_loss_of_interval, SELDOM, {"prints_mean": True, "seed": 1}),
    (defaults.default_differs, UNTOLD, {**TOLD_OTHERWISE, "command": "train.py --accumulation 4"}),
    (defaults.default_differs, UNTOLD, {**TOLD_OTHERWISE, "micro_steps": 3}),
    (defaults.default_differs, UNTOLD, {"micro_steps": 4}),
    (defaults.default_differs, UNTOLD, {**TOLD_OTHERWISE, "loads": True}),
    (reported.evaluation_unweighted, PLAIN, {"prints": ("val", "train")}),
    (reported.evaluation_unweighted, replace(PLAIN, eval_weights=(4.0, 1.0)), {"eval_weights": (3.0, 1.0)}),
    (reported.perplexity_formula, replace(PLAIN, perplexity="e"), {"seed": 1}),
    (reported.perplexity_formula, replace(PLAIN, perplexity="e"), {"eval_weights": (4.0, 1.0)}),
    (figures.share_of_all_positions, CORE, {"accuracy": "all", "clip": 0.75}),
    (figures.share_of_all_positions, Training(figure="squares"), {"figure": "sums"}),
    (figures.size_before_rebuilding, PLAIN, {"tokens": lambda _: 777}),
    (figures.size_before_rebuilding, replace(WIDENED, width="before"), {"width": "now"}),
    (figures.figure_differs, TWO, {"tokens": bare_tokens}),
    (figures.figure_differs, CORE, {"accuracy": "all"}),
    (figures.figure_differs, Training(figure="squares"), {"figure": "sums", "clip": 0.75}),
    (figures.figure_differs, CHARTED, {"curve": "accuracy"}),
    (origins.schedule_counter_shifted, LONG, {"rate": warm_cosine(horizon=12)}),
    (origins.schedule_counter_shifted, Training(position=int), {"position": lambda s: 2 * s, "rate": RATE}),
    (origins.schedule_counter_shifted, Training(position=int), {"position": anew(5)}),
    (origins.rate_of_a_new_optimizer, PLAIN, {"rate": lambda s: 1e-3 if s == 3 else RATE(s)}),
    (origins.rate_of_a_new_optimizer, WIDENED, {"rate": lambda s: 1e-3 if s in (3, 5) else RATE(s)}),
    (data.sequence_limit, PLAIN, {"length": 31}),
    (data.sequence_limit, Training(limit=31), {"limit": 32, "seed": 1}),
    (mapping.batches_mapped_otherwise, PLAIN, {"unmapped_from": 3}),
    (mapping.batches_mapped_otherwise, MAPPED, {"order": lambda at: at + 100}),
    (mapping.batches_mapped_otherwise, MAPPED, {"skipped": (0,)}),
    (draws.draws_after_evaluation, DRAWING, {"seed": 1}),
    (draws.draws_after_evaluation, replace(DRAWING, world=2), {"draws_after": 2, "disturbed": (1,)}),
    (draws.draws_after_evaluation, PRIVATE, {"draws_before": 3}),
    (draws.draws_after_evaluation, PRIVATE, {"eval_moves": True}),
    (buffers.buffer_not_updated, replace(PLAIN, momentum=0.1), {"momentum": 0.2}),
    (buffers.buffer_not_updated, replace(PLAIN, momentum=0.1), {"momentum": None, "clip": 0.75}),
    (lifecycle.evaluation_only_ignored, PLAIN, {"updates": 12}),
    (lifecycle.evaluation_only_ignored, Training(updates=0), {"updates": 9}),
    (saving.checkpoint_in_place, Training(moves=True), {"saved_until": 4}),
    (saving.checkpoint_in_place, Training(moves=True), {"files": ("ckpt.pt", "ckpt.pt")}),
    (tracked.metrics_not_reported, TRACKED, {"metrics": ()}),
    (tracked.metrics_not_reported, TRACKED, {"eval_every": 8}),
    (tracked.metrics_not_reported, TRACKED, {"metrics": (*TRACKED.metrics, "more")}),
    (origins.schedule_setting_differs, WARMED, {"rate": warm_cosine(warmup=5)}),
    (origins.schedule_setting_differs, WARMED, {"warmup": int, "rate": warm_cosine(warmup=5)}),
    (origins.schedule_setting_differs, WARMED, {"warmup": since(6, 4, 5), "rate": warm_cosine(warmup=5)}),
    (displaced.event_displaced, Training(event=5), {"event": None}),
    (displaced.event_displaced, Training(event=5), {"event": 7, "seed": 1}),
    (displaced.event_displaced, WARMED, {"warmup": lambda _: 5}),
    (localisation.evaluation_differs, PLAIN, {"eval_length": 31}),
    (localisation.evaluation_differs, PLAIN, {"model": "other"}),
    (localisation.first_difference, PLAIN, {"clip": 0.75}),
    (localisation.first_difference, PLAIN, {"betas": (0.9, 0.999)}),
    (localisation.first_difference, PLAIN, {"rate": lambda step: RATE(step + 1)}),
    (localisation.first_difference, PLAIN, {"initial": ("wte.weight",)}),
    (localisation.first_difference, PLAIN, {"tokens": lambda _: 777}),
    (localisation.first_difference, PLAIN, {"clip": None}),
]


# cause, the phase that alone differs where the candidate was followed, what the candidate does differently
FOLLOWED = [
    ("data-differs", Phase.DATA, {"skipped": (0,)}),
    ("forward-differs", Phase.FORWARD, {"model": "other"}),
    ("loss-differs", Phase.LOSS, {"extra_loss": 0.25}),
    ("backward-differs", Phase.BACKWARD, {"gradient_scale": 2.0}),
    ("clip-differs", Phase.CLIP, {"gradient_scale": 2.0}),
    ("update-differs", Phase.UPDATE, {"rule": "adam"}),
    ("state-differs", Phase.STATE, {"gradient_scale": 2.0}),
    ("evaluation-differs", Phase.EVAL, {"eval_length": 16}),
]


def judged(reference: Training, candidate: Training) -> Judgement:
    return judge(compare(reference.trace(), candidate.trace()))


def diagnosed(reference: Training, candidate: Training) -> Diagnosis:
    return diagnose(judged(reference, candidate), RULES)


def named(rows):
    return [pytest.param(*row, id=f"{getattr(row[0], 'name', row[0])}-{at}") for at, row in enumerate(rows)]


@pytest.mark.parametrize(("identifier", "reference", "change", "piece"), named(SYMPTOMS))
def test_cause_is_named_alone_and_explains_everything(identifier, reference, change, piece):
    judgement = judged(reference, replace(reference, **change))
    diagnosis = diagnose(judgement, RULES)
    assert [cause.id for cause in diagnosis.causes] == [identifier]
    assert diagnosis.unexplained == ()
    (cause,) = diagnosis.causes
    assert piece in "\n".join((cause.title, *cause.evidence))
    assert cause.consequence
    assert cause.advice
    order = [finding.id for finding in judgement.gating]
    assert list(cause.explains) == sorted(set(cause.explains), key=order.index)


@pytest.mark.parametrize(("rule", "reference", "change"), named(NEAR_MISSES))
def test_near_miss_is_left_alone(rule, reference, change):
    judgement = judged(reference, replace(reference, **change))
    assert judgement.gating, "a row without a difference proves nothing"
    assert rule(Case(judgement)) is None


@pytest.mark.parametrize(("identifier", "phase", "change"), FOLLOWED)
def test_the_phase_that_alone_differs_is_named(identifier, phase, change):
    judgement = judged(PRIVATE, replace(PRIVATE, **change))
    alone = replace(judgement, findings=tuple(one for one in judgement.gating if one.phase is phase))
    cause = localisation.first_phase(Case(alone, followed=True))
    assert cause is not None
    assert (cause.id, cause.explains) == (identifier, tuple(one.id for one in alone.gating))
    assert localisation.first_phase(Case(replace(judgement, findings=()), followed=True)) is None


def test_every_rule_has_a_symptom_and_a_near_miss():
    cases = [Case(judged(reference, replace(reference, **change))) for _, reference, change, _ in SYMPTOMS]
    # What needs a close-up, and what needs ranks that exchange, has a table of its own: test_model_causes,
    # test_rank_causes.
    between = {part.__name__ for part in (combining, ranks, sharding, synchronisation, waiting)}
    close = (model.parameters_transposed, model.operation_changed)
    rules = [rule for rule in RULES if rule not in close and rule.recognise.__module__ not in between]
    assert [rule.name for rule in rules if not any(rule(case) for case in cases)] == []
    assert {rule.name for rule in rules} == {rule.name for rule, _, _ in NEAR_MISSES}


@pytest.mark.parametrize("training", [PLAIN, TWO, PRIVATE, Training(updates=0)], ids=["one", "two", "private", "none"])
def test_identical_runs_have_no_cause(training):
    case = Case(judged(training, training))
    assert [rule.name for rule in RULES if rule(case) is not None] == []


@pytest.mark.parametrize(
    "change",
    [{"skipped": (0, 5, 9, 14)}, {"scheduler_steps": 2}],
    ids=["other batches", "a call without effect"],
)
def test_unknown_causes_stay_unknown(change):
    diagnosis = diagnosed(PRIVATE, replace(PRIVATE, **change))
    assert diagnosis.causes == ()
    assert len(diagnosis.unexplained) == diagnosis.total > 0


def test_independent_causes_are_both_named_each_with_its_own_findings():
    candidate = replace(TWO, tokens=bare_tokens, decayed=tuple(SHAPES), prints=("val", "val"))
    judgement = judged(TWO, candidate)
    diagnosis = diagnose(judgement, RULES)
    explained = {cause.id: set(cause.explains) for cause in diagnosis.causes}
    assert explained.keys() == {"tokens-formula", "decay-group-membership", "evaluation-one-split-twice"}
    assert not explained["tokens-formula"] & explained["decay-group-membership"]
    lines = {finding.id: finding for finding in judgement.gating if finding.channel.name == "log_value"}
    assert [lines[found].names[0].startswith("tokens") for found in explained["tokens-formula"]] == [True]
    assert diagnosis.unexplained == ()


def test_a_switch_that_nothing_heeds_claims_nothing_else():
    on_the_cpu = replace(PLAIN, gpu=False)
    diagnosis = diagnosed(on_the_cpu, replace(on_the_cpu, arithmetic="tf32", clip=0.5))
    assert [cause.id for cause in diagnosis.causes] == ["arithmetic-switched", "clip-limit"]
    assert len(diagnosis.causes[0].explains) == 1


def test_a_cause_does_not_claim_what_came_before_it():
    candidate = replace(PRIVATE, clip=0.75, skipped=(0, 5, 9, 14), tokens=lambda _: 777)
    judgement = judged(PRIVATE, candidate)
    diagnosis = diagnose(judgement, RULES)
    assert [cause.id for cause in diagnosis.causes] == ["clip-limit"]
    before = [finding.id for finding in judgement.gating if finding.first.moment < (0, int(Phase.CLIP), 0)]
    assert len(before) > 2
    assert set(before) <= set(diagnosis.unexplained)


def test_unequal_data_in_the_first_micro_step_is_not_blamed_on_the_accumulation():
    reference = replace(TWO, micro_steps=2)
    judgement = judged(reference, replace(reference, micro_steps=4, skipped=(0,)))
    case = Case(judgement)
    cause = accumulation.accumulation_not_divided_by_world(case)
    batches = [finding for finding in judgement.gating if finding.channel.name == "batch" and finding.update == 0]
    assert cause is not None
    assert any(finding.id not in cause.explains for finding in batches)


def test_evidence_holds_both_values_in_full():
    diagnosis = diagnosed(PLAIN, replace(PLAIN, rate=lambda step: RATE(step) * (1 + 1e-15)))
    (cause,) = diagnosis.causes
    assert cause.id == "learning-rate-scaled"
    assert f"{RATE(0)!r} in the reference, {RATE(0) * (1 + 1e-15)!r} in the candidate" in "\n".join(cause.evidence)


DEFECTS = [change for _, reference, change, _ in SYMPTOMS if reference in (PLAIN, TWO, PRIVATE)]


@pytest.mark.parametrize("number", range(60))
def test_every_mixture_of_defects_is_accounted_for(number):
    draw = random.Random(number)
    reference = draw.choice([PLAIN, TWO, PRIVATE, LONG])
    change = {key: value for defect in draw.sample(DEFECTS, 3) for key, value in defect.items()}
    judgement = judged(reference, replace(reference, **change))
    diagnosis = diagnose(judgement, RULES)
    gating = {finding.id for finding in judgement.gating}
    explained = {identifier for cause in diagnosis.causes for identifier in cause.explains}
    assert gating
    assert explained <= gating
    assert set(diagnosis.unexplained) == gating - explained
