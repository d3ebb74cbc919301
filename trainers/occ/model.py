"""The networks: one encoder with a decoder and a linear head, or with a linear head only.

The names of the parameters are those of the checkpoints that are about; they cannot be changed.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from trainers.occ.encoders import TINY, load_encoder
from trainers.occ.formatters import PAD

MAX_STEPS = 512


class PositionalEncoding(nn.Module):
    """Sines and cosines, added to embeddings."""

    table: torch.Tensor

    def __init__(self, *, width: int, dropout: float) -> None:
        """Tabulate ``MAX_STEPS`` positions of ``width`` channels."""
        super().__init__()
        frequency = torch.exp(-torch.arange(0, width, 2) * math.log(10000) / width)
        angle = torch.arange(MAX_STEPS)[:, None] * frequency
        table = torch.zeros(MAX_STEPS, width)
        table[:, 0::2] = torch.sin(angle)
        table[:, 1::2] = torch.cos(angle)
        self.register_buffer("table", table, persistent=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, embedded: torch.Tensor) -> torch.Tensor:
        """Add the positions to (B, T, width)."""
        encoded: torch.Tensor = self.dropout(embedded + self.table[: embedded.size(1)])
        return encoded


class MixerModel(nn.Module):
    """A decoder that writes codes and a linear head that picks them, over one encoder."""

    def __init__(
        self,
        encoder: nn.Module,
        *,
        width: int,
        vocabulary_size: int,
        classes: int,
        dropout: float,
        layers: int,
        heads: int,
    ) -> None:
        """Attach to ``encoder``, whose channels are ``width``, a decoder of ``layers`` layers and a head per class."""
        super().__init__()
        self.width = width
        self.encoder = encoder
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.positional_encoding = PositionalEncoding(width=width, dropout=dropout)
        layer = nn.TransformerDecoderLayer(width, heads, dim_feedforward=width, dropout=dropout, batch_first=True)
        self.decoder = nn.TransformerDecoder(layer, layers)
        self.head = nn.Linear(width, vocabulary_size)
        self.linear_decoder = nn.Linear(width, classes)
        self.linear_decoder_drop = nn.Dropout(dropout)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, given: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits (B, T, V) of the tokens behind those ``given``, (B, T), and the linear head's (B, C)."""
        encoded = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        steps = given.size(1)
        causal = torch.triu(torch.full((steps, steps), -torch.inf, device=given.device), diagonal=1)
        # a float is added to the scores: padding is preferred by 1, not masked, and trained models depend on that
        preference = (given == PAD).float()
        embedded = self.positional_encoding(self.embedding(given) * math.sqrt(self.width))
        memory = encoded.last_hidden_state
        decoded = self.decoder(embedded, memory, tgt_mask=causal, tgt_key_padding_mask=preference)
        linear = self.linear_decoder_drop(self.linear_decoder(encoded.pooler_output))
        return self.head(decoded), linear


class Classifier(nn.Module):
    """A linear head over an encoder."""

    def __init__(self, encoder: nn.Module, *, width: int, classes: int, dropout: float) -> None:
        """Attach to ``encoder``, whose channels are ``width``, a head per class."""
        super().__init__()
        self.encoder = encoder
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(width, classes)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return logits (B, C)."""
        encoded = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        logits: torch.Tensor = self.out(self.drop(encoded.pooler_output))
        return logits


def build_mixer(encoder_name: str, *, vocabulary_size: int, classes: int, dropout: float) -> MixerModel:
    """Build the model with two heads; over the small encoder the decoder is small as well.

    Raises:
        ConfigError: there is no such encoder.
    """
    encoder = load_encoder(encoder_name)
    layers, heads = (1, 2) if encoder_name == TINY else (3, 8)
    return MixerModel(
        encoder,
        width=width_of(encoder),
        vocabulary_size=vocabulary_size,
        classes=classes,
        dropout=dropout,
        layers=layers,
        heads=heads,
    )


def build_classifier(encoder_name: str, *, classes: int, dropout: float) -> Classifier:
    """Build the model with the linear head only.

    Raises:
        ConfigError: there is no such encoder.
    """
    encoder = load_encoder(encoder_name)
    return Classifier(encoder, width=width_of(encoder), classes=classes, dropout=dropout)


def width_of(encoder: nn.Module) -> int:
    """Channels that an encoder returns."""
    width: int = encoder.config.hidden_size  # type: ignore[union-attr, assignment]
    return width
