"""What an engineer reads: one row for what happened alike to many keys, in any width."""

import io

import pytest
import torch
from rich.console import Console

from parity.diagnose.checkpoints.rules import checkpoint_causes
from parity.report.checkpoint_rows import common, rows, tallies, told_apart
from parity.report.checkpoint_screen import print_checkpoints
from tests.payloads import HOSTILE
from tests.unit.checkpoint.states import assign, regroup, renamed, shift


def layers(change):
    """Sides whose model has twelve layers of two tensors each, the candidate's changed."""

    def build(state):
        state["model"] = {
            f"h.{at}.{name}": torch.full((2, 3), float(at))
            for at in range(12)
            for name in ("attn.weight", "mlp.weight")
        }

    def candidate(state):
        build(state)
        state["model"] = {name: change(name, tensor) for name, tensor in state["model"].items()}

    return candidate, build


def grown(name, tensor):
    return tensor + 0.5 if "attn" in name else tensor


def folded(comparison):
    units = {unit.reference.name: unit for unit in comparison.units}
    return [(row.key, row.keys, row.aspect.value, row.sides) for row in rows(comparison.differences, units)]


def screen(comparison, width=80):
    out = io.StringIO()
    print_checkpoints(comparison, checkpoint_causes(comparison), Console(file=out, width=width, highlight=False))
    return out.getvalue()


NAMES = {
    "layers": (["h.0.mlp.weight", "h.11.mlp.weight"], "h.*.mlp.weight"),
    "parameters": (["state[a].step", "state[h.0.b].step"], "state[*].step"),
    "nothing": (["a", "b.c"], "*"),
    "one in the other": (["a", "a.b"], "a*"),
    "the same": (["a.b", "a.b"], "a.b"),
    "one": (["a.b"], "a.b"),
    "the same twice at the ends": (["a.a", "a.a.a"], "a.a*"),
}


@pytest.mark.parametrize("name", NAMES)
def test_what_names_have_in_common(name):
    names, expected = NAMES[name]
    assert common(names) == expected


def test_layers_that_differ_are_one_row(both):
    comparison = both(*layers(grown))
    assert folded(comparison) == [("model.h.*.attn.weight", 12, "value", "first 0 -> 0.5")]
    text = screen(comparison)
    assert "72 of 72 elements in 12 tensors, absolute 0.5, relative up to 0.5" in text
    (model,) = [tally for tally in tallies(comparison) if tally.section.value == "model"]
    assert (model.identical, model.different) == (13, 12)  # With the dictionary that they are in.


def test_what_became_the_same_is_one_row(both):
    assert folded(both(*layers(lambda _, tensor: tensor.half()))) == [
        (f"model.h.*.{name}.weight", 12, "dtype", "float32 -> float16") for name in ("attn", "mlp")
    ]
    assert ("optimizer.state[*].step", 4, "value", "5 -> 6") in folded(both(shift))
    assert folded(both(renamed)) == [("model.*", 5, "renamed", "-> model.module._orig_mod.*")]


def test_two_settings_that_differ_alike_keep_their_names(both):
    def change(candidate):
        candidate["config"] |= {"n_layer": 3, "n_head": 3}

    comparison = both(change, assign("config", "n_head", 2))
    assert [key for key, *_ in folded(comparison)] == ["config.n_layer", "config.n_head"]


def test_what_is_missing_as_a_whole_is_one_row(both):
    def change(candidate):
        del candidate["scaler"]

    ((key, number, aspect, sides),) = folded(both(change))
    assert (key, number, aspect, sides) == ("scaler", 1, "missing", "dict")
    assert "with 2 keys in it" in screen(both(change))


def test_states_are_shown_by_their_parameter(both):
    def change(candidate):
        candidate["optimizer"]["state"][1]["exp_avg"][0] += 1

    assert "optimizer.state[a.weight].exp_avg" in screen(both(change))


SIDES = {
    "far apart": (1.0, 2.0, ("1", "2")),
    "the last digit": (0.1, 0.1 + 2**-56, ("0.1", "0.10000000000000002")),
    "in between": (1.2345678, 1.2345679, ("1.2345678", "1.2345679")),
    "sign of zero": (0.0, -0.0, ("0", "-0")),
    "words": ("a", "b", ("'a'", "'b'")),
}


@pytest.mark.parametrize("name", SIDES)
def test_digits_enough_to_differ(name):
    reference, candidate, expected = SIDES[name]
    assert told_apart(reference, candidate) == expected


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_the_width_is_kept(both, width):
    for change in (renamed, shift, regroup, assign("best_val_loss", torch.tensor(1.5))):
        lines = screen(both(change), width).splitlines()[1:]
        assert [line for line in lines if len(line) > width and " " in line.strip()] == []


def test_causes_say_how_much_they_explain_and_what_follows(both):
    text = " ".join(screen(both(shift)).split())
    assert "5 counters are ahead by 1. Explains 5 of 5 keys." in text
    assert "A resumed run repeats or leaves out updates" in text
    assert "Probable cause: unknown" in screen(both(assign("best_val_loss", 2.5)))


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_names_and_values_are_shown_as_they_are(both, payload):
    text = screen(both(assign("config", payload, payload)))
    assert all(char.isprintable() or char == "\n" for char in text)
