"""What is computed from a copy of the network, and that the training does not notice."""

import dataclasses
import math

import pytest
import torch

from tests.unit.trainers.networks import build
from tests.unit.trainers.witness import witness
from trainers.char_gpt.analysis import analyse, attention_entropy, take_snapshot
from trainers.char_gpt.analyst import Analyst
from trainers.char_gpt.attention import CausalSelfAttention
from trainers.common.background import Worker, has_memory
from trainers.common.geometry import drift, effective_rank, neighbourhood


def generator():
    return torch.Generator().manual_seed(3)


def network(**options):
    return build(**{"n_layer": 3, "bias": True, "dropout": 0.5, **options})


IDS = torch.arange(12).view(2, 6) % 11


def all_tokens():
    return torch.arange(11)


def some_ids(own):
    return torch.randint(11, (2, 6), generator=own)


@pytest.mark.parametrize("rank", [1, 3, 5])
def test_the_effective_rank_of_an_orthogonal_projection_is_its_rank(rank):
    basis, _ = torch.linalg.qr(torch.randn(8, 8, generator=generator()))
    found = effective_rank(basis[:, :rank] @ basis[:rank])
    assert (found.rank, found.utilisation) == (rank, rank / 8)


def test_directions_without_energy_do_not_count():
    assert effective_rank(torch.diag(torch.tensor([10.0, 1.0, 1.0, 1.0]))).rank == 2  # 101 of 103
    assert effective_rank(torch.diag(torch.tensor([10.0, 0.1]))).rank == 1


def test_neighbours_are_rows_of_much_the_same_direction():
    rows = torch.tensor([[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [0.0, -3.0]])
    found = neighbourhood(rows, generator=generator())
    assert found.neighbours.mean == 0.5  # the first two have each other
    cosines = torch.nn.functional.cosine_similarity(rows[:, None], rows[None], dim=2).fill_diagonal_(-1)
    assert found.mean == pytest.approx(cosines.mean().item())
    assert found.deviation == pytest.approx(cosines.std(correction=0).item())
    assert (found.tenth, found.ninetieth) == (-1.0, pytest.approx(cosines[0, 1].item()))


def test_a_rotation_is_no_drift():
    before = torch.randn(20, 4, generator=generator())
    turn, _ = torch.linalg.qr(torch.randn(4, 4, generator=generator()))
    assert drift(before, before @ turn + 5.0).tenth == pytest.approx(1.0)
    assert drift(before, before.roll(1, dims=0)).mean < 0.9


def test_uniform_attention_has_the_largest_entropy_there_is():
    model = network(dropout=0.0)
    for block in model.blocks():
        torch.nn.init.zeros_(block.attn.c_attn.weight)
    expected = sum(math.log(position) for position in range(1, 7)) / 6
    assert attention_entropy(model.eval(), IDS) == pytest.approx(expected)
    assert attention_entropy(network(use_rotary_embeddings=True).eval(), IDS) < expected


def reference_entropy():
    script = witness()
    shape = dataclasses.asdict(network().architecture)
    model = script.GPT(script.GPTConfig(**shape)).eval()
    return model, script.CausalSelfAttention, "project", script.attention_entropy


def candidate_entropy():
    return network().eval(), CausalSelfAttention, "probabilities", attention_entropy


@pytest.mark.parametrize("side", [reference_entropy, candidate_entropy])
def test_attention_that_is_too_large_costs_its_entropy_alone(side, monkeypatch):
    model, kind, method, entropy = side()
    with monkeypatch.context() as patched:
        patched.setattr(kind, method, out_of_memory)
        assert entropy(model, IDS) == -1.0
    # nobody listens any more, and the next one is computed
    assert not any(block.attn._forward_pre_hooks for block in model.transformer.h)
    assert 0 < entropy(model, IDS) < math.log(6)


def out_of_memory(*_given):
    raise torch.OutOfMemoryError


def test_the_training_does_not_notice():
    model = network()
    before, state = {name: one.clone() for name, one in model.state_dict().items()}, torch.get_rng_state()
    analyst = Analyst("sync", seed=1)
    for iteration in (0, 5):
        analyst.dispatch(model, iteration=iteration, draw=some_ids, tokens=all_tokens)
    first, second = analyst.finish()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(module.training for module in model.modules())
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())
    assert not first.drifts
    assert second.drifts["embeddings"].mean == pytest.approx(1.0)
    # a copy is what it was when it was taken
    snapshot = take_snapshot(model, iteration=1, ids=IDS, tokens=all_tokens(), seed=1)
    expected = analyse(snapshot, None)
    with torch.no_grad():
        model.lm_head.weight.zero_()
    assert analyse(snapshot, None) == expected


def test_a_thread_finds_out_the_same():
    found = []
    for mode in ("sync", "async"):
        analyst = Analyst(mode, seed=1)
        for iteration in (0, 5):
            analyst.dispatch(network(), iteration=iteration, draw=lambda _: IDS, tokens=all_tokens)
        found.append(analyst.finish())
    assert found[0] == found[1]
    assert [one.iteration for one in found[0]] == [0, 5]
    assert not Analyst("off", seed=1).finish()


def test_outliers_are_left_out_and_additions_are_merged_in():
    torch.manual_seed(0)
    model, plain = network(embedding_mode="lora", embedding_rank=2, attn_lora_rank=2), network()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    plain.load_state_dict(model.merged_state())
    for tokens in (all_tokens(), torch.tensor([4, 0, 7])):
        found, expected = (
            analyse(take_snapshot(one, iteration=1, ids=IDS, tokens=tokens, seed=1), None) for one in (model, plain)
        )
        assert (found.embeddings, found.ranks) == (expected.embeddings, expected.ranks)
    few = torch.tensor([4, 4])
    same = analyse(take_snapshot(plain, iteration=1, ids=IDS, tokens=few, seed=1), None)
    # of two equal rows each has one neighbour, and counts itself with -1
    assert same.embeddings.neighbours.mean == 1.0
    assert same.embeddings.mean == pytest.approx(0.0, abs=1e-6)


def test_the_block_shows_the_first_the_middle_and_the_last_layer():
    lines = list(
        analyse(take_snapshot(network(n_layer=5), iteration=7, ids=IDS, tokens=all_tokens(), seed=1), None).lines()
    )
    assert (lines[0], lines[-1]) == ("ASYNC ANALYSIS RESULTS FOR ITERATION 7", "END OF ANALYSIS")
    assert [line.split()[2][:-1] for line in lines if line.startswith("rank of ffn")] == ["ffn.0", "ffn.2", "ffn.4"]


@pytest.mark.parametrize("is_synchronous", [True, False])
def test_what_fails_costs_a_warning(is_synchronous, capsys):
    worker = Worker(is_synchronous=is_synchronous)
    worker.submit(lambda: 1 // 0)
    worker.submit(lambda: 2)
    assert worker.finish() == [2]
    assert "warning: an analysis failed: ZeroDivisionError" in capsys.readouterr().out
    assert isinstance(has_memory(), bool)
