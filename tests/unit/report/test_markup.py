"""Nothing that a text says becomes markup."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collatio.report.markup import Markup, el, escaped, joined


class Reader(HTMLParser):
    """Read the one element that was written."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")))
def test_any_text_reads_back_as_itself(text: str) -> None:
    """A browser reads one element with that text and that attribute, whatever they are."""
    reader = Reader()
    reader.feed(el("p", text, title=text) + "<end>")
    assert reader.tags == [("p", {"title": text}), ("end", {})]
    assert reader.text == text


def test_what_html_cannot_hold_is_replaced() -> None:
    """Control characters and lone surrogates become U+FFFD; tabs and line ends stay."""
    assert escaped("a\x00b\x1b\ud800\tc\n") == "a\ufffdb\ufffd\ufffd\tc\n"


def test_markup_is_written_as_it_is() -> None:
    """What this module wrote is not escaped again; nothing is written for None."""
    assert joined(el("b", "<"), None, ["&", Markup("<i>")]) == "<b>&lt;</b>&amp;<i>"


def test_attributes_that_are_none_or_false_are_left_out() -> None:
    """True is an attribute without a value; a trailing underscore frees a name from Python's keywords."""
    assert (
        el("input", open=True, hidden=False, id=None, class_="x", data_f=1)
        == '<input open class="x" data-f="1">'
    )


@pytest.mark.parametrize("name", ["style", "onclick", "onerror_"])
def test_style_and_handlers_cannot_be_written(name: str) -> None:
    """What the page's policy forbids is refused where it would be written."""
    with pytest.raises(ValueError, match="attribute"):
        el("p", **{name: "x"})


@pytest.mark.parametrize(
    "target",
    ["javascript:alert(1)", "https://example.org/", "//example.org", "data:x", "a b", "", "#a:b", "/etc"],
)
def test_a_link_leads_nowhere_else(target: str) -> None:
    """Only anchors and files beside the page can be linked to."""
    with pytest.raises(ValueError, match="link"):
        el("a", "x", href=target)


@pytest.mark.parametrize("target", ["#pair-1", "report/pair-00001.html", "../report.html#pairs"])
def test_a_link_to_what_is_beside_is_written(target: str) -> None:
    """Anchors and files beside the page."""
    assert el("a", href=target) == f'<a href="{target}"></a>'
