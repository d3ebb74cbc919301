from hypothesis import given
from hypothesis import strategies as st

from parity.align.names import align_names, unwrapped
from tests.unit.compare.trace_builder import parameters, process

NAMES = ["a", "b", "c.w", "module.a", "_orig_mod.b", "module.c.w", "d", "e.f.g"]
KINDS = st.sampled_from(["float32[4]", "float32[8]"])


@st.composite
def models(draw, among=tuple(NAMES)):
    """Parameters in any order, with content and kind; contents are few, so that many are alike."""
    drawn = draw(
        st.lists(st.tuples(st.sampled_from(among), st.integers(0, 2), KINDS), unique_by=lambda one: one[0], max_size=7)
    )
    return {name: content for name, content, _ in drawn}, {name: kind for name, _, kind in drawn}


def align(ours, theirs):
    return align_names(process(*parameters(*ours)), process(*parameters(*theirs)))


@given(models(), models())
def test_no_name_is_used_twice(ours, theirs):
    found = align(ours, theirs)
    matched = {name: found.parameters.get(name, name) for name in ours[0]}
    present = [other for other in matched.values() if other in theirs[0]]
    assert len(set(present)) == len(present)
    assert set(found.parameters) <= set(ours[0])
    assert set(found.parameters.values()) <= set(theirs[0])


@given(models(), models())
def test_equal_names_stay_together_and_shapes_never_mix(ours, theirs):
    found = align(ours, theirs)
    assert not set(found.parameters) & set(theirs[0])
    assert not set(found.parameters.values()) & set(ours[0])
    for name, other in found.parameters.items():
        assert ours[1][name] == theirs[1][other] or unwrapped(name) == unwrapped(other)
        assert found.methods[name] in ("wrapper prefix", "equal initial content", "order and shape")


@given(models(), models())
def test_swapping_the_sides_inverts_the_alignment(ours, theirs):
    forth, back = align(ours, theirs), align(theirs, ours)
    assert {other: name for name, other in forth.parameters.items()} == back.parameters


@given(models())
def test_a_model_is_aligned_with_itself_in_any_order(model):
    contents, kinds = model
    turned = dict(reversed(contents.items())), kinds
    assert align(model, turned).parameters == {}


PLAIN = [one for one in NAMES if unwrapped(one) == one]


@given(models(PLAIN), st.randoms(use_true_random=False))
def test_distinct_contents_are_found_under_any_name_and_in_any_order(model, random):
    """Renaming and shuffling lose nothing, and neither does leaving something out."""
    _, kinds = model
    contents = {name: 100 + at for at, name in enumerate(kinds)}
    renamed = {name: f"new.{at}" for at, name in enumerate(kinds)}
    order = list(kinds)
    random.shuffle(order)
    kept = [name for name in order if random.random() < 0.7]
    theirs = {renamed[name]: contents[name] for name in kept}, {renamed[name]: kinds[name] for name in kept}
    assert align((contents, kinds), theirs).parameters == {name: renamed[name] for name in kept}


@given(models(PLAIN), st.lists(st.sampled_from(["module", "_orig_mod"]), max_size=3))
def test_wrappers_change_nothing(model, wrappers):
    contents, kinds = model
    wrapped = {name: ".".join([*wrappers, name]) for name in contents}
    theirs = {wrapped[name]: 9 for name in contents}, {wrapped[name]: kind for name, kind in kinds.items()}
    expected = {name: other for name, other in wrapped.items() if name != other}
    assert align(model, theirs).parameters == expected
