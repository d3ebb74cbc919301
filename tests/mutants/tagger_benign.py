"""Harmless changes of the tagger."""

from typing import Final

from tests.mutants.rows import Benign, Edit
from tests.mutants.tagger import FAMILY, clamped, edit


def harmless(name: str, *edits: Edit) -> Benign:
    """A row of the tagger."""
    return Benign(id=name, edits=edits, family=FAMILY)


TAGGER_BENIGN: Final = (
    harmless("zero-grad-keeps-tensors", edit("optimizer.zero_grad()", "optimizer.zero_grad(set_to_none=False)")),
    harmless("zero-grad-of-the-model", edit("optimizer.zero_grad()", "model.zero_grad()")),
    harmless("optimizer-one-by-one", edit("weight_decay=0.1)", "weight_decay=0.1, foreach=False)")),
    harmless("optimizer-all-at-once", edit("weight_decay=0.1)", "weight_decay=0.1, foreach=True)")),
    harmless(
        "loader-with-a-worker",
        edit("torch.Generator().manual_seed(3))", "torch.Generator().manual_seed(3), num_workers=1)"),
    ),
    harmless(
        "draws-after-the-last-consumer",
        edit('torch.save({"model"', 'torch.randn(3)\ntorch.save({"model"'),
    ),
    harmless(
        "layers-in-a-list",
        edit(
            "        self.narrow = nn.Linear(2 * WIDTH, WIDTH)\n        self.dropout = nn.Dropout(0.1)\n",
            "        self.rest = nn.Sequential(nn.GELU(), nn.Linear(2 * WIDTH, WIDTH), nn.Dropout(0.1))\n",
        ),
        edit("self.dropout(self.narrow(F.gelu(self.widen(x))))", "self.rest(self.widen(x))"),
    ),
    harmless(
        "loss-as-a-module",
        edit(
            "F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)",
            "nn.CrossEntropyLoss(ignore_index=PAD)(logits.flatten(0, 1), targets.flatten())",
        ),
    ),
    harmless(
        "reshape-for-flatten",
        edit("logits.flatten(0, 1), targets.flatten()", "logits.reshape(-1, WORDS), targets.reshape(-1)"),
    ),
    harmless(
        "arguments-by-name",
        edit("        loss = model(ids, ids)\n", "        loss = model(ids, labels=ids)\n"),
    ),
    harmless(
        "clip-of-a-list",
        edit("clip_grad_norm_(model.parameters(), 0.5)", "clip_grad_norm_(list(model.parameters()), max_norm=0.5)"),
    ),
    harmless(
        "groups-in-a-dictionary",
        edit("AdamW(model.parameters(), lr", 'AdamW([{"params": list(model.parameters())}], lr'),
    ),
    harmless(
        "schedule-as-a-function",
        edit(
            "    optimizer, lambda at: (at + 1) / (WARMUP + 1) if at < WARMUP else 0.9 ** (at - WARMUP)\n",
            "    optimizer, rate\n",
        ),
        edit(
            "scheduler = torch.optim",
            "\n\ndef rate(at: int) -> float:\n"
            "    if at < WARMUP:\n        return (at + 1) / (WARMUP + 1)\n"
            "    return 0.9 ** (at - WARMUP)\n\n\nscheduler = torch.optim",
        ),
    ),
    harmless(
        "average-by-add",
        edit(
            "        for kept, new in zip(average.parameters(), model.parameters()):\n"
            "            kept.lerp_(new, 0.1)\n",
            "        torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 0.1)\n",
        ),
    ),
    harmless(
        "updates-seldom-printed",
        edit('    print(f"step {step}: loss', '    if step % 2 == 0:\n        print(f"step {step}: loss'),
    ),
    harmless("counted-by-torch", edit("int((ids[:, 1:] != PAD).sum())", "int(torch.count_nonzero(ids[:, 1:]))")),
    harmless(
        "configuration-in-a-dataclass",
        edit(
            "BATCH, MICRO_STEPS, EPOCHS, WARMUP, OVERFLOW = 4, 2, 4, 3, 7\n",
            "from dataclasses import dataclass\n\n\n@dataclass(frozen=True)\nclass Config:\n"
            "    batch: int = 4\n    micro_steps: int = 2\n    epochs: int = 4\n\n\nCONFIG = Config()\n"
            "BATCH, MICRO_STEPS, EPOCHS, WARMUP, OVERFLOW = CONFIG.batch, CONFIG.micro_steps, CONFIG.epochs, 3, 7\n",
        ),
    ),
    harmless("weights-clamped-beyond-their-reach", edit("    seen += total\n", clamped(1000.0))),
    harmless(
        "inference-mode-in-evaluation",
        edit("@torch.no_grad()\ndef evaluate", "@torch.inference_mode()\ndef evaluate"),
    ),
    harmless(
        "type-hints",
        edit("def learn(ids, total):\n", "def learn(ids: torch.Tensor, total: int) -> float:\n"),
        edit("def update(batches):\n", "def update(batches: list[torch.Tensor]) -> None:\n"),
    ),
    harmless(
        "batches-from-an-iterator",
        edit(
            "    for (ids,) in data:\n        waiting.append(ids)\n",
            "    batches = iter(data)\n"
            "    while (batch := next(batches, None)) is not None:\n"
            "        waiting.append(batch[0])\n",
        ),
    ),
)
