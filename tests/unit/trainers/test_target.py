"""Where a schedule leads, told before it begins, and how that differs from where it should lead."""

import dataclasses
import json
from types import SimpleNamespace

import pytest

from tests.unit.trainers.networks import shape
from tests.unit.trainers.witness import witness
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.scaling import ScalingSchedule
from trainers.char_gpt.scheduler import OperationScheduler
from trainers.common.config import build_config, parse_command_line
from trainers.common.errors import ConfigError

DATA_TOKENS = 15


def operation(name, value, *, completed=False):
    return {"name": name, "value": value, "completed": completed}


def reference(architecture, operations, wanted):
    lines = []
    script = witness(
        raw_model=SimpleNamespace(args=SimpleNamespace(**dataclasses.asdict(architecture))),
        scaling_schedule=operations,
        target_architecture_config=wanted,
        data_vocab_size=DATA_TOKENS,
        logger=SimpleNamespace(log=lines.append),
    )
    script.find_part.__globals__.update(vars(script))
    script.log_target_architecture()
    return lines


def candidate(architecture, operations, wanted):
    config = build_config(CharGptConfig, {"target_architecture_config": wanted})
    run = SimpleNamespace(
        config=config,
        learner=SimpleNamespace(bare_model=SimpleNamespace(architecture=architecture)),
        data_vocabulary_size=DATA_TOKENS,
    )
    schedule = ScalingSchedule(operations, path=None, is_master=True)
    return OperationScheduler(schedule, run, estimate=None, reporter=None).outlook()


GROWTH = [operation("widen_mlp", 40), operation("stack_layers", [0, 1, 1]), operation("resize_vocabulary", [1, 0.1])]


@pytest.mark.parametrize("side", [reference, candidate])
@pytest.mark.parametrize(
    ("operations", "wanted", "changed", "warnings"),
    [
        (GROWTH, None, {"n_hidden": 40, "n_layer": 3, "vocab_size": DATA_TOKENS}, []),
        # low rank is merged in the end, and the learning rate is no size
        ([operation("set_attn_lora_rank", 2), operation("set_lr", 1.0)], None, {}, []),
        # what will be refused, and what has been done
        ([operation("widen_mlp", "wide"), operation("stack_layers", 2)], None, {}, []),
        ([operation("widen_mlp", 40, completed=True), *GROWTH[1:2]], None, {"n_layer": 3}, []),
        ([*GROWTH[:2], operation("widen_mlp", 64)], {"n_hidden": 64}, {"n_hidden": 64, "n_layer": 3}, []),
        (
            GROWTH[:1],
            {"n_layer": 4, "n_hidden": 48, "n_head": 2},
            {"n_hidden": 40},
            [("n_hidden", 40, 48), ("n_layer", 2, 4)],
        ),
        ([], {"bias": True}, {}, [("bias", False, True)]),
    ],
)
def test_both_sides_say_where_the_schedule_leads(side, operations, wanted, changed, warnings):
    architecture = shape(attn_lora_rank=3)
    first, *others = side(architecture, [dict(one) for one in operations], wanted)
    title, _, text = first.partition(": ")
    assert title == "target architecture"
    expected = dataclasses.asdict(architecture) | changed
    low_rank = {"embedding_mode", "embedding_rank", "attn_lora_rank", "lora_alpha"}
    assert json.loads(text) == {key: value for key, value in expected.items() if key not in low_rank}
    assert others == [
        f"warning: the schedule leads to {key} {found!r}, target_architecture_config says {said!r}"
        for key, found, said in warnings
    ]


@pytest.mark.parametrize("side", [reference, candidate])
def test_without_a_schedule_there_is_nothing_to_say(side):
    assert side(shape(), [], None) == []
    assert side(shape(), [operation("widen_mlp", 40, completed=True)], None) == []


def test_a_size_that_there_is_not_is_refused():
    with pytest.raises(ConfigError, match="has a 'n_layers', expected some of n_layer, n_head"):
        parse_command_line(CharGptConfig, ["--target_architecture_config={'n_layers': 3}"])
    with pytest.raises(ValueError, match="n_layers"):
        reference(shape(), [], {"n_layers": 3})
    with pytest.raises(ConfigError, match=r"target_architecture_config is 3, expected dict or None"):
        parse_command_line(CharGptConfig, ["--target_architecture_config=3"])
