"""Defects and harmless changes of family char_gpt in its data: the buffer of batches, the smaller vocabulary."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import SCRATCH, harmless, planted

BATCH_MANAGER: Final = "batch-manager"
REMAPPING: Final = "remapping"

_BATCHES: Final = "char_gpt/batches.py"
_CURRICULUM: Final = "char_gpt/curriculum.py"
_EVALUATION: Final = "char_gpt/evaluation.py"
_MANAGER: Final = "char_gpt/batch_manager.py"
_STREAM: Final = "char_gpt/stream.py"
_TRAINER: Final = "char_gpt/trainer.py"
_VOCABULARY: Final = "char_gpt/vocabulary.py"
_START: Final = "start=self._places.randint(0, max(0, len(tokens) - length)),"
_NEXT_START: Final = (
    "        length = BATCHES_PER_REFILL * self.batch_size * self.block_size\n"
    "        return list(\n            cut_batches(\n                tokens,\n                " + _START + "\n"
    "                batch_size=self.batch_size,\n                block_size=self.block_size,\n"
    "                count=BATCHES_PER_REFILL,\n            )\n        )\n"
)


DATA: Final = (
    planted(
        "batches-drawn-from-numpy",
        "batches-by-another-generator",
        SCRATCH,
        (-1, Phase.EVAL, "eval_batch"),
        (
            _BATCHES,
            _NEXT_START,
            (
                "        span = self.batch_size * self.block_size\n"
                "        starts = np.random.randint(0, len(tokens) - span, 5)\n"
                "        sizes = {'batch_size': self.batch_size, 'block_size': self.block_size, 'count': 1}\n"
                "        return [one for start in starts for one in cut_batches(tokens, start=int(start), **sizes)]\n"
            ),
        ),
        (_BATCHES, "import torch\n", "import numpy as np\nimport torch\n"),
    ),
    planted(
        "batches-cut-in-sequence",
        "batches-elsewhere",
        SCRATCH,
        (-1, Phase.EVAL, "eval_batch"),
        (_BATCHES, _START, "start=0,"),
    ),
    planted(
        "curriculum-unreachable",
        "batches-reordered",
        BATCH_MANAGER,
        (-1, Phase.EVAL, "eval_batch"),
        (_STREAM, "if curriculum_alpha != UNIFORM:", "if False:"),
    ),
    planted(
        "batches-scored-without-counts",
        "batches-reordered",
        BATCH_MANAGER,
        (-1, Phase.EVAL, "eval_batch"),
        (_CURRICULUM, "(counts * demand[ids]).sum()", "demand[ids].sum()"),
    ),
    planted(
        "worst-batch-first",
        "batches-reordered",
        BATCH_MANAGER,
        (-1, Phase.EVAL, "eval_batch"),
        (_MANAGER, ", reverse=True)", ")"),
    ),
    planted(
        "last-batch-first",
        "batches-reordered",
        SCRATCH,
        (-1, Phase.EVAL, "eval_batch"),
        (_MANAGER, "self._buffer.popleft()", "self._buffer.pop()"),
    ),
    planted(
        "first-shard-only",
        "batches-elsewhere",
        BATCH_MANAGER,
        (4, Phase.CHECKPOINT, "checkpoint_value"),
        (_BATCHES, "(self._next_shard + 1) % len(self._shards)", "0"),
    ),
    planted(
        "validation-drawn-from-numpy",
        "batches-by-another-generator",
        SCRATCH,
        (-1, Phase.EVAL, "eval_batch"),
        (
            _BATCHES,
            "starts = torch.randint(len(self._tokens) - self._block_size, (batch_size,)).tolist()",
            "starts = np.random.randint(0, len(self._tokens) - self._block_size, batch_size).tolist()",
        ),
        (_BATCHES, "import torch\n", "import numpy as np\nimport torch\n"),
    ),
    planted(
        "evaluation-not-remapped",
        "candidate-failed",
        REMAPPING,
        (-1, Phase.EVAL, "eval_batch"),
        (_EVALUATION, "    if remapping is not None and remapping.is_active:\n", "    if False:\n"),
    ),
    planted(
        "targets-not-remapped",
        "batch-argument",
        REMAPPING,
        (-1, Phase.EVAL, "eval_batch"),
        (
            _VOCABULARY,
            "self._vector[batch[0]], self._vector[batch[1]]",
            "self._vector[batch[0]], batch[1].clamp(max=39)",
        ),
    ),
    planted(
        "rare-token-counts-as-core",
        "share-of-all-positions",
        REMAPPING,
        (-1, Phase.LOG, "log_value"),
        (_VOCABULARY, "return targets != self._rare_token", "return targets >= 0"),
    ),
    planted(
        "vocabulary-not-shrunken",
        "parameter-set",
        REMAPPING,
        (-1, Phase.SETUP, "parameter_kind"),
        (
            "char_gpt/start.py",
            "config.vocabulary.shrunken_vocab_size or data_vocabulary_size(config)",
            "data_vocabulary_size(config)",
        ),
    ),
)

BENIGN_DATA: Final = (
    harmless(
        "scores-weighted-the-other-way-round",
        BATCH_MANAGER,
        (_CURRICULUM, "float((counts * demand[ids]).sum().item())", "demand[ids].mul(counts).sum().item()"),
    ),
    harmless(
        "remapped-before-the-forward",
        REMAPPING,
        (
            _TRAINER,
            '        with self.timer.section("forward_pass"), ',
            '        batch = self._run.remapped(self.next_batch)\n        with self.timer.section("forward_pass"), ',
        ),
        (_TRAINER, "self.learner.model(*self._run.remapped(self.next_batch))", "self.learner.model(*batch)"),
    ),
    harmless(
        "remapped-by-index-select",
        REMAPPING,
        (
            _VOCABULARY,
            "return self._vector[batch[0]], self._vector[batch[1]]",
            "inputs, targets = (torch.take(self._vector, ids) for ids in batch)\n        return inputs, targets",
        ),
    ),
    harmless(
        "frequencies-in-another-order",
        BATCH_MANAGER,
        (
            _CURRICULUM,
            "(1 - alpha) * corpus + alpha * self._uniform",
            "alpha * self._uniform + (1 - alpha) * corpus",
        ),
    ),
)
