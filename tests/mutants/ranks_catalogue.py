"""The table of mutants of a data-parallel script: what goes wrong only where there are several ranks."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.ranks import edit, planted
from tests.mutants.rows import Mutant

_MICRO: Final = "micro = ACCUMULATION // world\n"
_LOSS: Final = "loss = model(inputs, targets) / micro\n"
_CLIP: Final = "    nn.utils.clip_grad_norm_(model.parameters(), CLIP)\n"
_SYNC: Final = "nullcontext() if part == micro - 1 else model.no_sync()"
_SAMPLER: Final = "sampler = DistributedSampler(training_data, seed=order[0])"
_EVALUATION: Final = "loss = evaluate(net, validation)\n"
_REDUCTION: Final = "    dist.all_reduce(total)\n"
_SAVE: Final = "        if update % INTERVAL == INTERVAL - 1:\n            torch.save"

ACCUMULATION: Final = (
    planted(
        "ranks-accumulation-not-divided",
        "accumulation-not-divided-by-world",
        (0, Phase.DATA, "micro_steps"),
        edit(_MICRO, "micro = ACCUMULATION\n"),
    ),
    planted(
        "ranks-accumulation-divided-twice",
        "accumulation-not-divided-by-world",
        (0, Phase.DATA, "micro_steps"),
        edit(_MICRO, "micro = ACCUMULATION // world // world\n"),
    ),
    planted(
        "ranks-one-rank-accumulates-more",
        "micro-steps-apart",
        (0, Phase.DATA, "micro_steps"),
        edit(_MICRO, "micro = ACCUMULATION // world + (rank == world - 1)\n"),
    ),
    planted(
        "ranks-tokens-without-world",
        "tokens-formula",
        (-1, Phase.LOG, "log_value"),
        edit("{micro * world * BATCH", "{micro * BATCH"),
    ),
    planted(
        "ranks-loss-times-world",
        "world-size-scale",
        (0, Phase.LOSS, "loss"),
        edit(_LOSS, "loss = model(inputs, targets) / micro * world\n"),
    ),
    planted(
        "ranks-loss-divided-by-world",
        "world-size-scale",
        (0, Phase.LOSS, "loss"),
        edit(_LOSS, "loss = model(inputs, targets) / ACCUMULATION\n"),
    ),
)

GRADIENTS: Final = (
    planted(
        "ranks-gradients-divided-once-more",
        "world-size-scale",
        (0, Phase.BACKWARD, "gradient_norm"),
        edit(_CLIP, f"    for each in model.parameters():\n        each.grad /= world\n{_CLIP}"),
    ),
    planted(
        "ranks-gradients-summed-by-hand",
        "world-size-scale",
        (0, Phase.BACKWARD, "gradient_norm"),
        edit(_SYNC, "model.no_sync()"),
        edit(_CLIP, f"    for each in model.parameters():\n        dist.all_reduce(each.grad)\n{_CLIP}"),
    ),
    planted(
        "ranks-no-sync-on-every-micro-step",
        "gradients-not-synchronised",
        (0, Phase.BACKWARD, "gradient_norm"),
        edit(_SYNC, "model.no_sync()"),
    ),
    planted(
        "ranks-sync-on-every-micro-step",
        "synchronised-every-micro-step",
        (0, Phase.BACKWARD, "gradient"),
        edit(_SYNC, "nullcontext()"),
    ),
    planted(
        "ranks-forward-past-the-wrapper",
        "forward-past-the-wrapper",
        (0, Phase.BACKWARD, "gradient_norm"),
        edit(_LOSS, "loss = model.module(inputs, targets) / micro\n"),
    ),
    planted(
        "ranks-wrapped-in-another-group",
        "gradients-not-synchronised",
        (0, Phase.BACKWARD, "gradient_norm"),
        edit("model = DistributedDataParallel(net)", "model = DistributedDataParallel(net, process_group=alone)"),
        edit("torch.manual_seed(SEED)\n", "alone, _ = dist.new_subgroups(1)\ntorch.manual_seed(SEED)\n"),
    ),
    planted(
        "ranks-clip-on-the-first-only",
        "clip-on-fewer-ranks",
        (0, Phase.CLIP, "clip_calls"),
        edit(_CLIP, f"    if rank == 0:\n    {_CLIP}"),
    ),
    planted(
        "ranks-clip-before-the-reduction",
        "clip-before-reduction",
        (0, Phase.BACKWARD, "gradient_norm"),
        edit(_SYNC, "model.no_sync()"),
        edit(
            _CLIP,
            f"{_CLIP}    for each in model.parameters():\n        dist.all_reduce(each.grad)\n"
            "        each.grad /= world\n",
        ),
    ),
)

BEGINNING: Final = (
    planted(
        "ranks-all-seeded-alike",
        "ranks-seeded-alike",
        (0, Phase.DATA, "rng"),
        edit("torch.manual_seed(SEED + rank)", "torch.manual_seed(SEED)"),
    ),
    planted(
        "ranks-initialised-after-wrapping",
        "ranks-begin-apart",
        (-1, Phase.SETUP, "parameter_initial"),
        edit("torch.manual_seed(SEED + rank)\n", "torch.manual_seed(SEED + rank)\nnet.head.reset_parameters()\n"),
    ),
    planted(
        "ranks-buffers-not-broadcast",
        "buffers-not-broadcast",
        (1, Phase.STATE, "buffer"),
        edit("DistributedDataParallel(net)", "DistributedDataParallel(net, broadcast_buffers=False)"),
    ),
    planted(
        "ranks-broadcast-from-the-last",
        "sampler-seed",
        (0, Phase.DATA, "batch"),
        edit("broadcast_object_list(order, src=0)", "broadcast_object_list(order, src=world - 1)"),
    ),
)

DATA: Final = (
    planted(
        "ranks-epoch-never-set",
        "sampler-epoch-not-set",
        (1, Phase.DATA, "batch"),
        edit("        sampler.set_epoch(epoch)\n", ""),
    ),
    planted(
        "ranks-all-see-the-first-shard",
        "shards-overlap",
        (0, Phase.DATA, "batch"),
        edit(_SAMPLER, "sampler = DistributedSampler(training_data, world, 0, seed=order[0])"),
    ),
    planted(
        "ranks-without-shards",
        "shards-overlap",
        (0, Phase.DATA, "batch"),
        edit(_SAMPLER, "sampler = DistributedSampler(training_data, 1, 0, seed=order[0])"),
    ),
    planted(
        "ranks-shards-overlap-at-their-edges",
        "samples-per-epoch",
        (0, Phase.DATA, "batch"),
        edit(
            _SAMPLER,
            "size = len(training_data) // world\n"
            "part = Subset(training_data, range(max(0, rank * size - 4), (rank + 1) * size))\n"
            "sampler = DistributedSampler(part, 1, 0, seed=order[0])",
        ),
        edit("DataLoader(training_data,", "DataLoader(part,"),
    ),
    planted(
        "ranks-samples-lost-in-a-division",
        "samples-per-epoch",
        (0, Phase.DATA, "batch"),
        edit(
            _SAMPLER,
            "part = Subset(training_data, range(len(training_data) // (world * 8) * world * 8))\n"
            "sampler = DistributedSampler(part, seed=order[0])",
        ),
        edit("DataLoader(training_data,", "DataLoader(part,"),
    ),
    planted(
        "ranks-sampler-counts-too-many-ranks",
        "samples-per-epoch",
        (0, Phase.DATA, "tokens"),
        edit(_SAMPLER, "sampler = DistributedSampler(training_data, world * 2, rank, seed=order[0])"),
    ),
)

EVALUATION: Final = (
    planted(
        "ranks-evaluation-padded",
        "evaluation-padded",
        (-1, Phase.EVAL, "eval_batch_shape"),
        edit(
            "own = Subset(validation_data, range(rank, len(validation_data), world))\n"
            "validation = DataLoader(own, batch_size=BATCH)",
            "own = DistributedSampler(validation_data, shuffle=False)\n"
            "validation = DataLoader(validation_data, batch_size=BATCH, sampler=own)",
        ),
    ),
    planted(
        "ranks-evaluation-of-one-shard",
        "evaluation-not-reduced",
        (-1, Phase.LOG, "log_value"),
        edit(_REDUCTION, ""),
    ),
    planted(
        "ranks-evaluation-reduced-in-another-group",
        "evaluation-not-reduced",
        (-1, Phase.LOG, "log_value"),
        edit(_REDUCTION, "    dist.all_reduce(total, group=alone)\n"),
        edit("torch.manual_seed(SEED)\n", "alone, _ = dist.new_subgroups(1)\ntorch.manual_seed(SEED)\n"),
    ),
    planted(
        "ranks-evaluation-gathered-with-padding",
        "evaluation-mean-of-means",
        (-1, Phase.LOG, "log_value"),
        edit(
            _REDUCTION,
            "    means = [torch.zeros(2) for _ in range(world)]\n"
            "    dist.all_gather(means, total / total[1])\n"
            "    total = sum(means)\n",
        ),
    ),
    planted(
        "ranks-evaluation-on-the-master",
        "evaluation-on-fewer-ranks",
        (-1, Phase.EVAL, "eval_forwards"),
        edit(_EVALUATION, "loss = evaluate(net, validation) if rank == 0 else 0.0\n"),
        edit(_REDUCTION, ""),
        edit(
            "own = Subset(validation_data, range(rank, len(validation_data), world))",
            "own = validation_data",
        ),
    ),
    planted(
        "ranks-evaluation-known-to-the-master",
        "learning-rates-apart",
        (1, Phase.LR, "lr"),
        edit(
            "    return (total[0] / total[1]).item()",
            "    return (total[0] / total[1]).item() if rank == 0 else math.inf",
        ),
    ),
)

SCHEDULE: Final = (
    planted(
        "ranks-scheduler-stepped-by-each",
        "scheduler-cadence",
        (1, Phase.LR, "lr"),
        edit("    scheduler.step()\n", "    for _ in range(world):\n        scheduler.step()\n"),
    ),
    planted(
        "ranks-rate-times-world",
        "learning-rate-scaled",
        (0, Phase.LR, "lr"),
        edit("lr=RATE,", "lr=RATE * world,"),
    ),
    planted(
        "ranks-warmup-times-world",
        "schedule-warmup",
        (0, Phase.LR, "lr"),
        edit("    if step < WARMUP:", "    if step < WARMUP * world:"),
        edit("(step + 1) / (WARMUP + 1)", "(step + 1) / (WARMUP * world + 1)"),
    ),
)

DUTIES: Final = (
    planted(
        "ranks-all-write-the-checkpoint",
        "checkpoint-on-more-ranks",
        (3, Phase.CHECKPOINT, "checkpoint_file"),
        edit(_SAVE, "    if True:\n    " + _SAVE.removeprefix("    ")),
    ),
    planted(
        "ranks-the-last-writes-the-checkpoint",
        "checkpoint-on-other-ranks",
        (3, Phase.CHECKPOINT, "checkpoint_file"),
        edit(_SAVE, "    if rank == world - 1:\n    " + _SAVE.removeprefix("    ")),
    ),
    planted(
        "ranks-file-read-before-it-is-written",
        "read-before-written",
        # The master is ended before it has left anything behind.
        (-1, Phase.SETUP, "world_size"),
        edit("    write_data(args", "    __import__('time').sleep(9)\n    write_data(args"),
        edit('"data.pt")\ndist.barrier()\n', '"data.pt")\n'),
    ),
    planted(
        "ranks-barrier-on-the-master-only",
        "ranks-deadlock",
        (-1, Phase.EXIT, "exception"),
        edit(
            _SAVE, "        if update % INTERVAL == INTERVAL - 1:\n            dist.barrier()\n            torch.save"
        ),
    ),
    planted(
        "ranks-one-rank-leaves-early",
        "ranks-deadlock",
        (-1, Phase.EXIT, "exception"),
        edit("for update in range(UPDATES):", "for update in range(UPDATES - rank):"),
    ),
)

RANKS: Final[tuple[Mutant, ...]] = (
    *ACCUMULATION,
    *GRADIENTS,
    *BEGINNING,
    *DATA,
    *EVALUATION,
    *SCHEDULE,
    *DUTIES,
)
