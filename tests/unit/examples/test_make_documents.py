"""The sample documents are what their script makes, and hold what docs/samples.md says of them."""

from __future__ import annotations

import difflib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2
import pytest
from lxml import etree, html

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "examples" / "make_documents.py"
DOCUMENTS = ROOT / "examples" / "documents"
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FURNITURE = re.compile(r"^.*(QM-OF-2025-01 \| Quillmarsh|\| Sample document).*$", re.MULTILINE)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Load the script, which lies in no package."""
    spec = importlib.util.spec_from_file_location("make_documents", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(script: ModuleType) -> dict[str, bytes]:
    """Make the documents once for all tests that only read them."""
    documents: dict[str, bytes] = script.make_documents(DOCUMENTS)
    return documents


def words(text: str) -> str:
    """Bring text to one line without page furniture, so that formats can be compared."""
    return " ".join(FURNITURE.sub("", text).split())


def pdf_pages(content: bytes) -> list[str]:
    """Read a PDF's text, a string a page."""
    with pypdfium2.PdfDocument(content) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def docx_part(content: bytes, part: str) -> str:
    """Read the text of one part of a DOCX, a line a paragraph."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        tree = etree.fromstring(archive.read(part))
    return "\n".join("".join(paragraph.itertext(f"{WORD}t")) for paragraph in tree.iter(f"{WORD}p"))


def html_text(content: bytes) -> str:
    """Read the text of a web page's main part, with blanks between elements."""
    return " ".join(html.document_fromstring(content).find(".//main").itertext())


def contract_text(made: dict[str, bytes], version: int) -> str:
    """Read the words of one version of the contract, whatever its format."""
    if version == 1:
        return words(docx_part(made["contracts/service-agreement-v1.docx"], "word/document.xml"))
    if version == 2:
        return words("\n".join(pdf_pages(made["contracts/service-agreement-v2.pdf"])))
    return words(html_text(made["contracts/service-agreement-v3.html"]))


def test_committed_documents_are_what_the_script_makes(script: ModuleType, made: dict[str, bytes]) -> None:
    """The folder holds the hand-written sources and exactly the bytes that the script makes from them."""
    found = {
        path.relative_to(DOCUMENTS).as_posix(): path.read_bytes()
        for path in DOCUMENTS.rglob("*")
        if path.is_file()
    }
    for source in script.HAND_WRITTEN:
        assert found.pop(source)
    assert sorted(found) == sorted(made)
    assert [name for name, content in made.items() if found[name] != content] == []


def test_another_process_writes_the_same_bytes(
    script: ModuleType, made: dict[str, bytes], tmp_path: Path
) -> None:
    """Folder, time zone and hash seed leave no trace in the files that the script writes."""
    shutil.copy(SCRIPT, tmp_path)
    for source in script.HAND_WRITTEN:
        (tmp_path / "documents" / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DOCUMENTS / source, tmp_path / "documents" / source)
    environment = {**os.environ, "TZ": "Pacific/Auckland", "PYTHONHASHSEED": "7"}
    command = [sys.executable, SCRIPT.name]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert {name: (tmp_path / "documents" / name).read_bytes() for name in made} == made


def test_nothing_is_compressed(made: dict[str, bytes]) -> None:
    """No byte depends on which zlib wrote it."""
    for name, content in made.items():
        assert b"/FlateDecode" not in content, name
        if name.endswith(".docx"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_samples_are_small() -> None:
    """All samples together stay under 200 KiB."""
    assert sum(path.stat().st_size for path in DOCUMENTS.rglob("*") if path.is_file()) < 200 * 1024


def test_page_on_samples_names_every_file() -> None:
    """docs/samples.md has a row for each document and for no other."""
    page = (ROOT / "docs" / "samples.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted(
        path.relative_to(DOCUMENTS).as_posix() for path in DOCUMENTS.rglob("*") if path.is_file()
    )


def test_first_version_says_the_same_in_three_formats(made: dict[str, bytes]) -> None:
    """Apart from markup and page furniture, Markdown, DOCX and PDF of version 1 hold the same words."""
    docx = contract_text(made, 1)
    pdf = words("\n".join(pdf_pages(made["contracts/service-agreement-v1.pdf"])))
    markdown = (DOCUMENTS / "contracts/service-agreement-v1.md").read_text(encoding="utf-8")
    plain = re.sub(r"^#+ |\*\*|^\|(---\|)+$|\|", " ", markdown, flags=re.MULTILINE)
    assert docx.startswith("Service Agreement Agreement No: QM-OF-2025-01 Version: 1 Date: 6 January 2025")
    assert docx == pdf
    assert docx == words(plain)


@pytest.mark.parametrize("version", [1, 2])
def test_contract_pdf_numbers_its_pages(made: dict[str, bytes], version: int) -> None:
    """A contract PDF has several pages, each with the header and with its own number and their count."""
    pages = pdf_pages(made[f"contracts/service-agreement-v{version}.pdf"])
    assert len(pages) >= 2
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in page
        assert "Service Agreement QM-OF-2025-01 | Quillmarsh and Ostermoor" in page


def test_contract_docx_has_header_and_footer(made: dict[str, bytes]) -> None:
    """The word processor's version has the same furniture in its own parts."""
    content = made["contracts/service-agreement-v1.docx"]
    assert docx_part(content, "word/header1.xml").startswith("Service Agreement QM-OF-2025-01")
    assert docx_part(content, "word/footer1.xml") == "Version 1 | 6 January 2025 | Sample document | Page 1"


@pytest.mark.parametrize(
    ("before", "after", "since"),
    [
        ("Platform access per month £4,800.00", "Platform access per month £5,250.00", 2),
        ("Consultant per day £620.00", "Consultant per day £640.00", 2),
        ("First depot live 31 March 2025", "First depot live 30 April 2025", 2),
        ("invoice within 30 days", "invoice within 21 days", 2),
        ("£250,000 in each year", "£400,000 in each year", 2),
        ("subject to clause 8,", "subject to clause 6,", 2),
        ("7. Confidentiality", "8. Security incidents 8.1 The Supplier shall tell", 2),
        ("120 named users at three depots", "180 named users at four depots", 3),
        ("All depots live 30 May 2025", "All depots live 29 August 2025", 3),
        ("papers and month £95.00", "papers and month £88.00", 3),
        ("£1,150.00 4.2", "£1,150.00 Customs interface per month £350.00 4.2", 3),
        ("99.5 per cent", "99.8 per cent", 3),
        ("runs for 24 months", "runs for 36 months", 3),
        ("Supplier may name the Customer", "remain payable. 13. General", 3),
    ],
)
def test_edit_shows_from_its_version_on(made: dict[str, bytes], before: str, after: str, since: int) -> None:
    """Each edit that docs/samples.md promises is in the text of its version and of later ones, not of earlier ones."""
    for version in (1, 2, 3):
        present, absent = (after, before) if version >= since else (before, after)
        text = contract_text(made, version)
        assert present in text, version
        assert absent not in text, version


def test_data_protection_moves_up_unchanged(made: dict[str, bytes]) -> None:
    """From version 2 on, section 8 stands as section 6, word for word, and all sections count up without a gap."""
    moved = {}
    for version in (1, 2, 3):
        text = contract_text(made, version)
        found = re.search(r"(\d+)\. Data protection (.*?) \d+\. [A-Z]", text)
        assert found is not None
        moved[version] = (found[1], re.sub(rf"\b{found[1]}\.", "", found[2]))
        headings = [
            int(number) for number in re.findall(r"(?<![\d.])(\d+)\. [A-Z][a-z]+.*?(?= \1\.1 )", text)
        ]
        assert headings == list(range(1, 14 if version == 1 else 15))
    assert [moved[version][0] for version in (1, 2, 3)] == ["8", "6", "6"]
    assert len({text for _, text in moved.values()}) == 1


def test_broken_upload_cannot_be_opened(made: dict[str, bytes]) -> None:
    """The broken file begins as a PDF does and is refused by the reader, not repaired."""
    content = made["contracts/service-agreement-v2-broken-upload.pdf"]
    assert content.startswith(b"%PDF-")
    with pytest.raises(pypdfium2.PdfiumError, match="Data format error"):
        pypdfium2.PdfDocument(content)


def test_invoices_agree_with_their_lines_and_the_register(made: dict[str, bytes]) -> None:
    """Each invoice states its number, its lines add up to its sums, and the register repeats them."""
    texts = {
        "QM-2025-0117": words("\n".join(pdf_pages(made["invoices/invoice-2025-0117.pdf"]))),
        "QM-2025-0142": words(docx_part(made["invoices/invoice-2025-0142.docx"], "word/document.xml")),
        "QM-2025-0158": words(html_text(made["invoices/invoice-2025-0158.html"])),
    }
    register = [line.split(",") for line in made["invoices/register.csv"].decode().splitlines()[1:]]
    assert [row[0] for row in register] == list(texts)
    for number, _issued, _due, net, tax, total in register:
        text = texts[number].replace(",", "")
        assert f"Invoice No: {number} Invoice Date: " in text
        assert f"Net: £{net} VAT 20%: £{tax} Total: £{total} Please pay" in text
        amounts = re.findall(r" \d+ £[\d.]+ £([\d.]+)", text)
        assert f"{sum(float(amount) for amount in amounts):.2f}" == net
        assert f"{float(net) * 1.2:.2f}" == total


def test_near_copy_differs_in_five_lines(made: dict[str, bytes]) -> None:
    """The near-copy of the handbook has as many lines, five of them changed."""
    original = (DOCUMENTS / "handbook/travel-and-expenses.md").read_text(encoding="utf-8").splitlines()
    copy = made["handbook/travel-and-expenses-near-copy.md"].decode().splitlines()
    assert len(original) == len(copy)
    assert sum(line.startswith("+ ") for line in difflib.ndiff(original, copy)) == 5


@pytest.mark.parametrize("text", ["no such passage", "twice the fee and twice the fee"])
def test_edit_without_its_one_place_is_refused(script: ModuleType, text: str) -> None:
    """An edit that no longer fits its source stops the script, so that no promised change gets lost."""
    with pytest.raises(ValueError, match="places, not one"):
        script.edited(text, (("the fee", "the price"),))
