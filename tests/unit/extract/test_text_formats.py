"""Text, delimited text, Markdown, HTML, XML, JSON: blocks as a reader sees them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from extract_svc.engine.grid import plain_rows
from extract_svc.engine.model import BlockKind, Mark

if TYPE_CHECKING:
    from tests.unit.extract.conftest import Run


def test_paragraphs_are_set_apart_by_blank_lines(run: Run) -> None:
    """Lines of a paragraph stay together."""
    assert [b.text for b in run("a\r\nb\r\n \r\nc", "x.txt").blocks] == ["a\nb", "c"]


def test_cues_read_without_their_times(run: Run) -> None:
    """Subtitles are what is said, with the speaker where one is named."""
    cues = "WEBVTT\n\n1\n00:01.000 --> 00:02.000 align:left\n<v Ann>Hello <i>you</i>\n\nNOTE skip me not\n"
    assert [b.text for b in run(cues, "x.vtt").blocks] == ["Ann: Hello you", "skip me not"]


def test_the_delimiter_is_the_one_that_cuts_evenly(run: Run) -> None:
    """Commas inside quotes and other delimiters do not confuse the cells."""
    found = run('a;b;c\n1,5;"x; y";3\n2,5;z;4\n', "x.csv")
    assert plain_rows(found) == [[["a", "b", "c"], ["1,5", "x; y", "3"], ["2,5", "z", "4"]]]
    assert found.blocks[0].text.startswith("a;b;c\n1,5")


def test_ragged_rows_are_padded(run: Run) -> None:
    """Every row has every column."""
    assert plain_rows(run("a,b,c\n1\n", "x.csv"))[0][1] == ["1", "", ""]


def test_markdown_reads_as_rendered(run: Run) -> None:
    """Headings, items, code, tables and links of Markdown are blocks of their kind."""
    text = "---\nauthor: Ann\n---\n# Head *it*\n\n- one\n  - two\n\n[l](http://x)\n\n```\ncode\n```\n\n|a|b|\n|-|-|\n|1|2|\n"
    found = run(text, "x.md")
    kinds = [(b.kind, b.level, b.text) for b in found.blocks[1:]]
    assert kinds == [
        (BlockKind.HEADING, 1, "Head it"),
        (BlockKind.LIST_ITEM, 1, "one"),
        (BlockKind.LIST_ITEM, 2, "two"),
        (BlockKind.PARAGRAPH, 0, "l"),
        (BlockKind.CODE, 0, "code"),
        (BlockKind.TABLE, 0, "a\tb\n1\t2"),
    ]
    assert (found.metadata.author, found.metadata.title, found.links[0].uri) == ("Ann", "Head it", "http://x")
    assert found.outline[0].title == "Head it"
    assert found.source_text == text


def test_html_reads_what_is_seen(run: Run) -> None:
    """Scripts vanish, breaks stay, hidden text is marked, alternative texts are figures."""
    page = (
        '<html lang="en"><head><title>T</title><meta name="author" content="Ann"><script>no</script></head>'
        '<h2>Head</h2><p>a<br>b <b>c</b>d</p><p style="display:none">h</p><img alt="pic"><pre>x  y\n z</pre>'
        '<ul><li>one<ul><li>two</ul></ul><a href="/u">link</a></html>'
    )
    found = run(page, "x.html")
    assert [(b.kind, b.level, b.text, b.marks) for b in found.blocks] == [
        (BlockKind.HEADING, 1, "T", ()),
        (BlockKind.HEADING, 2, "Head", ()),
        (BlockKind.PARAGRAPH, 0, "a\nb cd", ()),
        (BlockKind.PARAGRAPH, 0, "h", (Mark.HIDDEN,)),
        (BlockKind.FIGURE, 0, "pic", ()),
        (BlockKind.CODE, 0, "x  y\n z", ()),
        (BlockKind.LIST_ITEM, 1, "one", ()),
        (BlockKind.LIST_ITEM, 2, "two", ()),
        (BlockKind.PARAGRAPH, 0, "link", ()),
    ]
    assert (found.metadata.author, found.metadata.language, found.links[0].uri) == ("Ann", "en", "/u")


def test_html_tables_keep_spans_and_nesting(run: Run) -> None:
    """A nested table's text stands in its cell and it is a table besides; no text is said twice."""
    page = "<table><tr><th colspan=2>h<tr><td>a<td>b<table><tr><td>i<td>j</table></table>"
    found = run(page, "x.html")
    assert plain_rows(found) == [[["h", "h"], ["a", "b\ni\nj"]], [["i", "j"]]]
    assert found.tables[0].rows[0].cells[0].column_span == 2
    assert found.text.count("i") == 1


def test_html_in_its_declared_encoding(run: Run) -> None:
    """The declared encoding is used where the bytes leave it open."""
    page = b'<html><meta charset="windows-1251"><p>' + "Договор поставки".encode("cp1251") + b"</html>"
    assert run(page, "x.html").text == "Договор поставки"


def test_deep_html_ends(run: Run) -> None:
    """Thousands of nested elements exhaust nothing."""
    assert "x" in run("<div>" * 5_000 + "x", "x.html").text


def test_xml_elements_with_text_are_blocks(run: Run) -> None:
    """Mixed content is a line, titles are headings, tables are tables."""
    text = (
        "<?xml version='1.0'?><doc><sec><title>Head</title><p>a <i>b</i> c</p></sec><table><tgroup cols='2'>"
        "<colspec colname='x'/><colspec colname='y'/><tbody><row><entry namest='x' nameend='y'>w</entry></row>"
        "<row><entry>1</entry><entry>2</entry></row></tbody></tgroup></table></doc>"
    )
    found = run(text, "x.xml")
    assert [b.text for b in found.blocks[:2]] == ["Head", "a b c"]
    assert found.blocks[0].kind is BlockKind.HEADING
    assert plain_rows(found) == [[["w", "w"], ["1", "2"]]]


def test_json_stands_as_it_is(run: Run) -> None:
    """JSON is text; what does not parse is text with a warning."""
    assert run('{"a": [1, 2]}', "x.json").text == '{"a": [1, 2]}'
    assert "NOT_JSON" in {w.code for w in run('{"a": [1, 2', "x.json").warnings}


def test_notebooks_read_cell_by_cell(run: Run) -> None:
    """Markdown cells read as Markdown, code cells and their output as code."""
    cells = [
        {"cell_type": "markdown", "source": ["# Head"]},
        {"cell_type": "code", "source": "print(1)", "outputs": [{"text": ["1\n"]}]},
    ]
    found = run(json.dumps({"nbformat": 4, "cells": cells}), "x.ipynb")
    assert [(b.kind, b.text) for b in found.blocks] == [
        (BlockKind.HEADING, "Head"),
        (BlockKind.CODE, "print(1)"),
        (BlockKind.CODE, "1"),
    ]


def test_rich_text_trees_read_as_documents(run: Run) -> None:
    """A tree of nodes with content reads as its text."""
    tree = {
        "doc": {
            "type": "doc",
            "content": [
                {"type": "heading", "attrs": {"level": 2}, "content": [{"type": "text", "text": "Head"}]},
                {
                    "type": "paragraph",
                    "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                },
            ],
        }
    }
    found = run(json.dumps(tree), "x.json")
    assert [(b.kind, b.text) for b in found.blocks] == [
        (BlockKind.HEADING, "Head"),
        (BlockKind.PARAGRAPH, "ab"),
    ]


def test_a_spreadsheets_own_first_line_names_the_separator(run: Run) -> None:
    """`sep=;` is no row of the table."""
    assert plain_rows(run("sep=;\na;b\n1,5;2\n", "x.csv")) == [[["a", "b"], ["1,5", "2"]]]


def test_a_markdown_footnote_is_text(run: Run) -> None:
    """A footnote's definition is not taken for a link's."""
    assert "[^1]: The note." in run("Text[^1]\n\n[^1]: The note.\n", "x.md").text


def test_shifted_japanese_is_read_without_a_declaration(run: Run) -> None:
    """ISO-2022-JP is ASCII to the eye; its escape sequences tell."""
    assert run("日本語のテキストです。".encode("iso-2022-jp"), "x.txt").text == "日本語のテキストです。"


def test_a_row_that_has_begun_goes_on(run: Run) -> None:
    """In RTF a paragraph inside a cell ends no table, also where the file forgets to say that it stands in one."""
    found = run(r"{\rtf1\trowd\cellx1000\cellx2000 a\cell b\par c\cell\row\pard after\par}", "x.rtf")
    assert plain_rows(found) == [[["a", "b\nc"]]]
