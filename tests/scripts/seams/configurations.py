"""Holds its configuration in an object of the kind named on the command line."""
import sys
import types
from dataclasses import dataclass, field

import torch

KIND = sys.argv[1]


@dataclass
class Adam:
    lr: float = 0.1
    eps: float = 1e-8


@dataclass
class Settings:
    steps: int = 2
    width: int = 4
    optimizer: Adam = field(default_factory=Adam)


def make():
    if KIND == "dataclass":
        return Settings()
    values = {"steps": 2, "width": 4, "optimizer": {"lr": 0.1, "eps": 1e-8}}
    if KIND == "namespace":
        return types.SimpleNamespace(**{**values, "optimizer": types.SimpleNamespace(**values["optimizer"])})
    if KIND == "dictionary":
        return values
    if KIND == "omegaconf":
        import omegaconf
        return omegaconf.OmegaConf.create(values)
    import pydantic

    class Inner(pydantic.BaseModel):
        lr: float = 0.1
        eps: float = 1e-8

    class Outer(pydantic.BaseModel):
        steps: int = 2
        width: int = 4
        optimizer: Inner = Inner()

    return Outer()


class Trainer:
    def __init__(self, config):
        self.config = config

    def train(self):
        torch.manual_seed(0)
        model = torch.nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(2):
            model(torch.ones(2, 4)).sum().backward()
            optimizer.step()
            optimizer.zero_grad()


Trainer(make()).train()
