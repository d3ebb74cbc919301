"""Operations change the network in the same way on both sides, and what they promise to compute stays computed."""

import copy
import dataclasses
import math
from types import SimpleNamespace

import pytest
import torch

from tests.unit.trainers.networks import build
from tests.unit.trainers.witness import witness
from trainers.char_gpt import growth
from trainers.char_gpt.adaptation import EMBEDDING
from trainers.char_gpt.batches import BatchCutter
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.learner import Learner
from trainers.char_gpt.lora import low_rank_layers
from trainers.char_gpt.memory import fitting_batch_size, memory_of
from trainers.char_gpt.operations import ARCHITECTURE, HYPERPARAMETERS, NAMES, execute
from trainers.char_gpt.progress import Progress
from trainers.char_gpt.settings import begin_settings
from trainers.char_gpt.vocabulary import Remapping
from trainers.common.config import build_config
from trainers.common.distributed import World
from trainers.common.errors import OperationError
from trainers.common.precision import Precision

ADAPTED = {"attn_lora_rank": 3, "embedding_mode": "lora", "embedding_rank": 2}
DATA_TOKENS = 15
IDS = torch.arange(12).view(2, 6) % 11
PRESERVING = [
    ("widen_mlp", 40, {}),
    ("widen_mlp", 33, {"bias": False}),
    ("stack_layers", [0, 1], {}),
    ("set_attn_lora_rank", 2, {}),
    ("set_attn_lora_rank", 2, {"attn_lora_rank": 3}),
    ("set_attn_lora_rank", 0, {"attn_lora_rank": 3}),
    ("set_embedding_lora_rank", 2, {}),
    ("set_layer_lora_rank", ["attn.1", 5], {"attn_lora_rank": 3}),
    ("set_layer_lora_rank", ["wte", 2], {}),
    ("merge_lora_weights", None, {"attn_lora_rank": 3}),
    ("resize_vocabulary", [3, 0.1], {}),
    ("freeze_layer", "ffn.0", {}),
]
OTHERS = [
    ("stack_layers", [1, 0, 1], {}),
    ("stack_layers", [1], ADAPTED),
    ("set_embedding_lora_rank", 0, ADAPTED),
    ("set_embedding_lora_rank", 4, ADAPTED),
    ("merge_lora_weights", None, ADAPTED),
    ("resize_vocabulary", [3, 0.0], ADAPTED),
    ("widen_mlp", 64, ADAPTED),
    ("set_embedding_finetune_mode", True, {}),
    ("set_embedding_finetune_mode", True, ADAPTED),
    ("set_embedding_finetune_mode", False, ADAPTED),
    ("set_embedding_freeze_mode", True, ADAPTED),
    ("set_embedding_freeze_mode", False, {}),
    ("freeze_layer", "attn.1", ADAPTED),
    ("freeze_layer", "wpe", {}),
    ("freeze_layer", "wte", {}),
    ("unfreeze_layer", "ln_f", {}),
]
REFUSED = [
    ("stack_layers", [], {}),
    ("stack_layers", [0, 2], {}),
    ("stack_layers", 1, {}),
    ("widen_mlp", 32, {}),
    ("widen_mlp", 40.0, {}),
    ("set_attn_lora_rank", -1, {}),
    ("set_attn_lora_rank", True, {}),
    ("set_embedding_lora_rank", "2", {}),
    ("set_layer_lora_rank", ["ffn.0", 2], {}),
    ("set_layer_lora_rank", ["attn.2", 2], {}),
    ("set_layer_lora_rank", ["attn.1"], {}),
    ("merge_lora_weights", None, {}),
    ("resize_vocabulary", [11, 0.1], {}),
    ("resize_vocabulary", [3, -0.1], {}),
    ("resize_vocabulary", [3, 0.1], {"vocab_size": DATA_TOKENS}),
    ("set_embedding_finetune_mode", 1, {}),
    ("set_embedding_freeze_mode", None, {}),
    ("freeze_layer", "lm_head", {}),
    ("freeze_layer", "wpe", {"use_rotary_embeddings": True}),
    ("freeze_layer", 3, {}),
]


def network(**options):
    """A candidate's model in float64 whose additions have learned something."""
    model = build(seed=5, **{"bias": True, "lora_alpha": 4.0, **options}).double()
    with torch.no_grad():
        for layer in low_rank_layers(model).values():
            layer.lora_B.normal_()
    return model


def reference_of(model):
    """The same model as the witness has it, and the script around it."""
    script = witness(data_vocab_size=DATA_TOKENS)
    twin = script.GPT(script.GPTConfig(**dataclasses.asdict(model.architecture))).to(model.lm_head.weight)
    twin.load_state_dict(model.state_dict())
    script.find_part.__globals__["raw_model"] = twin
    return script, twin


def change(model, name, value):
    if name == "resize_vocabulary":
        growth.resize_vocabulary(model, value, size=DATA_TOKENS)
    else:
        ARCHITECTURE[name](model, value)


def logits(model):
    with torch.no_grad():
        return model(IDS, IDS)[0]


@pytest.mark.parametrize(("name", "value", "options"), PRESERVING + OTHERS)
def test_both_sides_make_the_same_network(name, value, options):
    ours = network(**options)
    script, theirs = reference_of(ours)
    torch.manual_seed(3)
    change(ours, name, value)
    state = torch.get_rng_state()
    torch.manual_seed(3)
    getattr(script, name)(value)
    assert torch.equal(torch.get_rng_state(), state), "as many random numbers"
    found, expected = dict(ours.named_parameters()), dict(theirs.named_parameters())
    assert list(found) == list(expected)
    for parameter, tensor in found.items():
        assert torch.equal(tensor, expected[parameter]), parameter
        assert tensor.requires_grad == expected[parameter].requires_grad, parameter
    assert torch.equal(logits(ours), logits(theirs))
    assert dataclasses.asdict(ours.architecture) == vars(theirs.args)
    assert ours.lm_head.weight is ours.token_embedding.weight


@pytest.mark.parametrize(("name", "value", "options"), PRESERVING)
def test_the_function_is_preserved(name, value, options, monkeypatch):
    before = network(**options)
    after = copy.deepcopy(before)
    monkeypatch.setattr(growth, "widen", lambda mlp, hidden: widen(mlp, hidden, noise=0.0))
    change(after, name, value)
    expected = logits(before)
    assert logits(after)[..., : expected.size(-1)] == pytest.approx(expected, abs=1e-13, rel=0)


widen = growth.widen


@pytest.mark.parametrize("side", ["reference", "candidate"])
def test_the_noise_of_new_neurons_is_all_that_widening_adds(side):
    plain, model = network(), network()
    if side == "reference":
        script, model = reference_of(plain)
        script.widen_mlp(48)
    else:
        growth.widen_mlp(model, 48)
    for block in model.transformer.h:
        new = block.mlp.c_fc.weight[32:]
        distances = torch.cdist(new, block.mlp.c_fc.weight[:32]).min(dim=1).values
        assert ((distances > 0) & (distances < 1e-3)).all()
    moved = (logits(model) - logits(plain)).abs().max()
    assert 0 < moved < growth.NEURON_NOISE


@pytest.mark.parametrize(("name", "value", "options"), REFUSED)
def test_both_sides_refuse_with_the_same_words_and_change_nothing(name, value, options):
    ours = network(**options)
    script, theirs = reference_of(ours)
    before = copy.deepcopy(ours.state_dict())
    with pytest.raises(OperationError) as refused:
        change(ours, name, value)
    with pytest.raises(ValueError, match="e") as error:
        getattr(script, name)(value)
    assert str(refused.value) == str(error.value)
    for model in (ours, theirs):
        assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
        assert dataclasses.asdict(ours.architecture) == vars(theirs.args)


def test_something_has_to_be_left_to_train():
    model = network()
    change(model, "set_embedding_finetune_mode", True)
    with pytest.raises(OperationError, match="nothing would be left"):
        change(model, "set_embedding_freeze_mode", True)
    assert [name for name, one in model.named_parameters() if one.requires_grad] == [f"{EMBEDDING}.weight"]


def run_of(*, world_size=1, remapping=None, **options):
    """As much of a run as operations change."""
    config = build_config(CharGptConfig, {"device": "cpu", "compile": False, "batch_size": 12, **options})
    world, device = World(rank=0, local_rank=0, size=world_size, is_distributed=False), torch.device("cpu")
    precision = Precision(dtype="float32", device_type="cpu")
    model = network().float()
    targets = []
    return SimpleNamespace(
        settings=begin_settings(config, {}),
        progress=Progress(iteration=7),
        learner=Learner(model, config=config, precision=precision, world=world, device=device),
        stream=SimpleNamespace(update_target_distribution=targets.append, targets=targets, _cutter=BatchCutter),
        remapping=remapping,
        world=world,
        device=device,
        data_vocabulary_size=DATA_TOKENS,
    )


@pytest.mark.parametrize(
    ("name", "value", "key", "expected"),
    [
        ("set_lr", 1, "learning_rate", 1.0),
        ("set_batch_size", 3, "batch_size", 3),
        ("set_batch_size_relative", 0.8, "batch_size", 8),
        ("set_batch_size_relative", 0.1, "batch_size", 8),
        ("adjust_batch_size", 0.5, "batch_size", 12),
        ("set_grad_accum", 6, "gradient_accumulation_steps", 6),
        ("set_warmup_iters", 0, "warmup_iters", 0),
        ("set_eval_iters", 3, "eval_iters", 3),
        ("set_eval_interval", 9, "eval_interval", 9),
        ("set_curriculum_alpha", 0, "curriculum_alpha", 0.0),
    ],
)
def test_hyperparameters_are_set_and_remembered(name, value, key, expected):
    run = run_of(world_size=2)
    execute(name, value, run)
    assert getattr(run.settings, key) == expected
    assert run.settings.changed == {key: expected}
    assert run.stream.targets == ([expected] if name == "set_curriculum_alpha" else [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("set_lr", 0),
        ("set_lr", math.inf),
        ("set_lr", True),
        ("set_batch_size", 0),
        ("set_batch_size_relative", 1.1),
        ("set_batch_size_relative", 0),
        ("adjust_batch_size", 2),
        ("set_grad_accum", 5),
        ("set_warmup_iters", -1),
        ("set_eval_iters", 0),
        ("set_eval_interval", 2.0),
        ("set_curriculum_alpha", 1.5),
        ("disable_vocab_remapping", None),
    ],
)
def test_hyperparameters_that_make_no_sense_are_refused(name, value):
    run = run_of(world_size=2)
    with pytest.raises(OperationError):
        execute(name, value, run)
    assert not run.settings.changed


@pytest.mark.parametrize(("gigabytes", "share", "expected"), [(1, 0.5, 2712), (1, 1, 5440), (0.001, 1.0, 8)])
def test_a_batch_fills_the_memory_of_a_gpu_on_both_sides(gigabytes, share, expected):
    # 104,832 parameters, and 6152 bytes per token
    ours = build(n_embd=64, vocab_size=65, block_size=32)
    script, _ = reference_of(ours)
    memory = int(gigabytes * 2**30)
    assert fitting_batch_size(ours, share=share, memory=memory) == script.fit_batch_size(share, memory) == expected
    assert memory_of(torch.device("cpu")) is None


def test_the_schedule_of_the_learning_rate_begins_anew():
    run = run_of()
    execute("reset_lr_schedule", None, run)
    assert run.progress.effective_iteration == 0


def test_a_remapping_is_switched_off_once_the_network_knows_all_tokens():
    vector = torch.arange(DATA_TOKENS).clamp(max=10)
    run = run_of(remapping=Remapping(vector, rare_token=10))
    with pytest.raises(OperationError, match="knows 11 of 15 tokens"):
        execute("disable_vocab_remapping", None, run)
    execute("resize_vocabulary", [10, 0.1], run)
    execute("disable_vocab_remapping", None, run)
    assert run.settings.changed == {"remapping_active": False}
    batch = (torch.tensor([14]), torch.tensor([12]))
    assert run.remapping(batch) == batch
    with pytest.raises(OperationError, match="no remapping"):
        execute("disable_vocab_remapping", None, run)


def test_the_optimizer_is_a_new_one_with_the_states_that_still_fit():
    run = run_of()
    learner = run.learner
    learner.model(IDS, IDS)[1].backward()
    learner.optimizer.step()
    before = {
        name: learner.optimizer.state[one]["exp_avg"].clone() for name, one in learner.bare_model.named_parameters()
    }
    old = learner.optimizer
    for group in old.param_groups:
        group["lr"] = 1e-9
    execute("widen_mlp", 40, run)
    assert learner.optimizer is not old
    assert [group["lr"] for group in learner.optimizer.param_groups] == [run.settings.learning_rate] * 2
    for name, parameter in learner.bare_model.named_parameters():
        if "mlp.c_fc" in name or name.endswith("mlp.c_proj.weight"):
            assert parameter not in learner.optimizer.state
        else:
            assert torch.equal(learner.optimizer.state[parameter]["exp_avg"], before[name]), name
    kept = learner.optimizer
    with pytest.raises(OperationError):
        execute("widen_mlp", 3, run)
    assert learner.optimizer is kept, "what is refused leaves everything as it was"


def test_the_names_of_operations_are_those_of_the_witness():
    source = witness.__globals__["SCRIPT"].read_text(encoding="utf-8")
    listed = source[source.index("operation_names = (") :].partition(")")[0]
    assert {name for name in NAMES if f"'{name}'" in listed} == set(NAMES)
    assert listed.count("'") == 2 * len(NAMES)
    assert set(NAMES) == {*HYPERPARAMETERS, *ARCHITECTURE, "resize_vocabulary"}
