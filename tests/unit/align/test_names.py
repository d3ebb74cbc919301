import pytest

from parity.align.names import Alignment, align_names, unwrapped
from tests.unit.compare.trace_builder import buffers, parameters, process, series


def aligned(reference, candidate, ours="float32[4]", theirs="float32[4]"):
    """The alignment of two models, given as initial content by parameter name."""
    return align_names(process(*parameters(reference, ours)), process(*parameters(candidate, theirs)))


@pytest.mark.parametrize(
    ("reference", "candidate", "expected", "method"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, {}, None),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {}, None),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}, {}, None),
        ({"a.w": 1}, {"module.a.w": 9}, {"a.w": "module.a.w"}, "wrapper prefix"),
        ({"module.a.w": 1}, {"a.w": 9}, {"module.a.w": "a.w"}, "wrapper prefix"),
        ({"_orig_mod.a": 1}, {"module.a": 9}, {"_orig_mod.a": "module.a"}, "wrapper prefix"),
        ({"a.b": 1}, {"_orig_mod.module.a._checkpoint_wrapped_module.b": 9}, None, "wrapper prefix"),
        ({"a": 1}, {"x": 1}, {"a": "x"}, "equal initial content"),
        ({"a": 1, "b": 2}, {"x": 2, "y": 1}, {"a": "y", "b": "x"}, "equal initial content"),
        ({"a": 0, "b": 0}, {"x": 0, "y": 0}, {"a": "x", "b": "y"}, "equal initial content"),
        ({"a": 1, "b": 2}, {"x": 3, "y": 4}, {"a": "x", "b": "y"}, "order and shape"),
    ],
)
def test_stages(reference, candidate, expected, method):
    found = aligned(reference, candidate)
    if expected is not None:
        assert found.parameters == expected
    assert set(found.methods.values()) == ({method} if method else set())
    assert set(found.methods) == set(found.parameters)


@pytest.mark.parametrize(
    ("reference", "candidate", "expected"),
    [
        pytest.param({"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 3}, {}, id="one missing"),
        pytest.param({"a": 1, "c": 3}, {"a": 1, "b": 2, "c": 3}, {}, id="one extra"),
        pytest.param({"a": 1, "b": 2, "c": 3}, {"x": 1, "z": 3}, {"a": "x", "c": "z"}, id="renamed and one missing"),
        pytest.param({"a": 7, "b": 8, "c": 9}, {"x": 4, "y": 5}, {}, id="nothing known, sizes differ"),
        pytest.param({"a": 0, "b": 0, "c": 3}, {"x": 0, "z": 3}, {"c": "z"}, id="ambiguous ones stay apart"),
        pytest.param({"a": 0, "b": 0, "c": 0}, {"b": 0, "y": 0, "z": 0}, {"a": "y", "c": "z"}, id="names first"),
        pytest.param({}, {"a": 1}, {}, id="no model on one side"),
        pytest.param({}, {}, {}, id="no model"),
    ],
)
def test_a_missing_parameter_shifts_nothing(reference, candidate, expected):
    assert aligned(reference, candidate).parameters == expected


def test_parameters_that_begin_alike_are_told_apart_by_their_first_gradients():
    ours = [series("gradient", [5, 9], "a"), series("gradient", [6, 8], "b")]
    theirs = [series("gradient", [6, 1], "x"), series("gradient", [5, 1], "y")]
    others = [series("gradient", [7, 1], "x"), series("gradient", [8, 1], "y")]
    inventories = parameters({"a": 0, "b": 0}), parameters({"x": 0, "y": 0})
    told = align_names(process(*inventories[0], *ours), process(*inventories[1], *theirs))
    assert told.parameters == {"a": "y", "b": "x"}
    guessed = align_names(process(*inventories[0], *ours), process(*inventories[1], *others))
    assert guessed.parameters == {"a": "x", "b": "y"}


def test_shape_keeps_apart_what_order_would_join():
    kinds = {"a": "float32[4]", "b": "float32[8]"}, {"x": "float32[8]", "y": "float32[4]"}
    assert aligned({"a": 1, "b": 2}, {"x": 3, "y": 4}, *kinds).parameters == {"a": "y", "b": "x"}


def test_equal_content_of_another_shape_is_another_parameter():
    assert aligned({"a": 0}, {"x": 0}, "float32[4]", "float32[8]").parameters == {}


def test_buffers_are_aligned_but_never_with_parameters():
    found = align_names(process(*buffers({"mask": 1})), process(*buffers({"causal": 1})))
    assert found.parameters == {"mask": "causal"}
    assert align_names(process(*buffers({"mask": 1})), process(*parameters({"causal": 1}))).parameters == {}


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("a.b", "a.b"),
        ("module.a", "a"),
        ("_orig_mod.module.a.b", "a.b"),
        ("a.module.b", "a.b"),
        ("a._fsdp_wrapped_module.b", "a.b"),
        ("modules.a", "modules.a"),
        ("module", ""),
    ],
)
def test_unwrapped(name, bare):
    assert unwrapped(name) == bare


RENAMED = Alignment({"fc.weight": "head.weight", "module.ln.bias": "norm.bias"}, {"out/a.pt": "out/b.pt"})


@pytest.mark.parametrize(
    ("channel", "name", "expected"),
    [
        ("gradient", "fc.weight", "head.weight"),
        ("gradient", "other", "other"),
        ("parameter_initial", "fc.weight", "head.weight"),
        ("buffer", "fc.weight", "head.weight"),
        ("optimizer_group", "fc.weight", "head.weight"),
        ("tied_storage", "fc.weight", "head.weight"),
        ("optimizer_state", "fc.weight/exp_avg", "head.weight/exp_avg"),
        ("optimizer_state", "other/exp_avg", "other/exp_avg"),
        ("loss", "fc.weight", "fc.weight"),
        ("config", "fc.weight", "fc.weight"),
        ("checkpoint_file", "out/a.pt", "out/b.pt"),
        ("checkpoint_file", "out/c.pt", "out/c.pt"),
        ("checkpoint_tensor", "out/a.pt::model.fc.weight", "out/b.pt::model.head.weight"),
        ("checkpoint_kind", "out/c.pt::fc.weight", "out/c.pt::head.weight"),
        ("checkpoint_value", "out/a.pt::lr", "out/b.pt::lr"),
        ("checkpoint_tensor", "out/a.pt::model.ln.bias", "out/b.pt::model.norm.bias"),
        ("checkpoint_tensor", "out/a.pt::fc.weight.extra", "out/b.pt::fc.weight.extra"),
    ],
)
def test_the_candidates_name(channel, name, expected):
    assert RENAMED.candidate_name(channel, name) == expected


def test_a_checkpoint_key_takes_the_longest_parameter_name():
    both = Alignment({"ln.weight": "norm.weight", "block.ln.weight": "layer.ln1.weight"})
    assert both.candidate_name("checkpoint_tensor", "a::block.ln.weight") == "a::layer.ln1.weight"


def test_a_checkpoint_key_of_a_parameter_that_kept_its_name_stays():
    found = aligned({"ln.weight": 1, "block.ln.weight": 2}, {"norm.weight": 1, "block.ln.weight": 2})
    name = "ckpt.pt::model.block.ln.weight"
    assert found.candidate_name("checkpoint_tensor", name) == name


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (["a.pt"], ["a.pt"], {}),
        (["a.pt"], ["b.pt"], {"a.pt": "b.pt"}),
        (["a.pt", "best.pt"], ["best.pt", "b.pt"], {"a.pt": "b.pt"}),
        (["a.pt", "c.pt"], ["b.pt", "d.pt"], {}),
        (["a.pt", "c.pt"], ["b.pt"], {}),
        (["x/a.pt", "x/b.pt"], ["y/b.pt", "y/a.pt"], {"x/a.pt": "y/a.pt", "x/b.pt": "y/b.pt"}),
        (["x/a.pt", "x/b.pt"], ["y/a.pt", "y/c.pt"], {"x/a.pt": "y/a.pt", "x/b.pt": "y/c.pt"}),
        (["x/a.pt", "y/a.pt"], ["z/a.pt", "w/a.pt"], {}),
        (["x/a.pt", "y/a.pt"], ["x/a.pt", "z/a.pt"], {"y/a.pt": "z/a.pt"}),
        (["a.pt"], [], {}),
        ([], [], {}),
    ],
)
def test_checkpoint_files(ours, theirs, expected):
    sides = [process(*(series("checkpoint_file", [1], name) for name in names)) for names in (ours, theirs)]
    assert align_names(*sides).files == expected
