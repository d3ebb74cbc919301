"""Trackers, also in versions that are not installed here."""

import sys
import types

import pytest
import torch

from parity.record.imports import Imports
from parity.record.patches import Patches
from parity.record.probes import trackers


class Heard:
    """Stands in for the listener: takes what is observed, and lets no exception pass unnoticed."""

    def __init__(self):
        self.stepped = False
        self.imports = Imports(self.failed)
        self.patches = Patches()
        self.seen = []
        self.handlers = {}

    def failed(self, probe, error):
        raise AssertionError(probe) from error

    def on(self, event, probe, handler):
        self.handlers.setdefault(event, []).append(handler)

    def emit(self, event, *args):
        for handler in self.handlers.get(event, ()):
            handler(*args)

    def site(self, thing):
        pass

    def observe(self, channel, value, name=""):
        self.seen.append((channel, name, value))

    def observe_scalar(self, channel, tensor, name=""):
        self.observe(channel, tensor.item(), name)


@pytest.fixture
def heard(monkeypatch):
    monkeypatch.setattr("sys.meta_path", [])
    return Heard()


def old_wandb():
    """As in versions that give a disabled run a log function of its own."""
    module = types.ModuleType("wandb")
    module.Run = type("Run", (), {"log": lambda self, data, step=None: None})
    module.log = lambda data, step=None: None

    def init(**kwargs):
        run = module.Run()
        run.log = lambda data, *_, **__: "disabled"
        module.log = run.log
        return run

    module.init = init
    return module


def test_a_disabled_run_of_an_older_version_is_heard(heard, monkeypatch):
    module = old_wandb()
    monkeypatch.setitem(sys.modules, "wandb", module)
    trackers.install(heard)
    run = module.init(project="demo", config={"lr": 1})
    assert module.log({"loss": 1}) == "disabled"
    assert run.log({"loss": 2}, step=3) == "disabled"
    assert heard.seen == [
        ("tracker", "wandb", "project demo"),
        ("metric", "loss", 1.0),
        ("metric", "loss", 2.0),
        ("metric_step", "loss", 3),
    ]


@pytest.mark.parametrize(
    ("data", "metrics"),
    [
        ({"a": 1, "b": True, "c": "text", "d": None, "e": [1]}, [("a", 1.0), ("b", 1.0)]),
        ({"a": {"b": {"c": 2.5}}}, [("a/b/c", 2.5)]),
        ({"a": torch.tensor(1.5), "b": torch.ones(2)}, [("a", 1.5)]),
        (None, []),
    ],
)
def test_numbers_are_taken_and_other_values_are_not(heard, monkeypatch, data, metrics):
    module = old_wandb()
    monkeypatch.setitem(sys.modules, "wandb", module)
    trackers.install(heard)
    module.log(data)
    assert [(name, value) for channel, name, value in heard.seen] == metrics


def test_an_exception_of_the_package_reaches_the_program(heard, monkeypatch):
    module = old_wandb()

    def log(data, step=None):
        raise RuntimeError("call init first")

    module.log = log
    monkeypatch.setitem(sys.modules, "wandb", module)
    trackers.install(heard)
    with pytest.raises(RuntimeError, match="call init first"):
        module.log({"loss": 1.0}, step=2)
    assert heard.seen == [("metric", "loss", 1.0), ("metric_step", "loss", 2)]
