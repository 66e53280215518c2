"""Text off pictures, where the extra is installed; without it, or unwished for, a scan honestly has none."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import ocr
from extract_svc.engine.extract import extract_one
from extract_svc.engine.model import Document, Extraction, Mark, Options
from extract_svc.engine.registry import Registry, fingerprint

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

REGISTRY = Registry.load()
needs_extra = pytest.mark.skipif(not ocr.available(), reason="needs the extra ocr")


def picture(*lines: str, size: int = 40) -> Picture:
    """Draw lines in black on white."""
    from PIL import Image, ImageDraw, ImageFont

    sheet = Image.new("RGB", (900, 80 + 70 * len(lines)), "white")
    for n, line in enumerate(lines):
        ImageDraw.Draw(sheet).text((40, 40 + 70 * n), line, "black", ImageFont.load_default(size))
    return sheet


def saved(sheets: list[Picture], form: str) -> bytes:
    """Save pictures as one file."""
    buffer = io.BytesIO()
    sheets[0].save(buffer, form, **({"save_all": True, "append_images": sheets[1:]} if sheets[1:] else {}))
    return buffer.getvalue()


def read(data: bytes, **wishes: object) -> Extraction:
    """Extract with these wishes of recognition."""
    return extract_one(Document(data), Options(plugin_options={"ocr": wishes}), REGISTRY)


@needs_extra
@pytest.mark.parametrize("turns", [0, 180])
def test_a_scanned_page_is_read_upright_or_not(turns: int) -> None:
    """Its text, its place, how sure it is, and that it was recognised."""
    sheet = picture("Invoice number 4711", "Total amount 250 euros").rotate(turns, expand=True)
    found = read(saved([sheet], "PDF"))
    assert "Invoice number 4711" in found.text
    assert found.text.index("Invoice") < found.text.index("Total")
    assert {warning.code for warning in found.warnings} == {"OCR_USED"}
    assert found.confidence is not None
    assert found.confidence > 0.8
    assert all(block.marks == (Mark.OCR,) for block in found.blocks)
    page, box = found.pages[0], found.blocks[0].box
    assert box is not None
    assert 0 <= box.x0 < box.x1 <= page.width_pt
    assert 0 <= box.y0 < box.y1 <= page.height_pt


@needs_extra
def test_frames_are_pages_and_a_limit_is_told() -> None:
    """Each frame of a TIFF is a page; those past the wish are left and said to be."""
    found = read(saved([picture("First page"), picture("Second page")], "TIFF"), max_pages=1)
    assert [page.number for page in found.pages] == [1, 2]
    assert "First page" in found.text
    assert "Second" not in found.text
    assert {"OCR_USED", "OCR_LIMIT"} == {warning.code for warning in found.warnings}


def test_unwished_for_a_scan_has_no_text() -> None:
    """Switched off, a picture warns NO_TEXT."""
    found = read(saved([picture("Words")], "PNG"), enabled=False)
    assert found.text == ""
    assert "NO_TEXT" in {warning.code for warning in found.warnings}


@pytest.mark.parametrize("wishes", [{"enabled": "yes"}, {"max_pages": -1}, {"max_pages": 1.5}, {"pages": 3}])
def test_faulty_wishes_are_refused(wishes: dict[str, object]) -> None:
    """What cannot be meant is INVALID_REQUEST, not a guess."""
    with pytest.raises(CollatioError) as caught:
        read(saved([picture("Words")], "PNG"), **wishes)
    assert caught.value.reason is Reason.INVALID_REQUEST


def test_installing_the_extra_renews_the_results_of_two_engines_alone() -> None:
    """The recogniser's version stands in the fingerprints of pdf and image, and of no other."""
    named = {one.name for one in REGISTRY if "rapidocr" in fingerprint(one)}
    assert named == {"pdf", "image"}


def test_a_picture_of_too_many_pixels_is_refused() -> None:
    """A picture that would unpack past the limit fails before it does."""
    if not ocr.available():
        pytest.skip("needs the extra ocr")
    from PIL import Image

    with pytest.raises(CollatioError) as caught:
        read(saved([Image.new("1", (20_000, 6_000))], "PNG"))
    assert caught.value.reason is Reason.DECOMPRESSION_LIMIT
