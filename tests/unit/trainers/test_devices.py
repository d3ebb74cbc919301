"""What happens where the network is, and not on the CPU by mistake: tested on the one other device that there is."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from tests.unit.trainers.networks import build
from tests.unit.trainers.witness import witness
from trainers.char_gpt import growth
from trainers.char_gpt.analysis import attention_entropy
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.learner import Learner
from trainers.char_gpt.operations import ARCHITECTURE
from trainers.common.config import build_config
from trainers.common.distributed import World
from trainers.common.optimizers.adamw import build_adamw
from trainers.common.precision import Precision
from trainers.common.seeding import generator_states, restore_generators

ELSEWHERE = torch.device("meta")
CPU, SECOND_GPU = torch.device("cpu"), torch.device("cuda:1")
ALONE = World(rank=0, local_rank=0, size=1, is_distributed=False)
ADAPTED = {"attn_lora_rank": 2, "embedding_mode": "lora", "embedding_rank": 2, "bias": True, "dropout": 0.1}
CHANGES = [
    ("stack_layers", [0, 1, 1]),
    ("widen_mlp", 40),
    ("set_attn_lora_rank", 3),
    ("set_attn_lora_rank", 0),
    ("set_embedding_lora_rank", 3),
    ("set_layer_lora_rank", ["attn.1", 4]),
    ("merge_lora_weights", None),
    ("resize_vocabulary", [1, 0.1]),
    ("freeze_layer", "ffn.0"),
    ("set_embedding_finetune_mode", True),
]


class Candidate:
    """A network of the refactored side, and what is done with it."""

    def __init__(self, **options):
        self.model = build(**options).to(ELSEWHERE)

    def optimizer(self):
        return build_adamw(self.model, learning_rate=0.1, betas=(0.9, 0.9), weight_decay=0.1, device_type="cpu")

    def change(self, name, value):
        if name == "resize_vocabulary":
            growth.resize_vocabulary(self.model, value, size=15)
        else:
            ARCHITECTURE[name](self.model, value)

    def entropy(self, ids):
        return attention_entropy(self.model, ids)


class Reference:
    """The same of the witness."""

    def __init__(self, **options):
        self.script = witness(data_vocab_size=15, master_process=False)
        shape = dataclasses.asdict(build(**options).architecture)
        self.model = self.script.GPT(self.script.GPTConfig(**shape)).to(ELSEWHERE)
        self.script.find_part.__globals__["raw_model"] = self.model

    def optimizer(self):
        configure = self.model.configure_optimizer
        configure.__func__.__globals__["master_process"] = False
        return configure(0.1, 0.1, (0.9, 0.9), "cpu")

    def change(self, name, value):
        getattr(self.script, name)(value)

    def entropy(self, ids):
        return self.script.attention_entropy(self.model, ids)


SIDES = pytest.mark.parametrize("side", [Reference, Candidate])


def ids():
    return torch.zeros((2, 6), dtype=torch.int64, device=ELSEWHERE)


def train(side):
    """One update."""
    optimizer = side.optimizer()
    side.model(ids(), ids())[1].backward()
    torch.nn.utils.clip_grad_norm_(side.model.parameters(), 1.0)
    optimizer.step()
    return {entry["exp_avg"].device for entry in optimizer.state.values()}


@SIDES
@pytest.mark.parametrize("options", [{}, ADAPTED, {"use_rotary_embeddings": True}])
def test_an_update(side, options):
    assert train(side(**options)) == {ELSEWHERE}


@SIDES
@pytest.mark.parametrize(("name", "value"), CHANGES)
def test_an_operation_and_the_update_after_it(side, name, value):
    made = side(**ADAPTED)
    made.change(name, value)
    assert {one.device for one in (*made.model.parameters(), *made.model.buffers())} == {ELSEWHERE}
    assert train(made) == {ELSEWHERE}


@SIDES
@pytest.mark.parametrize("use_rotary", [False, True])
def test_attention_is_looked_at(side, use_rotary):
    # nothing is computed there, so that everything comes about but the number
    with pytest.raises(RuntimeError, match="item"):
        side(use_rotary_embeddings=use_rotary).entropy(ids())


@pytest.fixture
def gpus(monkeypatch):
    """A machine with GPUs, of which only the generators are used."""
    states = {SECOND_GPU: torch.tensor([1, 2], dtype=torch.uint8)}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: states[torch.device(device)])
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: states.update({torch.device(device): state}))
    return states


def reference_states(device):
    batches = SimpleNamespace(state_dict=lambda _unused: None, load_state_dict=lambda _state: None)
    script = witness(device=str(device), device_type=device.type, ddp=False, world_size=1, rank=0, master_process=True)
    script.gather_rank_states.__globals__.update(batch_manager=batches, X=None, Y=None)
    return script.gather_rank_states()[0]["rng"], lambda states: script.load_rank_state([{"rng": states, "data": None}])


def candidate_states(device):
    return generator_states(device), lambda states: restore_generators(states, device)


@pytest.mark.parametrize("side", [reference_states, candidate_states])
def test_generators_are_those_of_the_device_in_use(side, gpus):
    states, restore = side(SECOND_GPU)
    assert states["cuda"] is gpus[SECOND_GPU]
    restore({**states, "cuda": torch.tensor([3], dtype=torch.uint8)})
    assert gpus[SECOND_GPU].tolist() == [3]
    # a run on the CPU of such a machine saves what it saves everywhere
    states, restore = side(CPU)
    assert list(states) == ["torch"]
    restore({**states, "cuda": torch.tensor([4], dtype=torch.uint8)})
    assert gpus[SECOND_GPU].tolist() == [3]


def wraps_of_the_candidate():
    config = build_config(CharGptConfig, {"device": "cpu", "compile": True})
    precision = Precision(dtype="float32", device_type="cpu")
    learner = Learner(build(n_layer=1), config=config, precision=precision, world=ALONE, device=CPU)

    def wrap():
        learner.wrap()
        return learner.model

    return learner.bare_model, wrap


def wraps_of_the_witness():
    script = witness()
    model = script.GPT(script.GPTConfig(**dataclasses.asdict(build(n_layer=1).architecture)))
    script.find_part.__globals__.update(raw_model=model, compile=True, ddp=False, master_process=False)
    return model, lambda: script.wrap(model)


@pytest.mark.parametrize("wraps", [wraps_of_the_witness, wraps_of_the_candidate])
def test_a_network_is_compiled_however_often_it_has_changed(wraps, monkeypatch):
    compiled, tokens = [], torch.zeros((2, 6), dtype=torch.int64)

    def count(graph, _inputs):
        compiled.append(graph)
        return graph.forward

    compile_network = torch.compile
    monkeypatch.setattr(torch, "compile", lambda model: compile_network(model, backend=count))
    model, wrap = wraps()
    mlp = model.transformer.h[0].mlp
    with torch._dynamo.config.patch(recompile_limit=1):  # 8 unless somebody changes it
        for hidden in (1, 2, 3):
            mlp.c_fc, mlp.c_proj = torch.nn.Linear(8, hidden), torch.nn.Linear(hidden, 8)
            wrap()(tokens, tokens)
    assert len(compiled) == 3
    torch.compiler.reset()
