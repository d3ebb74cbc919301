"""Low rank, vocabularies and the weights of others: what they mean, and that both sides agree bit for bit."""

import dataclasses

import pytest
import torch
from torch import nn

from tests.unit.trainers.networks import shape, some_tokens
from tests.unit.trainers.witness import witness
from trainers.__main__ import main
from trainers.char_gpt.lora import LowRankEmbedding, LowRankLinear, low_rank_layers, merged_state, with_rank
from trainers.char_gpt.model import GPT
from trainers.char_gpt.pretrained import GPT2_SIZES, load_gpt2
from trainers.char_gpt.vocabulary import CoreAccuracy, Remapping, load_remapping
from trainers.common.errors import CheckpointError, DataError
from trainers.datasets.remapping import most_frequent

SCRIPT = witness()
ADAPTED = shape(bias=True, embedding_mode="lora", embedding_rank=3, attn_lora_rank=2, lora_alpha=4.0)


def both(**changes):
    """The models of both sides from the same seed."""
    shape = dataclasses.replace(ADAPTED, **changes)
    torch.manual_seed(0)
    reference = SCRIPT.GPT(SCRIPT.GPTConfig(**dataclasses.asdict(shape)))
    torch.manual_seed(0)
    return reference, GPT(shape)


def learn(model, steps=3):
    optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.5)
    for _ in range(steps):
        optimizer.zero_grad()
        model(some_tokens(), some_tokens().roll(1, 0))[1].backward()
        optimizer.step()


def assert_same(reference, candidate):
    assert list(reference) == list(candidate)
    assert all(torch.equal(reference[name], candidate[name]) for name in reference)


CHANGES = [{}, {"embedding_mode": "standard"}, {"attn_lora_rank": 0}, {"bias": False, "use_rotary_embeddings": True}]


@pytest.mark.parametrize("changes", CHANGES)
def test_both_sides_learn_merge_and_save_the_same(changes):
    models = both(**changes)
    assert_same(*(model.state_dict() for model in models))
    for model in models:
        learn(model)
    assert_same(*(model.state_dict() for model in models))
    assert_same(*(model.merged_state_dict() if model is models[0] else model.merged_state() for model in models))


def test_an_addition_starts_at_nothing_and_is_all_that_learns():
    _, model = both()
    plain = GPT(dataclasses.replace(ADAPTED, embedding_mode="standard", attn_lora_rank=0))
    plain.load_state_dict(model.merged_state())
    assert torch.equal(model(some_tokens())[0], plain(some_tokens())[0])
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    learn(model)
    unchanged = {name for name, tensor in model.state_dict().items() if torch.equal(tensor, before[name])}
    assert unchanged == {
        "transformer.wte.main_weight.weight",
        "lm_head.weight",
        *(f"transformer.h.{layer}.attn.c_attn.main_weight.weight" for layer in range(2)),
    }


def test_a_merged_checkpoint_computes_the_same_in_a_plain_model():
    _, model = both(embedding_mode="standard")
    learn(model)
    plain = GPT(dataclasses.replace(ADAPTED, embedding_mode="standard", attn_lora_rank=0))
    plain.load_state_dict(model.merged_state())
    assert torch.allclose(model(some_tokens())[0], plain(some_tokens())[0], atol=1e-6)
    assert not torch.allclose(merged_state(model)["transformer.h.0.attn.c_attn.weight"], _main(model), atol=1e-6)


def _main(model):
    return model.transformer.h[0].attn.c_attn.main_weight.weight


def test_the_embeddings_stay_one_matrix_in_a_merged_checkpoint():
    _, model = both()
    learn(model)
    state = model.merged_state()
    assert torch.equal(state["lm_head.weight"], state["transformer.wte.weight"])
    assert not torch.equal(state["lm_head.weight"], model.lm_head.weight)
    assert model.token_embedding.weight is model.lm_head.weight


@pytest.mark.parametrize("layer", [nn.Linear(4, 6), nn.Linear(4, 6, bias=False), nn.Embedding(4, 6)])
@pytest.mark.parametrize("ranks", [(0, 0), (0, 3), (2, 0), (2, 3)])
def test_another_rank_computes_the_same(layer, ranks):
    inputs = torch.arange(4) if isinstance(layer, nn.Embedding) else torch.randn(5, 4)
    adapted = with_rank(layer, rank=ranks[0], alpha=8.0)
    if ranks[0]:
        assert isinstance(adapted, LowRankLinear | LowRankEmbedding)
        torch.nn.init.normal_(adapted.lora_B)
    before = adapted(inputs).detach()
    again = with_rank(adapted, rank=ranks[1], alpha=8.0)
    assert torch.allclose(again(inputs), before, atol=1e-5)
    main = again.main_weight if ranks[1] else again
    assert main.weight.requires_grad is not bool(ranks[1])
    assert len(low_rank_layers(nn.Sequential(again))) == bool(ranks[1])


@pytest.mark.parametrize("rank", [0, 3])
def test_both_sides_change_ranks_the_same(rank):
    models = both()
    changed = []
    for model in models:
        learn(model)
        torch.manual_seed(7)
        layer = model.transformer.h[1].attn.c_attn
        if model is models[0]:
            changed.append(SCRIPT.set_lora_rank(layer, rank, 2.0))
        else:
            changed.append(with_rank(layer, rank=rank, alpha=2.0))
    assert_same(*(layer.state_dict() for layer in changed))


@pytest.mark.parametrize("changes", [{}, {"embedding_mode": "standard"}])
def test_new_tokens_begin_near_an_old_one_on_both_sides(changes):
    models = both(**changes)
    before = models[1](some_tokens())[0].detach()
    for model, options in zip(models, ({"vocab_size": 15}, {"size": 15}), strict=True):
        torch.manual_seed(3)
        model.resize_vocabulary(**options, source=4, noise=0.01)
    assert_same(*(model.state_dict() for model in models))
    _, model = models
    assert (model.architecture.vocab_size, models[0].args.vocab_size) == (15, 15)
    assert model.token_embedding.weight is model.lm_head.weight
    assert model.lm_head.weight.requires_grad is (changes != {})
    assert torch.allclose(model(some_tokens())[0][..., :11], before, atol=1e-6)
    assert 0 < (model.lm_head.weight[11:] - model.lm_head.weight[4]).abs().max() < 0.06
    model(some_tokens() + 4, some_tokens())


def test_published_weights_compute_the_same_as_their_own_model(tmp_path):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    theirs = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(n_layer=2, n_head=2, n_embd=8, n_positions=6, vocab_size=11, activation_function="gelu")
    ).eval()
    place = tmp_path / "gpt2-medium"
    place.mkdir()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.3)
    torch.save(theirs.state_dict(), place / "pytorch_model.bin")
    reference, candidate = both(attn_lora_rank=2)
    reference.load_merged_state_dict(witness(gpt2_dir=str(tmp_path)).load_gpt2("gpt2-medium"))
    candidate.load_merged_state(load_gpt2("gpt2-medium", directory=tmp_path))
    assert_same(reference.state_dict(), candidate.state_dict())
    found = candidate.eval()(some_tokens(), some_tokens())[0]
    assert torch.allclose(found, theirs(some_tokens()).logits, atol=1e-4)


def test_a_gpt2_made_for_tests_has_every_weight_of_its_size(tmp_path):
    assert main(["data", "gpt2-tiny", "--out", str(tmp_path)]) == 0
    size = GPT2_SIZES["gpt2-tiny"]
    shape = dataclasses.replace(ADAPTED, **size, vocab_size=50257, block_size=1024)
    GPT(shape).load_merged_state(load_gpt2("gpt2-tiny", directory=tmp_path))
    with pytest.raises(CheckpointError, match="--gpt2_dir"):
        load_gpt2("gpt2-xl", directory=tmp_path)


def test_the_most_frequent_tokens_keep_a_place_of_their_own(tmp_path, capsys):
    vector = most_frequent(torch.tensor([3, 3, 3, 0, 0, 4, 4, 4, 4, 2]), vocabulary_size=6, size=4)
    assert vector.tolist() == [0, 3, 3, 1, 2, 3]
    main(["data", "char-tiny", "--out", str(tmp_path)])
    assert main(["data", "remapping", "--size", "40", "--out", str(tmp_path)]) == 0
    assert "--shrunken_vocab_size=40 --RARE_TOKEN_ID=39" in capsys.readouterr().out
    found = load_remapping(tmp_path / "remapping.pt", device=torch.device("cpu"))
    assert (len(found), sorted(set(found.tolist()))) == (65, list(range(40)))
    assert main(["data", "remapping", "--size", "65", "--out", str(tmp_path)]) == 2
    with pytest.raises(DataError, match="data remapping"):
        load_remapping(tmp_path / "absent.pt", device=torch.device("cpu"))
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(DataError, match="no vector"):
        load_remapping(tmp_path / "list.pt", device=torch.device("cpu"))


def test_core_accuracy_leaves_rare_targets_out():
    remapping = Remapping(torch.tensor([0, 2, 1, 2]), rare_token=2)
    inputs, targets = remapping((torch.tensor([[0, 1], [2, 3]]), torch.tensor([[2, 2], [3, 0]])))
    assert (inputs.tolist(), targets.tolist()) == ([[0, 2], [1, 2]], [[1, 1], [2, 0]])
    accuracy = CoreAccuracy(remapping)
    assert accuracy.share == 0.0
    guesses = torch.tensor([[1, 0], [2, 0]])  # right at two of three core positions, and at the rare one
    accuracy.add(nn.functional.one_hot(guesses, 3).float(), targets)
    assert accuracy.share == pytest.approx(2 / 3)
