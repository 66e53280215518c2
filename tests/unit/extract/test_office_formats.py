"""DOCX, XLSX, PPTX, OpenDocument, RTF, EPUB: what stands in them, seen or marked."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.formats.sheet.numbers import shown
from extract_svc.engine.grid import plain_rows
from extract_svc.engine.model import BlockKind, Mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.extract.conftest import Run

_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def _rels(**targets: str) -> str:
    links = "".join(
        f'<Relationship Id="{key}" Type="{_REL}/{value.split("=")[0]}" Target="{value.split("=")[1]}"/>'
        for key, value in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}">{links}</Relationships>'


def _p(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def test_docx_stories_come_in_order(run: Run, make_docx: Callable[..., bytes]) -> None:
    """Headers, body, notes, comments and footers are blocks of their kind."""
    parts = {
        "header1.xml": ("header", f"<w:root>{_p('head')}</w:root>"),
        "footer1.xml": ("footer", f"<w:root>{_p('foot')}</w:root>"),
        "footnotes.xml": (
            "footnotes",
            f'<w:root><w:footnote w:type="separator">{_p("-")}</w:footnote><w:footnote>{_p("note")}</w:footnote></w:root>',
        ),
        "comments.xml": ("comments", f'<w:root><w:comment w:author="Ann">{_p("why?")}</w:comment></w:root>'),
    }
    found = run(make_docx(_p("Title", '<w:pStyle w:val="Heading1"/>') + _p("text"), parts))
    assert [(b.kind, b.text, b.marks) for b in found.blocks] == [
        (BlockKind.HEADER, "head", ()),
        (BlockKind.HEADING, "Title", ()),
        (BlockKind.PARAGRAPH, "text", ()),
        (BlockKind.FOOTNOTE, "note", ()),
        (BlockKind.PARAGRAPH, "Ann: why?", (Mark.COMMENT,)),
        (BlockKind.FOOTER, "foot", ()),
    ]


def test_docx_changes_are_marked(run: Run, make_docx: Callable[..., bytes]) -> None:
    """The text reads as it would with all changes accepted; what was deleted stands beside it, marked."""
    body = (
        "<w:p><w:r><w:t>a </w:t></w:r><w:del><w:r><w:delText>old</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>new</w:t></w:r></w:ins></w:p>"
    )
    found = run(make_docx(body))
    assert [(b.text, b.marks) for b in found.blocks] == [
        ("a new", (Mark.INSERTED,)),
        ("old", (Mark.DELETED,)),
    ]


def test_docx_lists_count(run: Run, make_docx: Callable[..., bytes]) -> None:
    """Automatic numbers are part of what is read."""
    numbering = (
        '<w:root><w:abstractNum w:abstractNumId="0">'
        '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>'
        '<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl>'
        '</w:abstractNum><w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num></w:root>'
    )

    def item(text: str, level: int) -> str:
        return _p(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="5"/></w:numPr>')

    body = item("x", 0) + item("y", 1) + item("z", 1) + item("w", 0)
    found = run(make_docx(body, {"numbering.xml": ("numbering", numbering)}))
    assert [(b.level, b.text) for b in found.blocks] == [
        (1, "1. x"),
        (2, "1.a) y"),
        (2, "1.b) z"),
        (1, "2. w"),
    ]


def test_docx_tables_keep_merged_cells(run: Run, make_docx: Callable[..., bytes]) -> None:
    """Cells merged across and down are spans."""
    body = (
        '<w:tbl><w:tr><w:tc><w:tcPr><w:vMerge w:val="restart"/></w:tcPr>' + _p("a") + "</w:tc>"
        '<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>' + _p("b") + "</w:tc></w:tr>"
        "<w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr>" + _p("") + "</w:tc><w:tc>" + _p("c") + "</w:tc><w:tc>"
        "" + _p("d") + "</w:tc></w:tr></w:tbl>"
    )
    assert plain_rows(run(make_docx(body))) == [[["a", "b", "b"], ["a", "c", "d"]]]


def test_docx_pictures_are_told_by_what_they_are_made_of(run: Run, make_docx: Callable[..., bytes]) -> None:
    """A picture has the digest of its bytes and the block it stands behind; one that is absent is none."""
    drawing = "<w:drawing><a:blip xmlns:a='urn:a' r:embed='{}'/></w:drawing>"
    body = _p("one") + f"<w:p><w:r><w:t>two</w:t>{drawing.format('r0')}</w:r></w:p>" + _p("three")
    body += f"<w:p><w:r>{drawing.format('r9')}</w:r></w:p>"
    found = run(make_docx(body, {"media/a.png": ("image", "pixels")}))
    assert [(each.sha256, each.block) for each in found.pictures] == [
        (hashlib.sha256(b"pixels").hexdigest(), 1)
    ]


def test_docx_boxes_are_read_once(run: Run, make_docx: Callable[..., bytes]) -> None:
    """A text box said twice, for new and old readers, is read once."""
    mc = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    box = f"<w:txbxContent>{_p('boxed')}</w:txbxContent>"
    body = (
        f'<w:p><w:r><mc:AlternateContent xmlns:mc="{mc}"><mc:Choice><w:drawing>{box}</w:drawing></mc:Choice>'
        f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent><w:t>text</w:t></w:r></w:p>"
    )
    assert [b.text for b in run(make_docx(body)).blocks] == ["text", "boxed"]


def test_a_dtd_in_an_office_document_fails(run: Run, make_zip: Callable[..., bytes]) -> None:
    """Any DTD in OOXML is refused."""
    data = make_zip(
        {
            "[Content_Types].xml": "wordprocessingml.document.main",
            "_rels/.rels": _rels(a="officeDocument=word/document.xml"),
            "word/document.xml": '<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1/">]><x>&e;</x>',
        }
    )
    with pytest.raises(CollatioError) as caught:
        run(data)
    assert caught.value.reason is Reason.XML_DTD_FORBIDDEN


def test_locked_office_documents_say_so(run: Run) -> None:
    """Encrypted OOXML is told by its compound file."""
    data = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + b"\0" * 504
        + "EncryptedPackage".encode("utf-16-le")
        + b"\0" * 512
    )
    with pytest.raises(CollatioError) as caught:
        run(data)
    assert caught.value.reason is Reason.ENCRYPTED


def _xlsx(make_zip: Callable[..., bytes], sheet: str, *, state: str = "visible") -> bytes:
    return make_zip(
        {
            "[Content_Types].xml": "spreadsheetml.sheet.main",
            "_rels/.rels": _rels(a="officeDocument=xl/workbook.xml"),
            "xl/workbook.xml": f'<workbook xmlns:r="{_REL}"><sheets><sheet name="Plan" r:id="s" state="{state}"/>'
            "</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": _rels(
                s="worksheet=sheet1.xml", t="sharedStrings=s.xml", u="styles=f.xml"
            ),
            "xl/s.xml": "<sst><si><t>name</t></si><si><r><t>to</t></r><r><t>tal</t></r></si></sst>",
            "xl/f.xml": '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="10"/></cellXfs></styleSheet>',
            "xl/sheet1.xml": f"<worksheet>{sheet}</worksheet>",
        }
    )


def test_xlsx_cells_read_as_shown(run: Run, make_zip: Callable[..., bytes]) -> None:
    """Numbers read by their format, blank rows part tables, hidden sheets are marked."""
    sheet = (
        '<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
        '<row r="2"><c r="A2" s="1"><v>45415</v></c><c r="B2" s="2"><v>0.125</v></c></row>'
        '<row r="4"><c r="C4" t="b"><v>1</v></c></row></sheetData>'
    )
    found = run(_xlsx(make_zip, sheet, state="hidden"))
    assert plain_rows(found) == [[["name", "total"], ["2024-05-03", "12.50%"]], [["TRUE"]]]
    assert (found.pages[0].label, found.pages[0].hidden) == ("Plan", True)
    assert found.blocks[1].marks == (Mark.HIDDEN,)


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (1234.5, "#,##0.00", "1,234.50"), (5, "", "5"), (0.1 + 0.2, "General", "0.3"), (123456789012345678, "", "1.23456789012346e+17"),
        (5, '"$"#,##0.00', "$5.00"), (0.5, "h:mm", "12:00"), (45415.75, "yyyy-mm-dd hh:mm", "2024-05-03 18:00"),
    ],
)  # fmt: skip
def test_number_formats(value: float, form: str, expected: str) -> None:
    """A number reads as its format code shows it."""
    assert shown(value, form) == expected


def test_pptx_slides_are_pages(run: Run, make_zip: Callable[..., bytes]) -> None:
    """A slide is a page with its size; titles are headings, notes are marked."""
    shape = '<sp><nvSpPr><nvPr><ph type="{}"/></nvPr></nvSpPr><txBody><p><r><t>{}</t></r></p></txBody></sp>'
    tree = "<sld><cSld><spTree>{}</spTree></cSld></sld>"
    data = make_zip(
        {
            "[Content_Types].xml": "presentationml.presentation.main",
            "_rels/.rels": _rels(a="officeDocument=ppt/p.xml"),
            "ppt/p.xml": f'<p xmlns:r="{_REL}"><sldSz cx="9144000" cy="6858000"/><sldIdLst><sldId r:id="s"/></sldIdLst></p>',
            "ppt/_rels/p.xml.rels": _rels(s="slide=slides/s1.xml"),
            "ppt/slides/s1.xml": tree.format(shape.format("title", "Head") + shape.format("body", "text")),
            "ppt/slides/_rels/s1.xml.rels": _rels(n="notesSlide=../n1.xml"),
            "ppt/n1.xml": tree.format(shape.format("body", "say this")),
        }
    )
    found = run(data)
    assert [(b.kind, b.text, b.page, b.marks) for b in found.blocks] == [
        (BlockKind.HEADING, "Head", 1, ()),
        (BlockKind.PARAGRAPH, "text", 1, ()),
        (BlockKind.PARAGRAPH, "say this", 1, (Mark.NOTE,)),
    ]
    assert (found.pages[0].width_pt, found.pages[0].height_pt, found.metadata.page_count) == (720.0, 540.0, 1)


def test_odt_reads_notes_and_repeats(run: Run, make_zip: Callable[..., bytes]) -> None:
    """Spaces, notes, headings and repeated cells of OpenDocument read as shown."""
    content = (
        '<office:document-content xmlns:office="o" xmlns:text="t" xmlns:table="b"><office:body><office:text>'
        '<text:h text:outline-level="2">Head</text:h><text:p>a<text:s text:c="2"/>b<text:note><text:note-body>'
        "<text:p>foot</text:p></text:note-body></text:note></text:p><table:table><table:table-row>"
        '<table:table-cell table:number-columns-repeated="2"><text:p>x</text:p></table:table-cell>'
        "</table:table-row></table:table></office:text></office:body></office:document-content>"
    )
    found = run(make_zip({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content}))
    assert [(b.kind, b.text) for b in found.blocks] == [
        (BlockKind.HEADING, "Head"),
        (BlockKind.PARAGRAPH, "a  b"),
        (BlockKind.FOOTNOTE, "foot"),
        (BlockKind.TABLE, "x\tx"),
    ]


def test_encrypted_odf_says_so(run: Run, make_zip: Callable[..., bytes]) -> None:
    """Encryption is told by the manifest."""
    parts = {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "META-INF/manifest.xml": "<m><encryption-data/></m>",
        "content.xml": "x",
    }
    with pytest.raises(CollatioError) as caught:
        run(make_zip(parts))
    assert caught.value.reason is Reason.ENCRYPTED


def test_rtf_hidden_text_is_marked(run: Run) -> None:
    """It follows its paragraph in a block of its own; entries of an index, hidden by nature, are no text."""
    found = run(rb"{\rtf1 Seen {\v and hidden}text.{\xe\v an entry}\par {\v Hidden alone.}\par Last.\par}")
    assert [(b.text, b.marks) for b in found.blocks] == [
        ("Seen text.", ()),
        ("and hidden", (Mark.HIDDEN,)),
        ("Hidden alone.", (Mark.HIDDEN,)),
        ("Last.", ()),
    ]


def test_rtf_fonts_unicode_and_destinations(run: Run) -> None:
    """Code pages, Unicode escapes with their fallbacks, notes, tables and properties are read."""
    data = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}}{\info{\title T}}"
        rb"{\header head\par}\f0 caf\'e9 \u8364?5 {\f1\'e4\'e0}{\*\unknown no}{\footnote note}\par"
        rb"\trowd\intbl a\cell b\cell\row\pard end\par}"
    )
    found = run(data)
    assert [(b.kind, b.text) for b in found.blocks] == [
        (BlockKind.HEADER, "head"),
        (BlockKind.FOOTNOTE, "note"),
        (BlockKind.PARAGRAPH, "café €5 да"),
        (BlockKind.TABLE, "a\tb"),
        (BlockKind.PARAGRAPH, "end"),
    ]
    assert found.metadata.title == "T"


def test_epub_follows_its_spine(run: Run, make_zip: Callable[..., bytes]) -> None:
    """Pages come in the order of the spine, not of the archive."""
    opf = (
        '<package><metadata xmlns:dc="d"><dc:title>Book</dc:title><dc:creator>A</dc:creator>'
        '<dc:creator>B</dc:creator></metadata><manifest><item id="b" href="b.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="a" href="a%20b.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    data = make_zip(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<c><rootfile full-path="O/c.opf"/></c>',
            "O/c.opf": opf,
            "O/b.xhtml": "<html><p>second</p></html>",
            "O/a b.xhtml": "<html><p>first</p></html>",
        }
    )
    found = run(data)
    assert found.text == "first\n\nsecond"
    assert (found.metadata.title, found.metadata.author) == ("Book", "A; B")


def test_hidden_runs_of_word_stand_apart(run: Run, make_zip: Callable[..., bytes]) -> None:
    """Text that Word hides is a block of its own, marked, and not part of what a reader sees."""
    body = (
        "<w:p><w:r><w:t>Seen </w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>unseen</w:t></w:r>"
        '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>again</w:t></w:r></w:p>'
    )
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    document = f'<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>'
    found = run(make_zip({"[Content_Types].xml": "<Types/>", "word/document.xml": document}))
    assert [(b.text, b.marks) for b in found.blocks] == [("Seen again", ()), ("unseen", (Mark.HIDDEN,))]


def test_odt_marks_insertions_and_hidden_sections(run: Run, make_zip: Callable[..., bytes]) -> None:
    """A tracked insertion marks each paragraph it touches; a section that is not shown is marked hidden."""
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "text")
    )
    text = (
        '<text:tracked-changes><text:changed-region text:id="c"><text:insertion/></text:changed-region>'
        "</text:tracked-changes><text:p>Old</text:p>"
        '<text:p>Begins <text:change-start text:change-id="c"/>new</text:p><text:p>all new</text:p>'
        '<text:p>ends<text:change-end text:change-id="c"/> here</text:p><text:p>Old too</text:p>'
        '<text:section text:name="s" text:display="none"><text:p>unseen</text:p></text:section>'
    )
    content = (
        f"<office:document-content{names}><office:body><office:text>{text}</office:text></office:body>"
        "</office:document-content>"
    )
    mimetype = "application/vnd.oasis.opendocument.text"
    found = run(make_zip({"mimetype": mimetype, "content.xml": content}))
    new, hidden = (Mark.INSERTED,), (Mark.HIDDEN,)
    assert [b.marks for b in found.blocks] == [(), new, new, new, (), hidden]
