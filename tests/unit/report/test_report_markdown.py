"""What Markdown says is checked by reading it back with a CommonMark parser, tables and strikethrough included."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from parity.report.document import (
    Bullets,
    Code,
    Document,
    Evidence,
    Excerpt,
    Paragraph,
    Section,
    Side,
    Strong,
    Table,
)
from parity.report.markdown import render_markdown
from parity.report.wording import squeezed, visible
from tests.payloads import HOSTILE

TEXTS = st.text(max_size=40) | st.text(alphabet="|`\\*_<>&#-+1.) \n[]~$!x", max_size=12) | st.sampled_from(HOSTILE)
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def everywhere(test):
    """Try every hostile text for sure, and many others."""
    for text in HOSTILE:
        test = example(text)(test)
    return given(TEXTS)(test)


def parsed(*blocks):
    return PARSER.parse(render_markdown(Document(("T",), (Section(("H",), blocks),))))[6:]


def inlines(tokens):
    return [token for token in tokens if token.type == "inline"]


def read(token):
    """Words of an inline token, without its formatting."""
    return "".join(child.content for child in token.children)


def kinds(token):
    return {child.type for child in token.children} - {"text", "text_special"}


@everywhere
def test_running_text_is_read_back_as_it_is(text):
    (token,) = inlines(parsed(Paragraph((f"before {text} after",))))
    assert read(token) == visible(squeezed(f"before {text} after"))
    assert kinds(token) == set()


@everywhere
def test_a_paragraph_of_any_text_is_one_paragraph(text):
    tokens = parsed(Paragraph((text,)))
    assert "".join(read(token) for token in inlines(tokens)) == visible(squeezed(text)).strip()
    assert [token.type for token in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"])


@everywhere
def test_a_code_span_is_read_back_as_it_is(text):
    (token,) = inlines(parsed(Paragraph(("x ", Code(text), " y"))))
    if not text:
        assert read(token) == "x (empty) y"
        return
    assert [child.content for child in token.children] == ["x ", visible(text), " y"]
    assert kinds(token) == {"code_inline"}


@everywhere
def test_a_table_keeps_its_columns_and_its_texts(text):
    row = ((text,), (Code(text),), (Strong((text, Code(text))),), ("x",))
    tokens = parsed(Table((("a",), ("b",), ("c",), ("d",)), (row, row)))
    assert sum(token.type == "table_open" for token in tokens) == 1
    assert sum(token.type == "tr_open" for token in tokens) == 3
    cells = inlines(tokens)[4:]
    assert len(cells) == 8
    code = visible(text) or "(empty)"
    for plain, span, strong, last in (cells[:4], cells[4:]):
        assert read(plain) == visible(squeezed(text)).strip()
        assert read(span) == code
        assert read(strong).replace(" ", "") == (visible(squeezed(text)) + code).replace(" ", "")
        assert read(last) == "x"
        assert kinds(plain) == set()


@everywhere
def test_neighbouring_code_spans_stay_apart(text):
    (token,) = inlines(parsed(Paragraph((Code("a"), Code(text or "b"), Code("c")))))
    assert [child.content for child in token.children if child.type == "code_inline"] == [
        "a",
        visible(text or "b"),
        "c",
    ]


@everywhere
def test_list_items_and_headings_hold_any_text(text):
    tokens = parsed(Bullets(((f"{text} end",), (Code(text or "b"),)), numbered=True))
    assert [token.type for token in tokens].count("list_item_open") == 2
    assert [token.type for token in tokens].count("ordered_list_open") == 1
    assert read(inlines(tokens)[0]) == visible(squeezed(f"{text} end")).strip()
    title, section = inlines(PARSER.parse(render_markdown(Document((f"{text} end",), (Section((f"x{text}",)),)))))
    assert read(title) == visible(squeezed(f"{text} end")).strip()
    assert read(section) == visible(squeezed(f"1. x{text}")).strip()


@everywhere
def test_an_excerpt_cannot_leave_its_fence(text):
    code = f"first\n{text}\n````\nlast"
    tokens = parsed(Excerpt(code, file=text, line=3, function=text), Paragraph(("after",)))
    fences = [token for token in tokens if token.type == "fence"]
    assert [token.info for token in fences] == ["python"]
    assert fences[0].content.splitlines()[0] == "first"
    assert fences[0].content.splitlines()[-1] == "last"
    assert read(inlines(tokens)[-1]) == "after"


@everywhere
def test_evidence_is_two_items_with_an_excerpt_each(text):
    side = Side((Code(text),), (Code(text), " calls"), (Excerpt(f"\tx\n\n\n{text}\ny", file="a.py", line=1),))
    tokens = parsed(Evidence(side, side), Paragraph(("after",)))
    assert [token.type for token in tokens].count("list_item_open") == 2
    fences = [token for token in tokens if token.type == "fence"]
    assert len(fences) == 2
    assert all(token.content.startswith("    x\n\n\n") and token.content.endswith("y\n") for token in fences)
    assert tokens[-2].level == 1


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_the_same_document_gives_the_same_bytes_and_can_be_written(texts):
    document = Document(tuple(texts), (Section(("H",), (Paragraph(tuple(Code(text) for text in texts)),)),))
    rendered = render_markdown(document)
    assert rendered.encode("utf-8") == render_markdown(document).encode("utf-8")
    assert rendered.endswith("\n")
    assert not rendered.endswith("\n\n")


def test_strong_words_are_strong():
    (token,) = inlines(parsed(Paragraph((Strong(("Different:", " ", Code("lr"))), " x ", Strong(("",))))))
    assert [child.type for child in token.children if child.nesting] == ["strong_open", "strong_close"]
    assert read(token) == "Different: lr x"


def test_whole_document():
    inner = Section(("Inner ", Code("x_y")), (Paragraph(("snake_case and __dunder__",)),))
    blocks = (
        Paragraph((Strong(("Different.",)), " 2 < 3 & so on.")),
        Table((("Name",), (Code("train.py"),)), (((Code("a|b"),), ("1",)),)),
        Bullets((("one",), ("two",))),
        Bullets((("first",), ("second",)), numbered=True),
        Evidence(
            Side((Code("train.py"),), (Code("0.1"),), (Excerpt("a\nb", file="train.py", line=8, first=7),)),
            Side((Code("new.py"),), ("nothing observed",)),
        ),
        Excerpt("boom", language="text"),
    )
    assert render_markdown(Document(("Title",), (Section(("One",), blocks, (inner,)), Section(("Two",))))) == WHOLE


WHOLE = r"""# Title

## 1. One

**Different.** 2 &lt; 3 &amp; so on.

| Name | `train.py` |
| :--- | :--- |
| `a\|b` | 1 |

-   one
-   two

1.  first
2.  second

-   **Reference** `train.py`: `0.1`

    `train.py:8`:

    ```python
    a
    b  # <- line 8
    ```

-   **Candidate** `new.py`: nothing observed

```text
boom
```

### 1.1. Inner `x_y`

snake_case and \_\_dunder\_\_

## 2. Two
"""


def test_a_text_that_a_template_forgot_to_escape_is_escaped():
    from parity.report import markdown

    template = markdown._environment().from_string("{{ text }} {{ many }}")
    assert template.render(text="a*b", many=("<", Code("|"))) == r"a\*b &lt;`|`"


def test_a_name_that_a_template_gets_wrong_is_an_error():
    from jinja2 import UndefinedError

    from parity.report import markdown

    with pytest.raises(UndefinedError, match="sections"):
        markdown._environment().from_string("{{ sections }}").render()
