"""The model: an embedding, a recurrent cell that remembers across texts, a decoder; and how it learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional

from trainers.common.errors import ConfigError
from trainers.common.seeding import generator_states, restore_generators

OWN_RATE = 0.001
"""The learning rate of a model that nobody tells another one."""


class StreamModel(nn.Module):
    """Predicts the next token. ``memory``, of shape (1, embedding size), goes on from one text to the next."""

    memory: torch.Tensor

    def __init__(self, *, vocabulary_size: int, embedding_size: int) -> None:
        """Draw the weights; the memory begins empty."""
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.embedding_size = embedding_size
        self.embeddings = nn.Embedding(vocabulary_size, embedding_size)
        self.cell = nn.GRU(embedding_size, embedding_size)
        self.decoder = nn.Linear(embedding_size, vocabulary_size)
        self.register_buffer("memory", torch.zeros(1, embedding_size))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return logits of shape (tokens, vocabulary size) for ids of shape (tokens,), and remember them."""
        # a copy: the backward pass needs the memory as it was
        outputs, memory = self.cell(self.embeddings(ids), self.memory.clone())
        self.memory.copy_(memory.detach())
        logits: torch.Tensor = self.decoder(outputs)
        return logits


class Learner:
    """A model on its device with its optimizer."""

    def __init__(self, model: StreamModel, *, device: torch.device) -> None:
        """Move the model to the device."""
        self.model = model.to(device)
        self.device = device
        self.optimizer = torch.optim.Adam(model.parameters(), lr=OWN_RATE)

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of the next steps."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def train_step(self, inputs: Sequence[int], targets: Sequence[int]) -> tuple[float, float]:
        """Do one update; returns cross-entropy and accuracy, both means over tokens, from before it."""
        target = torch.tensor(targets, device=self.device)
        logits = self.model(torch.tensor(inputs, device=self.device))
        loss = functional.cross_entropy(logits, target)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        accuracy = (logits.argmax(-1) == target).float().mean()
        return loss.item(), accuracy.item()

    def generate(
        self, prompt: Sequence[int], *, length: int, temperature: float = 0.0, end: int | None = None
    ) -> list[int]:
        """Return up to ``length`` tokens that continue the prompt, ``end`` excluded.

        With temperature 0 each is the likeliest one, otherwise it is drawn. The training does not notice: neither
        modes nor memory nor random generators are other ones afterwards.
        """
        found: list[int] = []
        with undisturbed(self.model), torch.no_grad():
            logits = self.model(torch.tensor(prompt, device=self.device))
            while len(found) < length:
                token = _pick(logits[-1], temperature)
                if token == end:
                    break
                found.append(token)
                logits = self.model(torch.tensor([token], device=self.device))
        return found


@contextmanager
def undisturbed(model: StreamModel) -> Iterator[None]:
    """Put the model into evaluation mode, and everything that training depends on back afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    memory, generators = model.memory.clone(), generator_states()
    model.eval()
    try:
        yield
    finally:
        for module, is_training in modes:
            module.training = is_training
        model.memory.copy_(memory)
        restore_generators(generators)


def _pick(logits: torch.Tensor, temperature: float) -> int:
    if temperature == 0.0:
        return int(logits.argmax())
    return int(torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1))


def select_gpu(number: int) -> torch.device:
    """Return the GPU of that number, or the CPU where there is none at all.

    Raises:
        ConfigError: there are GPUs, but not this one.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    count = torch.cuda.device_count()
    if not 0 <= number < count:
        raise ConfigError([f"gpu is {number}, expected 0 to {count - 1}"])
    return torch.device("cuda", number)
