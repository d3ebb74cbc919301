"""What a resumed char_gpt run takes over: which file, which values, which weights and whose optimizer state."""

import dataclasses
import itertools
import random

import pytest
import torch
from torch import nn

from trainers.char_gpt.batch_manager import BatchManager
from trainers.char_gpt.batches import BatchCutter
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.curriculum import Curriculum
from trainers.char_gpt.overriding import TRAINING_KEYS, apply_saved_parameters
from trainers.char_gpt.rank_state import gather_rank_states, restore_rank_state
from trainers.common.config import build_config, flatten, options_of
from trainers.common.discovery import emergency_iterations, load_checkpoint_with_fallback
from trainers.common.distributed import World
from trainers.common.errors import CheckpointError
from trainers.common.optimizers.adamw import build_adamw
from trainers.common.optimizers.transfer import optimizer_order, transfer_optimizer_state
from trainers.common.weights import apply_smart_state_dict_loading

ALONE = World(rank=0, local_rank=0, size=1, is_distributed=False)
CPU = torch.device("cpu")
DAMAGED = b"no checkpoint"


def fill(directory, files):
    """Write a checkpoint of an iteration under each name, or a damaged one for None."""
    for name, iteration in files.items():
        if iteration is None:
            (directory / name).write_bytes(DAMAGED)
        else:
            torch.save({"iter_num": iteration}, directory / name)


@pytest.mark.parametrize(
    ("files", "chosen", "warnings"),
    [
        ({"ckpt.pt": 5}, "ckpt.pt", 0),
        ({"emergency_ckpt_iter_9.pt": 9, "emergency_ckpt_iter_10.pt": 10}, "emergency_ckpt_iter_10.pt", 0),
        ({"ckpt.pt": 5, "emergency_ckpt_iter_9.pt": 9}, "emergency_ckpt_iter_9.pt", 0),
        ({"ckpt.pt": 15, "emergency_ckpt_iter_9.pt": 9}, "ckpt.pt", 0),
        ({"ckpt.pt": 9, "emergency_ckpt_iter_9.pt": 9}, "ckpt.pt", 0),
        ({"ckpt.pt": None, "emergency_ckpt_iter_9.pt": 9}, "emergency_ckpt_iter_9.pt", 1),
        (
            {"ckpt.pt": None, "emergency_ckpt_iter_9.pt": 9, "emergency_ckpt_iter_10.pt": None},
            "emergency_ckpt_iter_9.pt",
            2,
        ),
        ({"ckpt.pt": 5, "emergency_ckpt_iter_10.pt": None}, "ckpt.pt", 1),
        ({"ckpt.pt": 5, "emergency_ckpt_iter_x.pt": 99, "emergency_ckpt_iter_9.pt.bak": 9}, "ckpt.pt", 0),
    ],
)
def test_the_newest_readable_checkpoint_is_chosen(tmp_path, files, chosen, warnings):
    fill(tmp_path, files)
    heard = []
    found = load_checkpoint_with_fallback(tmp_path, warn=heard.append)
    assert (found.path.name, found.content, len(heard)) == (chosen, {"iter_num": files[chosen]}, warnings)


@pytest.mark.parametrize("files", [{}, {"ckpt.pt": None}, {"ckpt.pt": None, "emergency_ckpt_iter_1.pt": None}])
def test_no_readable_checkpoint_is_an_error_that_names_the_directory(tmp_path, files):
    fill(tmp_path, files)
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        load_checkpoint_with_fallback(tmp_path, warn=lambda _: None)
    assert emergency_iterations(tmp_path / "nowhere") == []


OTHER_VALUES = {
    "decay_lr": False,
    "bias": True,
    "use_rotary_embeddings": True,
    "n_hidden": 64,
    "vocab_size": 65,
}
MODEL_KEYS = (*(field.name for field in dataclasses.fields(CharGptConfig().model)), "block_size", "vocab_size")


def another(key):
    """A value that is not the default of a key."""
    return OTHER_VALUES[key] if key in OTHER_VALUES else options_of(CharGptConfig)[key].default * 2 or 0.5


@pytest.mark.parametrize("key", [*TRAINING_KEYS, *MODEL_KEYS])
def test_each_key_is_the_checkpoint_s_unless_somebody_has_set_it(key):
    default, saved = options_of(CharGptConfig)[key].default, another(key)
    config = CharGptConfig()
    content = {
        "config": {**config.remembered(), key: saved},
        "model_args": {name: flatten(config)[name] for name in MODEL_KEYS}
        | ({key: saved} if key in MODEL_KEYS else {}),
    }
    unset = apply_saved_parameters(config, given=(), content=content)
    assert (flatten(unset.config)[key], unset.changes) == (saved, ())
    # a value that somebody has set counts, be it the default or None
    given = apply_saved_parameters(config, given={key}, content=content)
    assert (flatten(given.config)[key], given.changes) == (default, (f"{key}: {saved!r} -> {default!r}",))
    same = apply_saved_parameters(build_config(CharGptConfig, {key: saved}), given={key}, content=content)
    assert same.changes == ()


def test_keys_of_the_machine_are_those_of_this_run():
    content = {"config": {**CharGptConfig().remembered(), "device": "cuda:7", "out_dir": "there"}, "model_args": {}}
    assert apply_saved_parameters(CharGptConfig(), given=(), content=content).config == CharGptConfig()


class Adapted(nn.Module):
    """A layer with a low-rank adapter."""

    def __init__(self):
        super().__init__()
        self.main_weight = nn.Linear(3, 2)
        self.lora_A = nn.Parameter(torch.ones(1, 3))


def network(*, is_adapted):
    torch.manual_seed(1)
    return nn.ModuleDict({"first": Adapted() if is_adapted else nn.Linear(3, 2), "norm": nn.LayerNorm(2)})


@pytest.mark.parametrize("prefix", ["", "_orig_mod.", "module.", "_orig_mod.module.", "module._orig_mod."])
@pytest.mark.parametrize(("from_adapted", "to_adapted"), [(False, False), (False, True), (True, False), (True, True)])
def test_weights_arrive_whatever_is_in_front_of_their_names(prefix, from_adapted, to_adapted):
    saved, model = network(is_adapted=from_adapted), network(is_adapted=to_adapted)
    with torch.no_grad():
        for parameter in saved.parameters():
            parameter.add_(1)
    report = apply_smart_state_dict_loading(model, {prefix + name: one for name, one in saved.state_dict().items()})
    ours, theirs = (
        one["first"].main_weight.weight if is_adapted else one["first"].weight
        for one, is_adapted in ((saved, from_adapted), (model, to_adapted))
    )
    assert torch.equal(ours, theirs)
    assert torch.equal(saved["norm"].weight, model["norm"].weight)
    moved = 2 * (from_adapted != to_adapted)  # weight and bias
    skipped, missing = {(True, False): {"first.lora_A"}}, {(False, True): {"first.lora_A"}}
    assert len(report.remapped) == moved
    assert set(report.skipped) == {prefix + name for name in skipped.get((from_adapted, to_adapted), set())}
    assert set(report.missing) == missing.get((from_adapted, to_adapted), set())
    assert next(report.lines()).startswith(f"weights: {len(report.loaded)} loaded, {moved} remapped")


def test_a_checkpoint_of_another_model_is_refused():
    with pytest.raises(CheckpointError, match="no parameter in common"):
        apply_smart_state_dict_loading(network(is_adapted=False), {"second.weight": torch.zeros(2, 3)})
    with pytest.raises(CheckpointError, match="does not fit"):
        apply_smart_state_dict_loading(network(is_adapted=False), {"first.weight": torch.zeros(9, 3)})


def layered(widths):
    """Layers one behind the other, called by their numbers."""
    pairs = itertools.pairwise(widths)
    return nn.ModuleDict({str(number): nn.Linear(one, other) for number, (one, other) in enumerate(pairs)})


def trained(model):
    """An optimizer that has made one step, every moment another."""
    optimizer = build_adamw(model, learning_rate=0.1, betas=(0.8, 0.9), weight_decay=0.3, device_type="cpu")
    for number, parameter in enumerate(model.parameters(), 1):
        parameter.grad = torch.full_like(parameter, number)
    optimizer.step()
    return optimizer


def fresh(model):
    return build_adamw(model, learning_rate=0.2, betas=(0.5, 0.6), weight_decay=0.0, device_type="cpu")


@pytest.mark.parametrize(
    ("saved", "resumed", "by_name", "by_shape"),
    [
        ([4, 4, 4], [4, 4, 4], "4 / 4 parameters (by name)", "4 / 4 parameters (by shape, 2 of them ambiguous)"),
        ([4, 4], [4, 4, 4], "2 / 4 parameters (by name)", "2 / 4 parameters (by shape, 0 of them ambiguous)"),
        ([4, 4, 4], [4, 4], "2 / 2 parameters (by name)", "2 / 2 parameters (by shape, 2 of them ambiguous)"),
        ([4, 6, 4], [4, 8, 4], "1 / 4 parameters (by name)", "1 / 4 parameters (by shape, 0 of them ambiguous)"),
        ([4, 6], [4, 8], "0 / 2 parameters (by name)", "0 / 2 parameters (by shape, 0 of them ambiguous)"),
    ],
)
def test_optimizer_state_goes_where_it_fits(saved, resumed, by_name, by_shape):
    before, after = layered(saved), layered(resumed)
    state = trained(before).state_dict()
    optimizer = fresh(after)
    report = transfer_optimizer_state(optimizer, after, state, optimizer_order(before.named_parameters()))
    assert report.line() == f"Transferred optimizer state for {by_name}"
    names = dict(before.named_parameters())
    for name, parameter in after.named_parameters():
        if parameter in optimizer.state:
            position = 1 + list(names).index(name)
            moment = optimizer.state[parameter]["exp_avg"]
            assert torch.equal(moment, torch.full_like(parameter, position) * (1 - 0.8))
            assert optimizer.state[parameter]["step"].item() == 1
    # what the groups do is a matter of this run, and the next step works
    assert [(group["betas"], group["weight_decay"]) for group in optimizer.param_groups] == [((0.5, 0.6), 0.0)] * 2
    for parameter in after.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    assert transfer_optimizer_state(fresh(after), after, state, ()).line().endswith(by_shape)


def test_groups_in_another_order_get_the_right_states():
    before, after = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)}), nn.ModuleDict()
    after["b"], after["a"] = nn.Linear(2, 2), nn.Linear(2, 2)
    state, optimizer = trained(before), fresh(after)
    transfer_optimizer_state(optimizer, after, state.state_dict(), optimizer_order(before.named_parameters()))
    for name, parameter in after.named_parameters():
        assert torch.equal(optimizer.state[parameter]["exp_avg"], state.state[before.get_parameter(name)]["exp_avg"]), (
            name
        )


def manager(tmp_path, *, batch_size=2, seed=7, alpha=1.0):
    path = tmp_path / "train.bin"
    if not path.exists():
        torch.arange(4000).square().remainder(997).to(torch.int16).numpy().tofile(path)
    made = BatchManager(
        BatchCutter([path, path], batch_size=batch_size, block_size=4, places=random.Random(seed)),
        curriculum=Curriculum(997),
        corpus=lambda: torch.arange(997, dtype=torch.float64) / (997 * 498),
        device=CPU,
    )
    if alpha != 1.0:
        made.update_target_distribution(alpha)
    return made


@pytest.mark.parametrize("alpha", [1.0, 0.3])
@pytest.mark.parametrize("served", [1, 2, 49, 50, 51, 120])
def test_the_data_go_on_where_they_were_saved(tmp_path, served, alpha):
    straight, resumed = manager(tmp_path, alpha=alpha), manager(tmp_path, seed=8, alpha=alpha)
    for _ in range(served):
        ahead = straight.get_batch()
    states = gather_rank_states(straight, unused=ahead, world=ALONE, device=CPU)
    drawn = torch.rand(3)
    restore_rank_state(states, resumed, world=ALONE, device=CPU)
    assert torch.equal(torch.rand(3), drawn)
    expected = [ahead] + [straight.get_batch() for _ in range(120)]
    for ours, theirs in zip(expected, [resumed.get_batch() for _ in range(121)], strict=True):
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    assert resumed.total_tokens_served == straight.total_tokens_served
    # what was served decides the order, whenever the target moves
    orders = []
    for one in (straight, resumed):
        one.update_target_distribution(0.6)
        orders.append([one.get_batch()[0] for _ in range(30)])
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*orders, strict=True))


def test_another_target_orders_anew_what_was_saved(tmp_path):
    straight, resumed = manager(tmp_path), manager(tmp_path, alpha=0.3)
    resumed.load_state_dict(straight.state_dict(unused=straight.get_batch()))
    fetched = [resumed.get_batch()[0] for _ in range(30)]
    unordered = [straight.get_batch()[0] for _ in range(30)]
    assert not all(torch.equal(ours, theirs) for ours, theirs in zip(fetched, unordered, strict=True))


def test_batches_of_another_shape_are_passed_over(tmp_path):
    straight, resumed = manager(tmp_path), manager(tmp_path, batch_size=3)
    state = straight.state_dict(unused=straight.get_batch())
    resumed.load_state_dict(state)
    assert resumed.get_batch()[0].shape == (3, 4)


def test_another_number_of_processes_starts_afresh(tmp_path, capsys):
    straight, resumed, untouched = (manager(tmp_path) for _ in range(3))
    states = gather_rank_states(straight, unused=straight.get_batch(), world=ALONE, device=CPU)
    restore_rank_state([*states, *states], resumed, world=ALONE, device=CPU)
    assert torch.equal(resumed.get_batch()[0], untouched.get_batch()[0])
    assert "saved by 2 processes, resumed by 1" in capsys.readouterr().out
