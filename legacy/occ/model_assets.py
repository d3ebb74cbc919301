"""
The models: an encoder of characters, a decoder that writes codes, a linear head that picks them from a list.

The encoder is CANINE where a directory is given (transformers has to be installed), otherwise a small stand-in.
"""

import math
import os
from types import SimpleNamespace

import torch
import torch.nn as nn

from data import PAD_IDX, CanineTokenizer, HashTokenizer

class TinyEncoder(nn.Module):
    """ takes and returns what CANINE does """

    def __init__(self, num_ids=50, hidden_size=16):
        super().__init__()
        self.config = SimpleNamespace(hidden_size=hidden_size)
        self.embedding = nn.Embedding(num_ids, hidden_size)
        self.pooler = nn.Linear(hidden_size, hidden_size)

    def forward(self, input_ids, attention_mask):
        hidden = self.embedding(input_ids)
        weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weight).sum(dim=1) / weight.sum(dim=1)
        return SimpleNamespace(last_hidden_state=hidden, pooler_output=torch.tanh(self.pooler(mean)))

def load_encoder(encoder):
    """ 'tiny', or a directory with the configuration of a CANINE model and perhaps its weights """
    if encoder == 'tiny':
        return TinyEncoder()
    from transformers import CanineConfig, CanineModel
    if any(os.path.exists(os.path.join(encoder, name)) for name in ('model.safetensors', 'pytorch_model.bin')):
        return CanineModel.from_pretrained(encoder)
    return CanineModel(CanineConfig.from_pretrained(encoder))

def load_tokenizer(encoder, max_len):
    return HashTokenizer(max_len) if encoder == 'tiny' else CanineTokenizer(max_len)

class PositionalEncoding(nn.Module):

    def __init__(self, width, dropout, max_positions=512):
        super().__init__()
        frequency = torch.exp(-torch.arange(0, width, 2) * math.log(10000) / width)
        angle = torch.arange(max_positions)[:, None] * frequency
        table = torch.zeros(max_positions, width)
        table[:, 0::2] = torch.sin(angle)
        table[:, 1::2] = torch.cos(angle)
        self.register_buffer('table', table, persistent=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.dropout(x + self.table[:x.size(1)])

class Seq2SeqMixerOccCANINE(nn.Module):

    def __init__(self, encoder, vocab_size, num_classes, dropout_rate=0.0, num_layers=3, num_heads=8):
        super().__init__()
        width = encoder.config.hidden_size
        self.width = width
        self.encoder = encoder
        self.embedding = nn.Embedding(vocab_size, width)
        self.positional_encoding = PositionalEncoding(width, dropout_rate)
        layer = nn.TransformerDecoderLayer(width, num_heads, dim_feedforward=width, dropout=dropout_rate,
                                           batch_first=True)
        self.decoder = nn.TransformerDecoder(layer, num_layers)
        self.head = nn.Linear(width, vocab_size)
        self.linear_decoder = nn.Linear(width, num_classes)
        self.linear_decoder_drop = nn.Dropout(dropout_rate)

    def forward(self, input_ids, attention_mask, target):
        """ logits (B, T, V) of the steps behind target, which is (B, T), and logits (B, C) of the linear head """
        encoded = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        steps = target.size(1)
        causal = torch.triu(torch.full((steps, steps), float('-inf'), device=target.device), diagonal=1)
        padding = (target == PAD_IDX).float() # floats are added to the scores, so this is a nudge and not a mask
        embedded = self.positional_encoding(self.embedding(target) * math.sqrt(self.width))
        decoded = self.decoder(embedded, encoded.last_hidden_state, tgt_mask=causal, tgt_key_padding_mask=padding)
        out_linear = self.linear_decoder_drop(self.linear_decoder(encoded.pooler_output))
        return self.head(decoded), out_linear

class CANINEOccupationClassifier(nn.Module):

    def __init__(self, encoder, num_classes, dropout_rate=0.0):
        super().__init__()
        self.encoder = encoder
        self.drop = nn.Dropout(dropout_rate)
        self.out = nn.Linear(encoder.config.hidden_size, num_classes)

    def forward(self, input_ids, attention_mask):
        encoded = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        return self.out(self.drop(encoded.pooler_output))

def make_mixer(args, vocab_size, num_classes):
    encoder = load_encoder(args.encoder)
    size = dict(num_layers=1, num_heads=2) if args.encoder == 'tiny' else {}
    return Seq2SeqMixerOccCANINE(encoder, vocab_size, num_classes, dropout_rate=args.dropout, **size)
