import math

from hypothesis import example, given
from hypothesis import strategies as st

from parity.compare.clocks import is_clock_reading
from parity.trace.lines import PLACE, split_line

FORMATS = ["{:.4f}", "{:e}", "{:g}", "{:+.3f}", "{!r}", "{:,.2f}"]
NUMBERS = st.one_of(
    st.builds(lambda form, value: form.format(value), st.sampled_from(FORMATS), st.floats(-1e9, 1e9)),
    st.builds("{:d}".format, st.integers(-(10**9), 10**9)),
    st.builds("{:,d}".format, st.integers(0, 10**9)),
    st.sampled_from(["nan", "inf", "-inf"]),
)
WORDS = st.from_regex(r"[a-z]{1,7}[:=]?", fullmatch=True).filter(lambda word: word.strip(":=") not in ("nan", "inf"))
LINES = st.lists(st.tuples(WORDS, NUMBERS), min_size=1, max_size=5)
ANY_LINE = st.text(st.sampled_from("0123456789.,:-+eE_ {}[]abinfntx%/\r"), max_size=40) | st.text(max_size=60)


def same(ours, theirs):
    return all(one == other or (math.isnan(one) and math.isnan(other)) for one, other in zip(ours, theirs, strict=True))


@given(ANY_LINE)
@example("{} 3")
@example("{3} {}")
def test_there_are_as_many_places_as_numbers(line):
    template, numbers = split_line(line)
    assert template.count(PLACE) == len(numbers)


@given(LINES)
@example([("inference", "3")])
def test_words_and_numbers_come_apart_as_they_were_put_together(parts):
    line = " ".join(f"{word} {number}" for word, number in parts)
    template, numbers = split_line(line)
    assert template == " ".join(f"{word} {{}}" for word, _ in parts)
    assert same(numbers, [float(number.replace(",", "")) for _, number in parts])


@given(st.lists(WORDS, min_size=1, max_size=4), st.data())
def test_the_template_does_not_depend_on_the_numbers(words, data):
    one, other = (" ".join(f"{word} {data.draw(NUMBERS)}" for word in words) for _ in range(2))
    assert split_line(one)[0] == split_line(other)[0]


@given(st.lists(WORDS, min_size=1, max_size=4), st.data())
def test_numbers_put_back_into_the_template_are_found_again(words, data):
    line = ", ".join(f"{word} {data.draw(NUMBERS)}" for word in words)
    template, numbers = split_line(line)
    parts = template.split(PLACE)
    again = "".join(part + number for part, number in zip(parts, [*map(repr, numbers), ""], strict=True))
    assert split_line(again)[0] == template
    assert same(split_line(again)[1], numbers)


@given(ANY_LINE)
def test_a_template_holds_no_further_number(line):
    template, _ = split_line(line)
    assert split_line(template)[1] == []


@given(st.text(max_size=20), st.text(st.characters(exclude_characters="\r"), min_size=1, max_size=20))
def test_only_what_follows_the_last_return_counts(before, after):
    assert split_line(f"{before}\r{after}") == split_line(after)


@given(ANY_LINE, st.integers(0, 12))
def test_whether_a_number_is_a_clock_reading_can_always_be_told(line, position):
    template, _ = split_line(line)
    assert is_clock_reading(f"{template}#{position}") in (True, False)
