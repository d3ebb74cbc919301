"""A block of code, recorded in the process of these tests, which must be afterwards what it was before."""

import argparse
import gc
import os
import random
import re
import signal
import sys
import types
import weakref
from pathlib import Path

import pytest
import torch
from torch.nn.utils import clip_grad_norm_

import parity
from parity.errors import UsageError
from parity.findings.model import Verdict
from parity.record.block import recording
from parity.record.patches import Patches
from parity.record.probes import MODULES
from tests.e2e.programs import ROOT

HERE = Path(__file__).relative_to(ROOT)


def train(*, rate=0.1, updates=2, limit=1.0, seed=0):
    if isinstance(rate, str):
        raise ValueError(rate)
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Dropout(0.5), torch.nn.Linear(3, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    for _ in range(updates):
        model(torch.randn(5, 4)).square().mean().backward()
        clip_grad_norm_(model.parameters(), limit)
        optimizer.step()
        optimizer.zero_grad()
    return model


def recorded(**options):
    with parity.record() as run:
        train(**options)
    return run


def owners():
    """Whatever a probe could put something into: modules, the classes in them, the streams."""
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in ("torch", "numpy", "random", "signal", "argparse", "safetensors", "tests"):
            yield module
            yield from (one for one in list(vars(module).values()) if issubclass(type(one), type))
    yield from (sys, sys.stdout, sys.stderr)


def snapshot():
    """Every attribute of every owner, as the object that is stored there."""
    return {(id(one), key): value for one in owners() for key, value in list(vars(one).items())}


def hooks():
    optimizer = sys.modules["torch.optim.optimizer"]
    return (
        list(sys.meta_path),
        dict(optimizer._global_optimizer_pre_hooks),
        dict(optimizer._global_optimizer_post_hooks),
        [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
    )


def changed(before, after):
    return {key for key, value in before.items() if key in after and after[key] is not value} | {
        key for key in before if key not in after
    }


IGNORED = {"next_id"}  # the counter of torch's hooks


def test_every_patched_attribute_is_the_original_object_again_and_a_second_block_works():
    recorded()  # whatever the first use of torch initialises
    before, set_before = snapshot(), hooks()
    for _ in range(2):
        with recording() as run:
            during, set_during = snapshot(), hooks()
            train()
        assert len(changed(before, during)) > 40
        assert set_during != set_before
        after = snapshot()
        assert {key[1] for key in changed(before, after)} - IGNORED == set()
        assert {key[1] for key in after.keys() - before.keys()} - IGNORED == set()
        assert hooks() == set_before
        assert run.trace.processes[0].updates == 2


def test_the_block_is_an_ordinary_trace_that_hears_names_imported_before():
    trace = recorded(limit=0.25).trace
    (process,) = trace.processes
    assert process.sealed == {"updates": 2}
    assert process.get("clip_limit").values.tolist() == [0.25, 0.25]
    assert (trace.exit_status, trace.manifest["launch"]) == (0, "in this process")
    assert re.fullmatch(rf"{HERE}:\d+ in recorded", trace.command)
    assert process.notes == ()
    assert clip_grad_norm_ is torch.nn.utils.clip_grad_norm_


@pytest.mark.parametrize("seed", [0, 1])
def test_two_blocks_that_do_the_same_are_the_same_whatever_the_generators_were_before(seed):
    reference = recorded(seed=seed)
    torch.manual_seed(0)
    candidate = recorded(seed=seed)
    outcome = parity.compare_runs(reference, candidate)
    assert outcome.judgement.verdict is Verdict.IDENTICAL
    parity.assert_parity(reference.trace, candidate.directory)


def test_a_block_that_begins_where_it_seeds_itself_to_is_no_other_training():
    def still():
        torch.manual_seed(3)
        model = torch.nn.Linear(2, 1, device="meta").to_empty(device="cpu")
        for parameter in model.parameters():
            parameter.data.fill_(0.5)
        model(torch.ones(2, 2)).sum().backward()

    torch.manual_seed(4)
    with parity.record() as reference:
        still()
    with parity.record() as candidate:  # begins as seeded, because nothing has been drawn
        still()
    parity.assert_parity(reference, candidate)


def test_the_message_names_the_first_divergence_and_its_cause():
    with pytest.raises(AssertionError) as failure:
        parity.assert_parity(recorded(), recorded(rate=0.2))
    text = str(failure.value)
    assert "first divergence  at update 0, phase lr: different, the learning rate (lr)" in text
    assert "probable cause    The candidate's learning rate is 2 times the reference's throughout." in text


def test_an_exception_goes_on_its_way_is_recorded_and_leaves_nothing_behind(tmp_path):
    before = snapshot()
    with pytest.raises(ValueError, match="no more data"), parity.record(tmp_path / "run") as run:
        train(rate="no more data")
    assert {key[1] for key in changed(before, snapshot())} - IGNORED == set()
    (series,) = run.trace.processes[0].channel("exception")
    assert (series.python(0), run.trace.exit_status) == ("ValueError: no more data", 1)
    assert (tmp_path / "run" / "manifest.json").is_file()


def test_the_block_ends_after_the_updates_it_was_given():
    done = []
    with parity.record(updates=2) as run:
        train(updates=5)
        done.append(True)
    assert (run.trace.processes[0].updates, run.trace.exit_status, done) == (2, 0, [])
    parity.assert_parity(recorded(updates=2).trace.before(1), run.trace.before(1))


def test_it_draws_nothing_changes_no_bit_and_keeps_no_tensor_alive():
    bare = train().state_dict()
    states = torch.get_rng_state(), random.getstate()
    with parity.record():
        model = train()
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert all(torch.equal(value, bare[name]) for name, value in model.state_dict().items())
    held = [weakref.ref(parameter) for parameter in model.parameters()]
    del model
    gc.collect()
    assert [reference() for reference in held] == [None] * 4


def test_a_seed_is_given_to_all_generators():
    def draws():
        with parity.record(seed=5):
            return torch.rand(2).tolist(), random.random()

    assert draws() == draws()


def test_one_block_at_a_time():
    with parity.record(), pytest.raises(UsageError, match="recorded already"), parity.record():
        pass


@pytest.mark.parametrize("level", ["scalars", "digest", "full"])
def test_levels(level):
    with parity.record(level=level) as run:
        train()
    assert any(run.trace.processes[0].channel("gradient")) == (level != "scalars")
    assert any("copy of the model" in one for one in run.trace.manifest["interventions"]) == (level == "full")


def test_a_temporary_directory_goes_with_its_run():
    run = recorded()
    place = run.directory
    assert place.is_dir()
    del run
    gc.collect()
    assert not place.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_worker_says_nothing():
    data = torch.utils.data.TensorDataset(torch.ones(4, 4))
    with parity.record() as run:
        for (batch,) in torch.utils.data.DataLoader(data, batch_size=2, num_workers=1):
            torch.nn.Linear(4, 1)(batch).sum().backward()
    assert len(run.trace.processes) == 1
    assert run.trace.bystanders == ()
    assert run.trace.processes[0].lost_bytes == 0


# -- the mechanism ---------------------------------------------------------------------------------------------------


def test_what_somebody_has_put_over_ours_stays():
    owner = types.SimpleNamespace(act="original", other="original")
    patches = Patches()
    patches.put(owner, "act", "ours")
    patches.put(owner, "other", "ours")
    owner.act = "theirs"
    patches.take_out()
    assert vars(owner) == {"act": "theirs", "other": "original"}


def test_inherited_attributes_are_inherited_again_and_static_methods_stay_static():
    class Base:
        def act(self):
            return "base"

        @staticmethod
        def alone():
            return "alone"

    class Derived(Base):
        pass

    before = dict(vars(Base))
    patches = Patches()
    patches.put(Derived, "act", lambda self: "ours")
    patches.put(Base, "alone", staticmethod(lambda: "ours"))
    patches.put(Base, "alone", staticmethod(lambda: "ours too"))
    assert (Derived().act(), Derived.alone()) == ("ours", "ours too")
    patches.take_out()
    assert (Derived().act(), Derived.alone(), "act" in vars(Derived)) == ("base", "alone", False)
    assert vars(Base)["alone"] is before["alone"]


def test_the_audit_hook_falls_silent():
    heard = []
    patches = Patches()
    patches.audit(lambda event, args: heard.append(event))
    sys.audit("parity.first")
    patches.take_out()
    sys.audit("parity.second")
    assert [event for event in heard if event.startswith("parity.")] == ["parity.first"]


def test_no_probe_patches_by_itself():
    """Each patch goes through the one mechanism: there is no other way to undo it."""
    for name, module in MODULES.items():
        text = Path(module.__file__).read_text(encoding="utf-8")
        assert "setattr(" not in text, name
        assert "addaudithook" not in text.replace("sys.addaudithook: open", ""), name
    assert argparse.ArgumentParser.parse_known_args.__module__ == "argparse"
