"""Make the sample documents that the demo runs on, byte for byte the same each time.

The texts in `HAND_WRITTEN` are the source and stand in the documents folder themselves; this script makes the
other documents from them, and the invoices from the facts below. docs/samples.md says what each one is for.

Rules. Dates are fixed, PDFs are written in ReportLab's invariant mode, and nothing is compressed, because
deflate's output differs from one zlib to the next. Versions are made by edits of version 1, so that this file is
also the list of what a comparison should find. Everybody and everything named is made up.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Literal

from reportlab.lib import colors  # type: ignore[import-untyped]  # ReportLab ships no types
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]  # same
from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]  # same
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Table  # type: ignore[import-untyped]  # same

CONTRACT = "contracts/service-agreement-v1.md"
HANDBOOK = "handbook/travel-and-expenses.md"
HAND_WRITTEN = (CONTRACT, HANDBOOK, "notes/kick-off.txt", "notes/auftakt.txt")

INCIDENTS = """\
## 0. Security incidents

0.0 The Supplier shall tell the Customer of any unauthorised access to the Freight Papers within 24 hours of learning of it, and shall name the papers concerned as soon as they are known.

0.0 After each incident the Supplier shall deliver a written report on its cause within ten Business Days.

"""

# Version 2: dearer and paid sooner. Beside these edits, data protection moves up and security incidents are new.
EDITS_V2 = (
    ("**Version:** 1", "**Version:** 2"),
    ("**Date:** 6 January 2025", "**Date:** 14 March 2025"),
    ("| per month | £4,800.00 |", "| per month | £5,250.00 |"),
    ("| per day | £620.00 |", "| per day | £640.00 |"),
    ("invoice within 30 days of receiving it", "invoice within 21 days of receiving it"),
    ("| First depot live | 31 March 2025 |", "| First depot live | 30 April 2025 |"),
    ("limited to £250,000 in each year", "limited to £400,000 in each year"),
    ("subject to clause 8,", "subject to clause 6,"),
)

# Version 3: more users and depots, a longer term, one more fee, and no leave to name the customer.
EDITS_V3 = (
    ("**Version:** 2", "**Version:** 3"),
    ("**Date:** 14 March 2025", "**Date:** 2 June 2025"),
    ("up to 120 named users at three depots", "up to 180 named users at four depots"),
    ("| All depots live | 30 May 2025 |", "| All depots live | 29 August 2025 |"),
    ("and month | £95.00 |", "and month | £88.00 |"),
    ("| per depot | £1,150.00 |", "| per depot | £1,150.00 |\n| Customs interface | per month | £350.00 |"),
    ("available for 99.5 per cent", "available for 99.8 per cent"),
    ("runs for 24 months", "runs for 36 months"),
    (
        "12.3 The Supplier may name the Customer as a reference unless the Customer objects in writing.\n\n",
        "",
    ),
)

EDITS_NEAR_COPY = (
    ("up to six hours", "up to five hours"),
    ("up to £110 a night", "up to £120 a night"),
    ("| Dinner | £24.00 |", "| Dinner | £26.00 |"),
    ("within 20 days of coming home", "within 30 days of coming home"),
    ("ask Tom Placeholder on the second floor", "ask Ida Placeholder at the front desk"),
)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a document: text, bold between ** and **, or the rows of a table, the first of them its head."""

    kind: Literal["title", "heading", "paragraph", "field", "table"]
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()

    @property
    def figure_columns(self) -> tuple[bool, ...]:
        """Tell of each column of a table whether it holds numbers or amounts alone, which are set to the right."""
        columns = zip(*self.rows[1:], strict=True)
        return tuple(all(re.fullmatch(r"£?[\d,.]+", cell) for cell in column) for column in columns)

    @property
    def column_shares(self) -> tuple[float, ...]:
        """Return each column's share of the table's width, 0 to 1, by its longest cell."""
        longest = [max(len(cell) for cell in column) + 4 for column in zip(*self.rows, strict=True)]
        return tuple(length / sum(longest) for length in longest)


@dataclass(frozen=True, slots=True)
class Document:
    """What every writer needs; header and footer are the page furniture, the writers add page numbers."""

    header: str
    footer: str
    issued: date
    blocks: tuple[Block, ...]

    @property
    def title(self) -> str:
        """Return the title, which is the first block."""
        return self.blocks[0].text


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice's facts; a line is (item, quantity, unit price in pounds)."""

    number: str
    issued: date
    days_to_pay: int
    lines: tuple[tuple[str, int, str], ...]

    @property
    def due(self) -> date:
        """Return the last day of payment."""
        return self.issued + timedelta(days=self.days_to_pay)

    @property
    def amounts(self) -> tuple[Decimal, Decimal, Decimal]:
        """Return the net sum, the tax at 20 per cent and the total, in pounds."""
        net = sum((quantity * Decimal(price) for _, quantity, price in self.lines), Decimal())
        tax = (net * Decimal("0.20")).quantize(Decimal("0.01"))
        return net, tax, net + tax


FEBRUARY_LINES = (
    ("Platform access, February 2025", 1, "4800.00"),
    ("Archive storage, 100,000 papers", 4, "95.00"),
    ("Consultant, days: archive move", 6, "620.00"),
)
APRIL_LINES = (
    ("Platform access, April 2025", 1, "5250.00"),
    ("Archive storage, 100,000 papers", 7, "95.00"),
    ("Consultant, days: first depot", 3, "640.00"),
    ("Training on site, depots", 1, "1150.00"),
)
JUNE_LINES = (
    ("Platform access, June 2025", 1, "5250.00"),
    ("Customs interface, June 2025", 1, "350.00"),
    ("Archive storage, 100,000 papers", 9, "88.00"),
    ("Training on site, depots", 2, "1150.00"),
)
INVOICES = (
    Invoice("QM-2025-0117", date(2025, 2, 28), 30, FEBRUARY_LINES),
    Invoice("QM-2025-0142", date(2025, 4, 30), 21, APRIL_LINES),
    Invoice("QM-2025-0158", date(2025, 6, 30), 21, JUNE_LINES),
)


def edited(text: str, edits: tuple[tuple[str, str], ...]) -> str:
    """Replace each old passage, which must stand in the text exactly once, by its new one."""
    for old, new in edits:
        if text.count(old) != 1:
            raise ValueError(f"{text.count(old)} places, not one, for the edit of {old!r}")
        text = text.replace(old, new)
    return text


def renumbered(markdown: str) -> str:
    """Give the sections and their clauses the numbers of the order in which they now stand."""
    section = clause = 0

    def number(found: re.Match[str]) -> str:
        nonlocal section, clause
        if found[1]:
            section, clause = section + 1, 0
            return f"## {section}."
        clause += 1
        return f"{section}.{clause}"

    return re.sub(r"^(?:(## )\d+\.|\d+\.\d+)(?= )", number, markdown, flags=re.MULTILINE)


def second_version(first: str) -> str:
    """Make version 2 of the contract: data protection moves before service levels, and the edits."""
    start, end = first.index("## 8. Data protection"), first.index("## 9. ")
    without = first[:start] + first[end:]
    service_levels, confidentiality = "## 6. Service levels", "## 7. Confidentiality"
    moved = ((service_levels, first[start:end] + service_levels),)
    added = ((confidentiality, INCIDENTS + confidentiality),)
    return renumbered(edited(without, EDITS_V2 + moved + added))


def day(value: date) -> str:
    """Write a date as people do: 6 January 2025."""
    return f"{value.day} {value:%B %Y}"


def invoice_markdown(invoice: Invoice) -> str:
    """Write out an invoice: its fields, its lines, its sums."""
    lines = "\n".join(
        f"| {item} | {count} | £{Decimal(price):,} | £{count * Decimal(price):,} |"
        for item, count, price in invoice.lines
    )
    net, tax, total = invoice.amounts
    chunks = (
        "# Invoice",
        f"**Invoice No:** {invoice.number}",
        f"**Invoice Date:** {day(invoice.issued)}",
        f"**Due Date:** {day(invoice.due)}",
        "**Agreement No:** QM-OF-2025-01",
        "**Supplier:** Quillmarsh Data Services Ltd, 4 Nowhere Lane, Exampleton EX0 0XX",
        "**Customer:** Ostermoor Freight GmbH, Musterweg 12, 00000 Beispielstadt",
        f"| Item | Quantity | Unit price | Amount |\n{lines}",
        f"**Net:** £{net:,}",
        f"**VAT 20%:** £{tax:,}",
        f"**Total:** £{total:,}",
        f"Please pay by {day(invoice.due)} and state the invoice number. Questions: accounts@quillmarsh.example",
    )
    return "\n\n".join(chunks)


def block_of(chunk: str) -> Block:
    """Read one block of Markdown, of the few kinds that the samples use."""
    if chunk.startswith("| "):
        lines = [line for line in chunk.splitlines() if not line.startswith("|---")]
        return Block("table", rows=tuple(tuple(line.strip("| ").split(" | ")) for line in lines))
    if chunk.startswith("**"):
        return Block("field", chunk)
    if chunk.startswith("#"):
        level, _, text = chunk.partition(" ")
        return Block("title" if level == "#" else "heading", text)
    return Block("paragraph", chunk)


def document_of(markdown: str, header: str, name: str, issued: date) -> Document:
    """Read a whole text and give it its page furniture; the footer has the name and the date."""
    blocks = tuple(block_of(chunk) for chunk in re.split(r"\n{2,}", markdown.strip()))
    return Document(header, f"{name} | {day(issued)} | Sample document", issued, blocks)


BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=10, leading=14, spaceAfter=6)
BOLD = ParagraphStyle("bold", BODY, fontName="Helvetica-Bold")
CELL = ParagraphStyle("cell", BODY, fontSize=9, leading=12, spaceAfter=0)
FIGURE = ParagraphStyle("figure", CELL, alignment=2)
STYLES = {
    "title": ParagraphStyle("title", BOLD, fontSize=20, leading=26, spaceAfter=12),
    "heading": ParagraphStyle("heading", BOLD, fontSize=12, spaceBefore=10, keepWithNext=1),
    "field": ParagraphStyle("field", BODY, spaceAfter=2),
    "paragraph": ParagraphStyle("paragraph", BODY, spaceBefore=6),
}
TABLE_STYLE = (
    ("GRID", (0, 0), (-1, -1), 0.5, colors.grey),
    ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
    ("NOSPLIT", (0, 0), (-1, -1)),
)


def pdf_block(block: Block, width: float) -> Flowable:
    """Turn a block into what ReportLab lays out over the width (points)."""
    if block.kind != "table":
        return Paragraph(html_inline(block), STYLES[block.kind])
    styles = [FIGURE if figure else CELL for figure in block.figure_columns]
    head, *body = ([escape(cell) for cell in row] for row in block.rows)
    marked = ([f"<b>{cell}</b>" for cell in head], *body)
    rows = [[Paragraph(*pair) for pair in zip(row, styles, strict=True)] for row in marked]
    widths = [share * width for share in block.column_shares]
    return Table(rows, widths, repeatRows=1, spaceBefore=6, spaceAfter=12, style=TABLE_STYLE)


def pdf(document: Document, page_count: int = 1) -> bytes:
    """Write a PDF on A4, anew where it has another number of pages than its footers were to state."""
    out = io.BytesIO()
    margins = {"leftMargin": 64, "rightMargin": 64, "topMargin": 72, "bottomMargin": 72}
    about = {"title": document.title, "author": "Quillmarsh Data Services Ltd", "lang": "en-GB"}
    template = SimpleDocTemplate(out, pagesize=A4, invariant=1, pageCompression=0, **margins, **about)

    def furnish(canvas: Flowable, page: SimpleDocTemplate) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.setFillGray(0.4)
        canvas.drawString(70, A4[1] - 48, document.header)
        canvas.drawString(70, 42, document.footer)
        canvas.drawRightString(A4[0] - 70, 42, f"Page {page.page} of {page_count}")

    flow = [pdf_block(block, template.width - 12) for block in document.blocks]
    template.build(flow, onFirstPage=furnish, onLaterPages=furnish)
    return out.getvalue() if template.page == page_count else pdf(document, template.page)


HTML_STYLE = "body{font:16px/1.5 sans-serif;max-width:44em;margin:auto}th,td{border:1px solid;padding:.3em}"


def html_inline(block: Block) -> str:
    """Write a block's text as markup; ReportLab reads the same tags."""
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(block.text, quote=False))


def html_block(block: Block) -> str:
    """Write one block; the first row of a table is its head."""
    if block.kind != "table":
        tag = {"title": "h1", "heading": "h2"}.get(block.kind, "p")
        return f"<{tag}>{html_inline(block)}</{tag}>"
    head, *body = block.rows
    lines = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in body]
    heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return "\n".join((f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>", *lines, "</tbody>\n</table>"))


def html(document: Document) -> bytes:
    """Write a page of HTML with a style sheet of its own."""
    lines = (
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">',
        f"<title>{escape(document.title)}</title>\n<style>{HTML_STYLE}</style>\n</head>\n<body>",
        f"<header>{escape(document.header)}</header>\n<main>",
        *(html_block(block) for block in document.blocks),
        f"</main>\n<footer>{escape(document.footer)}</footer>\n</body>\n</html>\n",
    )
    return "\n".join(lines).encode()


WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
WORD_MEDIA = "application/vnd.openxmlformats-officedocument.wordprocessingml"
PACKAGE_MEDIA = "application/vnd.openxmlformats-package"
DOCX_STYLES = (
    f'<w:styles xmlns:w="{WORD}"><w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Arial" w:hAnsi="Arial"/>'
    '<w:sz w:val="20"/><w:lang w:val="en-GB"/></w:rPr></w:rPrDefault></w:docDefaults>'
    '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/>'
    '<w:pPr><w:spacing w:after="120" w:line="276" w:lineRule="auto"/></w:pPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="Title"><w:name w:val="Title"/><w:basedOn w:val="Normal"/>'
    '<w:pPr><w:spacing w:after="240"/></w:pPr><w:rPr><w:b/><w:sz w:val="40"/></w:rPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/><w:basedOn w:val="Normal"/>'
    '<w:pPr><w:keepNext/><w:spacing w:before="200"/><w:outlineLvl w:val="0"/></w:pPr>'
    '<w:rPr><w:b/><w:sz w:val="24"/></w:rPr></w:style></w:styles>'
)
DOCX_PARAGRAPHS = {"title": '<w:pStyle w:val="Title"/>', "heading": '<w:pStyle w:val="Heading1"/>'}
DOCX_SECTION = (
    '<w:sectPr><w:headerReference w:type="default" r:id="rId2"/><w:footerReference w:type="default" r:id="rId3"/>'
    '<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1440" w:right="1400" w:bottom="1440" w:left="1400" '
    'w:header="720" w:footer="720" w:gutter="0"/></w:sectPr>'
)
DOCX_TYPES = (
    f'<Types xmlns="{PACKAGE}/content-types">'
    f'<Default Extension="rels" ContentType="{PACKAGE_MEDIA}.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/docProps/core.xml" ContentType="{PACKAGE_MEDIA}.core-properties+xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{WORD_MEDIA}.document.main+xml"/>'
    f'<Override PartName="/word/styles.xml" ContentType="{WORD_MEDIA}.styles+xml"/>'
    f'<Override PartName="/word/header1.xml" ContentType="{WORD_MEDIA}.header+xml"/>'
    f'<Override PartName="/word/footer1.xml" ContentType="{WORD_MEDIA}.footer+xml"/></Types>'
)


def docx_run(text: str, *, bold: bool = False) -> str:
    """Write one run of text."""
    style = "<w:rPr><w:b/></w:rPr>" if bold else ""
    return f'<w:r>{style}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def docx_table(block: Block) -> str:
    """Write a ruled table, 9,000 twentieths of a point wide, its head bold and its figures to the right."""
    sides = ('<w:jc w:val="right"/>' if figure else "" for figure in block.figure_columns)
    columns = [(int(9000 * share), side) for share, side in zip(block.column_shares, sides, strict=True)]
    edges = ("top", "left", "bottom", "right", "insideH", "insideV")
    borders = "".join(f'<w:{edge} w:val="single" w:sz="4" w:color="808080"/>' for edge in edges)
    lines = ""
    for row in block.rows:
        is_head = row is block.rows[0]
        lines += "<w:tr><w:trPr><w:tblHeader/></w:trPr>" if is_head else "<w:tr>"
        for cell, (width, side) in zip(row, columns, strict=True):
            content = f'<w:pPr><w:spacing w:after="0"/>{side}</w:pPr>{docx_run(cell, bold=is_head)}'
            lines += f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr><w:p>{content}</w:p></w:tc>'
        lines += "</w:tr>"
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width, _ in columns)
    properties = f'<w:tblW w:w="9000" w:type="dxa"/><w:tblBorders>{borders}</w:tblBorders>'
    return f"<w:tbl><w:tblPr>{properties}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{lines}</w:tbl><w:p/>"


def docx_block(block: Block) -> str:
    """Write one block of the body."""
    if block.kind == "table":
        return docx_table(block)
    parts = enumerate(block.text.split("**"))  # every second part is bold
    runs = "".join(docx_run(part, bold=number % 2 == 1) for number, part in parts if part)
    return f"<w:p><w:pPr>{DOCX_PARAGRAPHS.get(block.kind, '')}</w:pPr>{runs}</w:p>"


def docx_properties(document: Document) -> str:
    """Write the core properties: title, author and dates."""
    stamp = f'xsi:type="dcterms:W3CDTF">{document.issued.isoformat()}T09:00:00Z</dcterms:'
    return (
        f'<cp:coreProperties xmlns:cp="{PACKAGE}/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{escape(document.title)}</dc:title><dc:creator>Quillmarsh Data Services Ltd</dc:creator>"
        f"<dc:language>en-GB</dc:language><dcterms:created {stamp}created><dcterms:modified {stamp}modified>"
        "</cp:coreProperties>"
    )


def relations(**targets: str) -> str:
    """Write a relationships part, numbered in order: kinds of relationship and the parts they lead to."""
    prefixes = {"core": f"{PACKAGE}/relationships/metadata/core-properties"}
    lines = (
        f'<Relationship Id="rId{number}" Type="{prefixes.get(kind, f"{OFFICE}/{kind}")}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets.items(), start=1)
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{"".join(lines)}</Relationships>'


def docx_parts(document: Document) -> dict[str, str]:
    """Write the parts of the package, by name; the footer's page number is a field that word processors fill."""
    body = "".join(docx_block(block) for block in document.blocks) + DOCX_SECTION
    number = f'<w:fldSimple w:instr=" PAGE ">{docx_run("1")}</w:fldSimple>'
    page = docx_run(f"{document.footer} | Page ") + number
    inside = relations(styles="styles.xml", header="header1.xml", footer="footer1.xml")
    return {
        "[Content_Types].xml": DOCX_TYPES,
        "_rels/.rels": relations(officeDocument="word/document.xml", core="docProps/core.xml"),
        "docProps/core.xml": docx_properties(document),
        "word/_rels/document.xml.rels": inside,
        "word/document.xml": f'<w:document xmlns:w="{WORD}" xmlns:r="{OFFICE}"><w:body>{body}</w:body></w:document>',
        "word/footer1.xml": f'<w:ftr xmlns:w="{WORD}"><w:p>{page}</w:p></w:ftr>',
        "word/header1.xml": f'<w:hdr xmlns:w="{WORD}"><w:p>{docx_run(document.header)}</w:p></w:hdr>',
        "word/styles.xml": DOCX_STYLES,
    }


def docx(document: Document) -> bytes:
    """Write a DOCX, its parts stored and dated by the document."""
    out = io.BytesIO()
    year, month, day_of_month = document.issued.timetuple()[:3]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, part in docx_parts(document).items():
            entry = zipfile.ZipInfo(name, (year, month, day_of_month, 9, 0, 0))
            entry.create_system = 3  # Unix; the default is the platform's own and would show in the bytes
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + part)
    return out.getvalue()


def register(invoices: tuple[Invoice, ...]) -> bytes:
    """Write the list of all invoices as CSV."""
    lines = ["Invoice No,Invoice Date,Due Date,Net,VAT,Total"]
    for invoice in invoices:
        cells = (invoice.number, invoice.issued, invoice.due, *invoice.amounts)
        lines.append(",".join(str(cell) for cell in cells))
    return ("\n".join(lines) + "\n").encode()


def make_documents(folder: Path) -> dict[str, bytes]:
    """Make every document that is not written by hand, from those in the folder that are.

    Shape: path below the folder, with forward slashes, to the file's bytes.
    """
    v1 = (folder / CONTRACT).read_text(encoding="utf-8")
    v2 = second_version(v1)
    v3 = renumbered(edited(v2, EDITS_V3))
    header = "Service Agreement QM-OF-2025-01 | Quillmarsh and Ostermoor"
    first = document_of(v1, header, "Version 1", date(2025, 1, 6))
    second_pdf = pdf(document_of(v2, header, "Version 2", date(2025, 3, 14)))
    third = document_of(v3, header, "Version 3", date(2025, 6, 2))
    february, april, june = (
        document_of(invoice_markdown(invoice), "Quillmarsh Data Services Ltd", invoice.number, invoice.issued)
        for invoice in INVOICES
    )
    handbook = (folder / HANDBOOK).read_text(encoding="utf-8")
    return {
        "contracts/service-agreement-v1.docx": docx(first),
        "contracts/service-agreement-v1.pdf": pdf(first),
        "contracts/service-agreement-v2.pdf": second_pdf,
        "contracts/service-agreement-v2-broken-upload.pdf": second_pdf[: len(second_pdf) // 3],
        "contracts/service-agreement-v3.html": html(third),
        "handbook/travel-and-expenses-near-copy.md": edited(handbook, EDITS_NEAR_COPY).encode(),
        "invoices/invoice-2025-0117.pdf": pdf(february),
        "invoices/invoice-2025-0142.docx": docx(april),
        "invoices/invoice-2025-0158.html": html(june),
        "invoices/register.csv": register(INVOICES),
    }


def main() -> None:
    """Make the documents in the folder beside this script."""
    folder = Path(__file__).parent / "documents"
    for name, content in make_documents(folder).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        print(f"{len(content):7,} bytes  {name}")


if __name__ == "__main__":
    main()
