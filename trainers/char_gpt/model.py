"""The network: a GPT whose input and output embeddings are one matrix.

Modules are made, and parameters initialised, in a fixed order: it decides which random numbers each of them gets. The
names of the parameters are those of the checkpoints.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from trainers.char_gpt.architecture import Architecture
from trainers.char_gpt.attention import CausalSelfAttention
from trainers.char_gpt.lora import TRAINED, LowRankEmbedding, merged_state, unmerged_names, with_rank
from trainers.common.metrics import transformer_flops_per_token

INITIAL_DEVIATION = 0.02
IGNORED_TARGET = -1


class LayerNorm(nn.Module):
    """Layer norm whose bias can be left out."""

    def __init__(self, width: int, *, bias: bool) -> None:
        """Normalise over the last dimension, ``width`` channels."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (..., width) to (..., width)."""
        return functional.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class MLP(nn.Module):
    """Two linear layers with a GELU between them, applied to each position."""

    def __init__(self, architecture: Architecture) -> None:
        """Make the layers; ``c_fc`` widens, ``c_proj`` comes back to the residual stream."""
        super().__init__()
        self.c_fc = nn.Linear(architecture.n_embd, architecture.hidden_size, bias=architecture.bias)
        self.gelu = nn.GELU()
        self.c_proj = nn.Linear(architecture.hidden_size, architecture.n_embd, bias=architecture.bias)
        self.dropout = nn.Dropout(architecture.dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, T, C) to (B, T, C)."""
        y: torch.Tensor = self.dropout(self.c_proj(self.gelu(self.c_fc(x))))
        return y


class Block(nn.Module):
    """Attention and MLP, each added to the residual stream after a layer norm of its input."""

    def __init__(self, architecture: Architecture) -> None:
        """Make the four parts."""
        super().__init__()
        self.ln_1 = LayerNorm(architecture.n_embd, bias=architecture.bias)
        self.attn = CausalSelfAttention(architecture)
        self.ln_2 = LayerNorm(architecture.n_embd, bias=architecture.bias)
        self.mlp = MLP(architecture)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, T, C) to (B, T, C)."""
        x = x + self.attn(self.ln_1(x))
        y: torch.Tensor = x + self.mlp(self.ln_2(x))
        return y


class Transformer(nn.Module):
    """Token ids to the final residual stream."""

    def __init__(self, architecture: Architecture) -> None:
        """Make the embeddings and blocks; with rotary embeddings there is no position table."""
        super().__init__()
        self.wte = with_rank(
            nn.Embedding(architecture.vocab_size, architecture.n_embd),
            rank=architecture.token_rank,
            alpha=architecture.lora_alpha,
        )
        self.wpe: nn.Embedding | None = None
        if not architecture.use_rotary_embeddings:
            self.wpe = nn.Embedding(architecture.block_size, architecture.n_embd)
        self.drop = nn.Dropout(architecture.dropout)
        self.h = nn.ModuleList([Block(architecture) for _ in range(architecture.n_layer)])
        self.ln_f = LayerNorm(architecture.n_embd, bias=architecture.bias)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Map (B, T) to (B, T, C)."""
        x = self.wte(ids)
        if self.wpe is not None:
            x = x + self.wpe(torch.arange(ids.size(1), device=ids.device))
        x = self.drop(x)
        for block in self.h:
            x = block(x)
        y: torch.Tensor = self.ln_f(x)
        return y


class GPT(nn.Module):
    """The whole network."""

    def __init__(self, architecture: Architecture) -> None:
        """Make all modules, tie the embeddings and draw the initial weights from the global generator."""
        super().__init__()
        self.architecture = architecture
        self.transformer = Transformer(architecture)
        self.lm_head = nn.Linear(architecture.n_embd, architecture.vocab_size, bias=False)
        self.tie_embeddings()
        self.apply(_initialise)
        # each layer adds twice to the residual stream, whose variance should not grow with depth
        residual_deviation = INITIAL_DEVIATION / math.sqrt(2 * architecture.n_layer)
        for name, parameter in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(parameter, mean=0.0, std=residual_deviation)

    def forward(
        self, ids: torch.Tensor, targets: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Predict the next token of each position.

        Args:
            ids: token ids, (B, T).
            targets: the next tokens, (B, T); -1 is not counted.

        Returns:
            Logits (B, T, V) and the mean cross-entropy in nats. Without targets, the logits of the last position
            (B, 1, V), which is what sampling needs, and None.
        """
        assert ids.size(1) <= self.architecture.block_size, "a sequence longer than the block size"
        x = self.transformer(ids)
        if targets is None:
            return self.lm_head(x[:, [-1], :]), None
        logits = self.lm_head(x)
        loss = functional.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=IGNORED_TARGET)
        return logits, loss

    def tie_embeddings(self) -> None:
        """Let one matrix read tokens and predict them; where a low-rank addition freezes it, it is frozen for both."""
        embedding = self.token_embedding
        self.lm_head.weight.requires_grad_(embedding.weight.requires_grad)
        embedding.weight = self.lm_head.weight

    @property
    def token_embedding(self) -> nn.Embedding:
        """The token embedding without its low-rank addition."""
        layer = self.transformer.wte
        embedding = layer.main_weight if isinstance(layer, LowRankEmbedding) else layer
        assert isinstance(embedding, nn.Embedding), "tokens are read by an embedding"
        return embedding

    def merged_state(self) -> dict[str, torch.Tensor]:
        """Return the state dict of a model without low-rank additions.

        It computes the same, but for the output layer where the token embedding has an addition: they stay one matrix.
        """
        state = merged_state(self)
        state["lm_head.weight"] = state["transformer.wte.weight"]
        return state

    def load_merged_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take the weights of a model without low-rank additions; additions stay as they are."""
        missing, unexpected = self.load_state_dict(unmerged_names(state, self), strict=False)
        left = [name for name in missing if not name.endswith(TRAINED)]
        assert not left, f"no weights for {left}"
        assert not unexpected, f"no place for {unexpected}"

    @torch.no_grad()
    def resize_vocabulary(self, size: int, *, source: int, noise: float) -> None:
        """Add tokens that begin near the token ``source``, at normal distances of deviation ``noise`` per channel."""
        self.lm_head.weight = nn.Parameter(_grown(self.lm_head.weight, size, source=source, noise=noise))
        layer = self.transformer.wte
        if isinstance(layer, LowRankEmbedding):
            layer.lora_A = nn.Parameter(_grown(layer.lora_A, size, source=source, noise=0.0))
        self.tie_embeddings()
        self.token_embedding.num_embeddings = self.lm_head.out_features = size
        self.architecture = dataclasses.replace(self.architecture, vocab_size=size)

    def blocks(self) -> list[Block]:
        """The blocks in order."""
        return [block for block in self.transformer.h if isinstance(block, Block)]

    def parameter_count(self) -> int:
        """Parameters without the position table, which multiplies nothing."""
        total = sum(parameter.numel() for parameter in self.parameters())
        position_table = self.transformer.wpe
        return total if position_table is None else total - position_table.weight.numel()

    def flops_per_token(self) -> int:
        """Floating-point operations per trained token."""
        shape = self.architecture
        return transformer_flops_per_token(
            parameters=self.parameter_count(),
            layers=shape.n_layer,
            heads=shape.n_head,
            head_size=shape.head_size,
            block_size=shape.block_size,
        )

    def crop_block_size(self, block_size: int) -> None:
        """Forget the positions from ``block_size`` on."""
        assert block_size <= self.architecture.block_size, "cropping cannot add positions"
        self.architecture = dataclasses.replace(self.architecture, block_size=block_size)
        position_table = self.transformer.wpe
        if position_table is not None:
            position_table.weight = nn.Parameter(position_table.weight.detach()[:block_size].clone())


def _grown(rows: torch.Tensor, size: int, *, source: int, noise: float) -> torch.Tensor:
    """Return ``rows`` and behind them noisy copies of row ``source``, ``size`` in all."""
    copies = rows[source].expand(size - rows.size(0), -1)
    return torch.cat((rows, copies + noise * torch.randn_like(copies)))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, mean=0.0, std=INITIAL_DEVIATION)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
