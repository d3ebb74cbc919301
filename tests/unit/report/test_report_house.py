"""A house's own templates come before the shipped ones, and can still use them."""

import pytest

from parity.report.document import Bullets, Document, Paragraph, Section
from parity.report.house import TEMPLATES
from parity.report.markdown import render_markdown
from tests.payloads import HOSTILE

DOCUMENT = Document(("Title",), (Section(("Heading",), (Paragraph(("<b>text</b>",)),)),))


def test_a_template_of_the_house_is_used_in_place_of_the_shipped_one(tmp_path):
    (tmp_path / "document.md.j2").write_text("House: {{ document.title }} of {{ document.sections | length }}\n")
    assert render_markdown(DOCUMENT, tmp_path) == "House: Title of 1\n"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_template_of_the_house_cannot_forget_to_escape(tmp_path, text):
    (tmp_path / "document.md.j2").write_text("{{ document.title }}\n")
    assert "<script" not in render_markdown(Document((text,), ()), tmp_path)


def test_a_template_of_the_house_can_extend_the_shipped_one(tmp_path):
    template = "Before.\n\n{% include 'shipped/document.md.j2' %}\nAfter.\n"
    (tmp_path / "document.md.j2").write_text(template)
    assert render_markdown(DOCUMENT, tmp_path) == f"Before.\n\n{render_markdown(DOCUMENT)}\nAfter.\n"


def test_without_a_house_or_with_an_empty_one_the_shipped_templates_are_used(tmp_path):
    assert (
        render_markdown(DOCUMENT, tmp_path) == render_markdown(DOCUMENT, tmp_path / "none") == render_markdown(DOCUMENT)
    )


def test_boxes_repeat_what_words_say():
    document = Document(("T",), (Section(("H",), (Bullets((("Proved: a",), ("Missing: b",)), ticked=(True, False)),)),))
    assert render_markdown(document).endswith("-   [x] Proved: a\n-   [ ] Missing: b\n")


def test_every_item_has_a_box_or_none_has():
    with pytest.raises(AssertionError, match="1 boxes for 2 items"):
        Bullets((("a",), ("b",)), ticked=(True,))


def test_another_directory_has_templates_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert render_markdown(DOCUMENT, TEMPLATES).startswith("# Title")
    place = tmp_path / "house" / TEMPLATES
    place.mkdir(parents=True)
    (place / "document.md.j2").write_text("the house\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "house")
    assert render_markdown(DOCUMENT, TEMPLATES) == "the house\n"
