"""Harmless changes of a data-parallel script: they must not gate."""

from typing import Final

from tests.mutants.ranks import edit, harmless
from tests.mutants.rows import Benign

_WRAPPED: Final = "model = DistributedDataParallel(net)"
_CLIP: Final = "    nn.utils.clip_grad_norm_(model.parameters(), CLIP)\n"


def _with(options: str) -> tuple[str, str]:
    return _WRAPPED, f"model = DistributedDataParallel(net, {options})"


BENIGN_RANKS: Final[tuple[Benign, ...]] = (
    harmless("ranks-unused-parameters-looked-for", edit(*_with("find_unused_parameters=True"))),
    harmless("ranks-small-buckets", edit(*_with("bucket_cap_mb=0.0001"))),
    harmless("ranks-gradients-are-bucket-views", edit(*_with("gradient_as_bucket_view=True"))),
    harmless(
        "ranks-wrapped-by-a-helper",
        edit(_WRAPPED, "model = wrap(net)"),
        edit("def write_data", "def wrap(module):\n    return DistributedDataParallel(module)\n\n\ndef write_data"),
    ),
    harmless("ranks-gradients-kept-and-zeroed", edit("zero_grad()", "zero_grad(set_to_none=False)")),
    harmless(
        # What DistributedDataParallel does first is to give all ranks the weights of rank 0.
        "ranks-initialised-apart-and-wrapped",
        edit("torch.manual_seed(SEED)\n", "torch.manual_seed(SEED + rank)\n"),
    ),
    harmless(
        "ranks-averages-averaged-again",
        edit(
            _CLIP,
            "    for each in model.parameters():\n        dist.all_reduce(each.grad)\n        each.grad /= world\n"
            + _CLIP,
        ),
    ),
    harmless("ranks-one-more-barrier", edit("optimizer.zero_grad()\n", "optimizer.zero_grad()\n    dist.barrier()\n")),
    harmless("ranks-sampler-drops-nothing", edit("seed=order[0])", "seed=order[0], drop_last=True)")),
    harmless(
        "ranks-evaluation-gathered",
        edit(
            "    dist.all_reduce(total)\n",
            "    totals = [torch.zeros(2) for _ in range(world)]\n"
            "    dist.all_gather(totals, total)\n"
            "    total = sum(totals)\n",
        ),
    ),
    harmless(
        "ranks-sync-by-attribute",
        edit("nullcontext() if part == micro - 1 else model.no_sync():", "nullcontext():"),
        edit(
            "            loss = model(",
            "            model.require_backward_grad_sync = part == micro - 1\n            loss = model(",
        ),
    ),
)
