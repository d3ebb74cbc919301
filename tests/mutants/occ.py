"""The table of mutants and benign variants of family occ, by pair. Where ``cause`` is empty, none is known as yet."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import ASKED_TO_SPREAD, DEFAULT_WARMUP, FROM_THE_HUB, Benign, Edit, Mutant

_ENGINE: Final = "occ/engine.py"
_START: Final = "occ/start.py"
_SEEDED: Final = "    seed(options.seed, rank=world.rank)\n"
_INVARIANT: Final = "occ/losses/order_invariant.py"

MIXER: Final = (
    Mutant(
        id="warmup-default-5pct",
        edits=(),
        scenario=DEFAULT_WARMUP,
        update=0,
        phase=Phase.LR,
        channel="lr",
        cause="warmup-unit-changed",
    ),
    Mutant(
        id="warmup-option-overruled",
        edits=(Edit(file="occ/schedule.py", old="int(total * share)", new="int(total * max(share, 0.05))"),),
        update=0,
        phase=Phase.LR,
        channel="lr",
        cause="learning-rate-zero-at-start",
    ),
    Mutant(
        id="final-save",
        edits=(Edit(file=_ENGINE, old="if self.plan.saves_at_end and step", new="if step"),),
        update=19,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_file",
        cause="checkpoint-added",
    ),
    Mutant(
        id="each-epoch-disables-interval",
        edits=(
            Edit(
                file=_ENGINE,
                old="        if step % self.plan.save_interval == 0:",
                new="        if step % len(self.training) == 0:",
            ),
        ),
        update=4,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_file",
        cause="checkpoint-cadence",
    ),
    Mutant(
        id="label-ids-sorted",
        edits=(
            Edit(
                file="occ/tables.py",
                old="    return key\n\n\ndef prepare",
                new="    return {code: label for label, code in enumerate(sorted(key))}\n\n\ndef prepare",
            ),
        ),
        update=0,
        phase=Phase.LOSS,
        channel="target",
        cause="targets-differ",
    ),
    Mutant(
        id="formatter-block-size",
        edits=(
            Edit(
                file="occ/formatters.py",
                old="block_size=DIGITS_OF[name]",
                new='block_size=vars({"hisco": DIGITS_OF}[name])',
            ),
        ),
        scenario="occ1950",
        update=-1,
        phase=Phase.EXIT,
        channel="exception",
        cause="candidate-failed",
    ),
    Mutant(
        id="unused-candidates-allowed",
        edits=(
            Edit(
                file=_INVARIANT,
                old="is_excluded=is_unused",
                new="is_excluded=torch.zeros_like(is_unused)",
            ),
        ),
        update=0,
        phase=Phase.LOSS,
        channel="loss",
        cause="model-operation-changed",
    ),
    Mutant(
        id="steps-shifted",
        edits=(Edit(file="occ/losses/blocks.py", old="logits = logits.to(", new="logits = logits.roll(1, 1).to("),),
        update=0,
        phase=Phase.LOSS,
        channel="loss",
        cause="model-operation-changed",
    ),
    Mutant(
        id="padding-masked",
        edits=(Edit(file="occ/model.py", old="(given == PAD).float()", new="(given == PAD).float() * -1e9"),),
        update=0,
        phase=Phase.LOSS,
        channel="loss",
        cause="model-operation-changed",
    ),
    Mutant(
        id="tf32-on",
        edits=(
            Edit(
                file="occ/both_heads.py",
                old=_SEEDED,
                new=f"{_SEEDED}    torch.backends.cuda.matmul.allow_tf32 = True\n"
                '    torch.set_float32_matmul_precision("high")\n'
                "    torch.backends.cudnn.benchmark = True\n",
            ),
        ),
        update=0,
        phase=Phase.SETUP,
        channel="arithmetic",
        cause="arithmetic-switched",
    ),
)

_LOADED: Final = "    saved = _load(path)\n    weights: dict"

HUB: Final = (
    Mutant(
        id="hub-weights-undefined-name",
        edits=(
            Edit(
                file="occ/checkpoint.py",
                old=_LOADED,
                new=_LOADED.replace(
                    "_load(path)", '_load(hub_path) if path.parent.name == "occ-canine-v1" else _load(path)'
                ),
            ),
        ),
        scenario=FROM_THE_HUB,
        update=-1,
        phase=Phase.EXIT,
        channel="exception",
        cause="candidate-failed",
    ),
)

BENIGN_HUB: Final = (
    Benign(
        id="hub-weights-through-a-name",
        edits=(
            Edit(
                file="occ/checkpoint.py",
                old=_LOADED,
                new=_LOADED.replace("saved = _load(path)", "hub_path = path\n    saved = _load(hub_path)"),
            ),
        ),
        scenario=FROM_THE_HUB,
    ),
)

FINETUNE: Final = (
    Mutant(
        id="train-rows-shuffled",
        edits=(
            Edit(
                file="occ/tables.py",
                old="[row for number, row in enumerate(rows) if number not in is_drawn])",
                new="[rows[n] for n in np.random.RandomState(42).permutation(len(rows)) if n not in is_drawn])",
            ),
        ),
        update=0,
        phase=Phase.DATA,
        channel="batch",
        cause="samples-behind-indices",
    ),
    Mutant(
        id="loader-flags-ignored",
        edits=(
            Edit(file=_START, old="options.pin_memory", new="True"),
            Edit(file=_START, old="options.prefetch_factor", new="4 if options.num_workers else None"),
            Edit(file=_START, old="options.persistent_workers", new="options.num_workers > 0"),
        ),
        update=-1,
        phase=Phase.SETUP,
        channel="config",
        cause="loaders-as-configured",
    ),
    Mutant(
        id="dead-dist-flags",
        edits=(
            Edit(
                file="occ/arguments.py",
                old='    parser.add_argument("--use-amp"',
                new='    parser.add_argument("--distributed", action="store_true")\n'
                '    parser.add_argument("--local_rank", type=int, default=0)\n'
                '    parser.add_argument("--world-size", type=positive, default=1)\n'
                '    parser.add_argument("--use-amp"',
            ),
        ),
        scenario=ASKED_TO_SPREAD,
        update=-1,
        phase=Phase.SETUP,
        channel="config",
        cause="ranks-as-configured",
    ),
)

DDP: Final = (
    Mutant(
        id="eval-on-shard",
        edits=(
            Edit(
                file="occ/loaders.py",
                old="self._loader(dataset, sampler=None, shuffle=False, drop_last=False)",
                new="self._loader(dataset, sampler=DistributedSampler(dataset), shuffle=False, drop_last=False)",
            ),
        ),
        scenario="world-2",
        update=1,
        phase=Phase.EVAL,
        channel="eval_batch",
        cause="evaluation-missing",
    ),
    Mutant(
        id="ddp-scaling-undeclared",
        edits=(
            Edit(
                file="occ/start.py",
                old="linear_schedule(optimizer, warmup=warmup, total=total_steps)",
                new="linear_schedule(optimizer, warmup=warmup, total=total_steps * world.size)",
            ),
        ),
        scenario="world-2",
        update=1,
        phase=Phase.LR,
        channel="lr",
        cause="schedule-horizon",
    ),
)

_NODES_OF_TWO: Final = Edit(
    file="common/distributed.py",
    old='local_rank=int(environment["LOCAL_RANK"]),',
    new='local_rank=int(environment["LOCAL_RANK"]) % 2,',
)
"""The third rank of three is then the first one of a second machine."""

NODES: Final = (
    Mutant(
        id="main-is-local-rank-0",
        edits=(
            _NODES_OF_TWO,
            Edit(file="common/distributed.py", old="return self.rank == 0", new="return self.local_rank == 0"),
        ),
        scenario="world-3",
        update=1,
        phase=Phase.EVAL,
        channel="eval_forwards",
        cause="evaluation-on-more-ranks",
    ),
    Mutant(
        id="sampler-rank-is-local",
        edits=(_NODES_OF_TWO, Edit(file="occ/loaders.py", old="rank=world.rank", new="rank=world.local_rank")),
        scenario="world-3",
        update=0,
        phase=Phase.DATA,
        channel="batch",
        cause="shards-overlap",
    ),
)

BENIGN_NODES: Final = (Benign(id="two-machines", edits=(_NODES_OF_TWO,), scenario="world-3"),)

BENIGN: Final = (
    # What a run prints does not count against parity, its numbers do.
    Benign(
        id="flat-acc-percent-sign",
        edits=(Edit(file=_ENGINE, old="{found['flat_acc']:.4f}", new="{found['flat_acc']:.4f}%"),),
    ),
    Benign(
        id="float32-exact-as-before",
        edits=(
            Edit(
                file="occ/both_heads.py",
                old=_SEEDED,
                new=f'{_SEEDED}    torch.set_float32_matmul_precision("highest")\n'
                "    torch.backends.cudnn.benchmark = False\n",
            ),
        ),
    ),
    Benign(
        id="transfers-wait",
        edits=(Edit(file="occ/evaluation.py", old="tensor.to(device, non_blocking=True)", new="tensor.to(device)"),),
    ),
    Benign(
        id="losses-in-another-module",
        edits=(
            Edit(
                file="occ/losses/__init__.py",
                old="from trainers.occ.losses.order_invariant import",
                new="from trainers.occ.losses.invariant import",
            ),
            Edit(file="occ/losses/order_invariant.py -> occ/losses/invariant.py", old="", new="", times=0),
        ),
    ),
    Benign(
        id="progress-on-standard-error",
        edits=(
            Edit(
                file="common/progress.py",
                old="stream if stream.isatty() else None",
                new="stream",
            ),
        ),
    ),
    Benign(
        id="interval-counted-by-division",
        edits=(
            Edit(
                file=_ENGINE,
                old="        if step % self.plan.save_interval == 0:",
                new="        if step // self.plan.save_interval > (step - 1) // self.plan.save_interval:",
            ),
        ),
    ),
)

BENIGN_FINETUNE: Final = (
    Benign(
        id="train-rows-shuffled-and-sorted-again",
        edits=(
            Edit(
                file="occ/tables.py",
                old="[row for number, row in enumerate(rows) if number not in is_drawn])",
                new=(
                    "[rows[n] for n in sorted(np.random.RandomState(42).permutation(len(rows))) if n not in is_drawn])"
                ),
            ),
        ),
    ),
)
