"""The attachments of the noise pass, installed beside a stand-in of the listener."""

import random

import pytest
import torch

from parity.record import consumption, full_precision, perturbation


class Listener:
    """Keeps the handlers by event, and what they observe."""

    def __init__(self):
        self.handlers = {}
        self.observed = []

    def on(self, event, probe, handler):
        self.handlers.setdefault(event, []).append(handler)

    def emit(self, event, *args):
        for handler in self.handlers.get(event, ()):
            handler(*args)

    def observe(self, channel, value, name=""):
        self.observed.append((channel, value & ((1 << 64) - 1)))


def moved(seed, dtype=torch.float32, calls=1):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.LayerNorm(64)).to(dtype)
    torch.nn.init.zeros_(model[1].bias)
    before = [one.detach().clone() for one in model.parameters()]
    versions = [one._version for one in model.parameters()]
    listener = Listener()
    perturbation.install(listener, {"seed": seed})
    states = torch.get_rng_state(), random.getstate()
    for _ in range(calls):
        listener.emit("model", model)
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert [one._version for one in model.parameters()] == versions
    return before, [one.detach() for one in model.parameters()]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_every_parameter_moves_by_about_a_unit_in_its_last_place(dtype):
    before, after = moved(1, dtype)
    for one, other in zip(before[:2], after[:2], strict=True):
        distance = ((other.double() - one.double()).norm() / one.double().norm()).item()
        assert 0.3 < distance / torch.finfo(dtype).eps < 2
    assert torch.equal(before[3], after[3]), "zero stays zero"


def test_a_seed_stands_for_one_perturbation_and_a_model_is_perturbed_once():
    for one, other in zip(moved(1)[1], moved(1, calls=3)[1], strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(moved(1)[1][0], moved(2)[1][0])


def consumed(*micro_steps):
    """The digest of an update of ``(arguments, targets)``."""
    listener = Listener()
    consumption.install(listener, {})
    listener.emit("update_begins")
    for arguments, targets in micro_steps:
        listener.emit("training_forward", torch.nn.Linear(3, 5), arguments, {})
        logits = torch.zeros(len(targets), 5, requires_grad=True)
        listener.emit("backward_begins", torch.nn.functional.cross_entropy(logits, targets))
    listener.emit("first_step_begins")
    ((channel, digest),) = listener.observed
    assert channel == "samples"
    return digest


X = torch.arange(24.0).view(8, 3)
Y = torch.arange(8) % 5
WHOLE = ((X,), Y)


@pytest.mark.parametrize(
    ("micro_steps", "same"),
    [
        ([((X[:4],), Y[:4]), ((X[4:],), Y[4:])], True),
        ([((X[4:],), Y[4:]), ((X[:4],), Y[:4])], True),
        ([((X.flip(0),), Y.flip(0))], True),
        ([((X.flip(0),), Y)], False),
        ([((X[:4],), Y[:4])], False),
        ([((X,), Y), ((X,), Y)], False),
        ([((X.view(4, 6),), Y[:4]), ((X[:0],), Y[4:])], False),
        ([((X.double(),), Y)], False),
    ],
    ids=["divided", "other order", "rows in other order", "other targets", "half", "twice", "other shape", "dtype"],
)
def test_samples_are_told_by_their_rows(micro_steps, same):
    assert (consumed(*micro_steps) == consumed(WHOLE)) == same


def test_flattened_targets_belong_to_their_rows():
    targets = torch.arange(16) % 5
    whole = consumed(((X,), targets))
    assert whole == consumed(((X[:4],), targets[:8]), ((X[4:],), targets[8:]))
    assert whole != consumed(((X[:4],), targets[8:]), ((X[4:],), targets[:8]))


def test_what_has_no_rows_belongs_to_every_sample():
    mask = torch.ones(3, 3)
    assert consumed(((X, mask), Y)) == consumed(((X[:4], mask), Y[:4]), ((X[4:], mask), Y[4:]))
    assert consumed(((X, mask), Y)) != consumed(((X, 2 * mask), Y))


@pytest.mark.parametrize("module", [consumption, perturbation, full_precision])
def test_an_attachment_says_what_it_does(module):
    assert module.describe({"seed": 3})
