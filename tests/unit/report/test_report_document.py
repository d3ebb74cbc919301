import pytest

from parity.report.document import Code, Excerpt, Strong, Table, plain


@pytest.mark.parametrize("width", [0, 1, 3])
def test_a_row_is_as_wide_as_its_header(width):
    with pytest.raises(AssertionError, match="under a header of 2"):
        Table((("one",), ("two",)), ((("cell",),) * width,))


def test_plain_text_keeps_every_word_and_drops_the_formatting():
    assert plain(("a ", Code("b|c"), Strong((" d ", Code("e"))), "")) == "a b|c d e"


@pytest.mark.parametrize(
    ("excerpt", "place"),
    [
        (Excerpt("x"), ""),
        (Excerpt("x", file="train.py"), "train.py"),
        (Excerpt("x", file="train.py", line=3), "train.py:3"),
        (Excerpt("x", file="train.py", line=3, function="main"), "train.py:3 in main"),
    ],
)
def test_the_place_of_an_excerpt_says_what_is_known(excerpt, place):
    assert plain(excerpt.place) == place


@pytest.mark.parametrize(
    ("first", "line", "code", "marked"),
    [
        (10, 11, "a\nb\nc", 1),
        (10, 10, "a\nb\nc", 0),
        (10, 13, "a\nb\nc", -1),
        (10, 9, "a\nb\nc", -1),
        (0, 1, "a\nb\nc", -1),
        (10, 10, "a", -1),
    ],
)
def test_the_line_that_matters_is_pointed_out_among_several(first, line, code, marked):
    assert Excerpt(code, file="f", line=line, first=first).marked == marked
