"""Which objects count as a configuration, and the plain values in them."""

import argparse
import dataclasses
import types

import pydantic
import pytest

from parity.record.probes.holders import holder_of, plain_values


@dataclasses.dataclass
class Inner:
    lr: float = 0.1
    steps: int = 9


@dataclasses.dataclass(slots=True)
class Outer:
    steps: int = 2
    inner: Inner = dataclasses.field(default_factory=Inner)
    sizes: tuple[int, ...] = (1, 2)
    model: object = dataclasses.field(default_factory=object)


class Model(pydantic.BaseModel):
    steps: int = 3
    inner: Inner = Inner()

    @pydantic.computed_field
    @property
    def derived(self) -> int:
        raise SystemExit("nobody may ask")


class Trap:
    def __getattr__(self, name):
        if name != "__name__":  # pytest looks for one
            raise SystemExit(f"somebody asked for {name}")
        raise AttributeError(name)


class Configuration(dict):
    pass


@pytest.mark.parametrize(
    ("name", "value", "holder"),
    [
        ("x", argparse.Namespace(), "argparse"),
        ("x", Outer(), "dataclass Outer"),
        ("x", Model(), "pydantic model Model"),
        ("cfg", types.SimpleNamespace(), "namespace"),
        ("x", types.SimpleNamespace(), ""),
        ("config", {}, "dictionary config"),
        ("x", {}, ""),
        ("config", Configuration(), ""),
        ("config", Trap(), ""),
        ("config", Outer, ""),
        ("config", [1], ""),
    ],
)
def test_a_holder_is_known_by_its_type(name, value, holder):
    assert holder_of(name, value) == holder


@pytest.mark.parametrize(
    ("value", "values"),
    [
        (Outer(), {"steps": "2", "lr": "0.1", "inner.steps": "9", "sizes": "[1, 2]"}),
        (Model(), {"steps": "3", "lr": "0.1", "inner.steps": "9"}),
        (argparse.Namespace(a=1, b=Trap()), {"a": "1"}),
        ({"a": {"b": {"c": True}}, 3: 4}, {"c": "True"}),
        ({"long": list(range(21)), "short": [1]}, {"short": "[1]"}),
    ],
)
def test_plain_values_are_taken_and_strangers_are_not_touched(value, values):
    assert plain_values(value) == values


def test_a_configuration_that_holds_itself_ends():
    held = {"a": 1}
    held["self"] = held
    assert plain_values(held)["a"] == "1"
