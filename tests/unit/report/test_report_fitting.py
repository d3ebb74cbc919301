"""Cutting a document: it fits, keeps what comes first, and never hides that something is gone."""

from hypothesis import given
from hypothesis import strategies as st

from parity.report.document import Bullets, Document, Paragraph, Section, Table
from parity.report.fitting import fitted
from parity.report.markdown import render_markdown

WORDS = st.text(alphabet="abc|* ", min_size=1, max_size=60).map(lambda text: (text,))
BLOCKS = st.one_of(
    WORDS.map(Paragraph),
    st.lists(WORDS, min_size=1, max_size=30).map(lambda items: Bullets(tuple(items), ticked=(True,) * len(items))),
    st.lists(WORDS, max_size=30).map(lambda cells: Table((("a",),), tuple((cell,) for cell in cells))),
)
SECTIONS = st.recursive(
    st.builds(Section, WORDS, st.lists(BLOCKS, max_size=4).map(tuple)),
    lambda inner: st.builds(
        Section, WORDS, st.lists(BLOCKS, max_size=2).map(tuple), st.lists(inner, max_size=4).map(tuple)
    ),
    max_leaves=12,
)
DOCUMENTS = st.builds(Document, st.just(("Title",)), st.lists(SECTIONS, max_size=6).map(tuple))


def size(document):
    return len(render_markdown(document).encode())


@given(DOCUMENTS, st.integers(min_value=1000, max_value=6000))
def test_it_fits_and_says_so_if_anything_is_gone(document, limit):
    cut = fitted(document, limit, render_markdown, "see the whole")
    assert size(cut) <= limit
    if size(document) <= limit:
        assert cut == document
    else:
        assert "see the whole" in render_markdown(cut)


def test_rows_give_way_before_sections_and_sections_in_the_order_of_reading():
    long = Table((("a",),), tuple(((f"row {at} " + "x" * 50,),) for at in range(200)))
    document = Document(("Title",), (Section(("First",), (long,)), Section(("Second",), (Paragraph(("text",)),))))
    text = render_markdown(fitted(document, 6000, render_markdown, "see the whole"))
    assert "row 0 " in text
    assert "row 199 " not in text
    assert "The rest of this section is left out here: see the whole." in text
    assert text.index("First") < text.index("left out here")
