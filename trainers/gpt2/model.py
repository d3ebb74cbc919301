"""The network: GPT-2, whose input and output embeddings are one matrix.

Modules are made, and parameters initialised, in a fixed order: it decides which random numbers each of them gets. The
names of the parameters are those of the checkpoints.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from trainers.gpt2.architecture import Architecture

INITIAL_DEVIATION = 0.02
IGNORED_TARGET = -1


class CausalSelfAttention(nn.Module):
    """Each position attends to itself and the ones before it."""

    def __init__(self, architecture: Architecture) -> None:
        """Make the two projections; ``c_attn`` yields query, key and value side by side."""
        super().__init__()
        width = architecture.n_embd
        self.c_attn = nn.Linear(width, 3 * width, bias=architecture.bias)
        self.c_proj = nn.Linear(width, width, bias=architecture.bias)
        self.resid_dropout = nn.Dropout(architecture.dropout)
        self.heads = architecture.n_head
        self.head_size = architecture.head_size
        self.dropout = architecture.dropout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, T, C) to (B, T, C)."""
        batch, length, width = x.size()
        query, key, value = (
            part.view(batch, length, self.heads, self.head_size).transpose(1, 2)
            for part in self.c_attn(x).split(width, dim=2)
        )
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        side_by_side = mixed.transpose(1, 2).contiguous().view(batch, length, width)
        projected: torch.Tensor = self.resid_dropout(self.c_proj(side_by_side))
        return projected


class MLP(nn.Module):
    """Two linear layers with a GELU between them, applied to each position."""

    def __init__(self, architecture: Architecture) -> None:
        """Make the layers; inside there are four times as many channels."""
        super().__init__()
        self.c_fc = nn.Linear(architecture.n_embd, 4 * architecture.n_embd, bias=architecture.bias)
        self.gelu = nn.GELU()
        self.c_proj = nn.Linear(4 * architecture.n_embd, architecture.n_embd, bias=architecture.bias)
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
        self.ln_1 = nn.LayerNorm(architecture.n_embd, bias=architecture.bias)
        self.attn: nn.Module = CausalSelfAttention(architecture)
        self.ln_2 = nn.LayerNorm(architecture.n_embd, bias=architecture.bias)
        self.mlp: nn.Module = MLP(architecture)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, T, C) to (B, T, C)."""
        x = x + self.attn(self.ln_1(x))
        y: torch.Tensor = x + self.mlp(self.ln_2(x))
        return y


class Transformer(nn.Module):
    """Token ids to the final residual stream."""

    def __init__(self, architecture: Architecture) -> None:
        """Make the embeddings and blocks."""
        super().__init__()
        self.wte = nn.Embedding(architecture.vocab_size, architecture.n_embd)
        self.wpe = nn.Embedding(architecture.block_size, architecture.n_embd)
        self.drop = nn.Dropout(architecture.dropout)
        self.h = nn.ModuleList([Block(architecture) for _ in range(architecture.n_layer)])
        self.ln_f = nn.LayerNorm(architecture.n_embd, bias=architecture.bias)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Map (B, T) to (B, T, C)."""
        x = self.drop(self.wte(ids) + self.wpe(torch.arange(ids.size(1), device=ids.device)))
        for block in self.h:
            x = block(x)
        y: torch.Tensor = self.ln_f(x)
        return y


class GPT2(nn.Module):
    """The whole network."""

    def __init__(self, architecture: Architecture) -> None:
        """Make all modules, tie the embeddings and draw the initial weights from the global generator."""
        super().__init__()
        self.architecture = architecture
        self.transformer = Transformer(architecture)
        self.lm_head = nn.Linear(architecture.n_embd, architecture.vocab_size, bias=False)
        self.transformer.wte.weight = self.lm_head.weight
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

        Raises:
            ValueError: the sequence is longer than the block size.
        """
        if ids.size(1) > self.architecture.block_size:
            raise ValueError(f"a sequence of {ids.size(1)} tokens, expected at most {self.architecture.block_size}")
        x = self.transformer(ids)
        if targets is None:
            return self.lm_head(x[:, [-1], :]), None
        logits = self.lm_head(x)
        loss = functional.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=IGNORED_TARGET)
        return logits, loss

    def parameter_count(self) -> int:
        """Parameters without the position table, which multiplies nothing."""
        return sum(parameter.numel() for parameter in self.parameters()) - self.transformer.wpe.weight.numel()


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, mean=0.0, std=INITIAL_DEVIATION)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
