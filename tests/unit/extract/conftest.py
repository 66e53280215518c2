"""What the extract tests share: running the engine on bytes, and making small zips and PDFs."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Protocol

import pytest

from extract_svc.engine.extract import extract_one
from extract_svc.engine.model import Document, Extraction, Options
from extract_svc.engine.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Run(Protocol):
    """Extract bytes with the shipped extractors."""

    def __call__(self, data: bytes | str, name: str = "", options: Options | None = None) -> Extraction:
        """Extract."""
        ...


@pytest.fixture(scope="session")
def registry() -> Registry:
    """Load the installed extractors."""
    return Registry.load()


@pytest.fixture(scope="session")
def run(registry: Registry) -> Run:
    """Extract bytes, sniffed as the engine would."""

    def call(data: bytes | str, name: str = "", options: Options | None = None) -> Extraction:
        raw = data.encode() if isinstance(data, str) else data
        return extract_one(Document(raw, name), options or Options(), registry)

    return call


@pytest.fixture(scope="session")
def make_zip() -> Callable[[Mapping[str, str | bytes]], bytes]:
    """Pack parts into a zip."""

    def call(parts: Mapping[str, str | bytes]) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
            for name, content in parts.items():
                package.writestr(name, content)
        return packed.getvalue()

    return call


@pytest.fixture(scope="session")
def make_docx(make_zip: Callable[[Mapping[str, str | bytes]], bytes]) -> Callable[..., bytes]:
    """Wrap body XML (prefix `w:`) and further parts into a Word document."""
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"

    def call(body: str, parts: Mapping[str, tuple[str, str]] | None = None) -> bytes:
        rels = "".join(
            f'<Relationship Id="r{n}" Type="{office}/{kind}" Target="{name}"/>'
            for n, (name, (kind, _)) in enumerate((parts or {}).items())
        )
        files: dict[str, str | bytes] = {
            "[Content_Types].xml": "<Types>wordprocessingml.document.main</Types>",
            "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="a" '
            f'Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>',
            "word/document.xml": f'<w:document xmlns:w="{word}" xmlns:r="{office}"><w:body>{body}</w:body></w:document>',
            "word/_rels/document.xml.rels": f'<Relationships xmlns="{package}">{rels}</Relationships>',
        }
        for name, (_, content) in (parts or {}).items():
            files[f"word/{name}"] = content.replace("<w:root", f'<w:root xmlns:w="{word}"')
        return make_zip(files)

    return call


@pytest.fixture(scope="session")
def make_pdf() -> Callable[..., bytes]:
    """Write a PDF: a page a list of (x, y from the bottom, text), with lines (x0, y0, x1, y1) on each page."""

    def call(
        pages: Sequence[Sequence[tuple[float, float, str]]],
        lines: Sequence[tuple[float, float, float, float]] = (),
        size: int = 11,
    ) -> bytes:
        objects = ["<< /Type /Catalog /Pages 2 0 R >>"]
        kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
        objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>")
        objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
        for n, words in enumerate(pages):
            drawn = "".join(f"{a} {b} m {c} {d} l S\n" for a, b, c, d in lines)
            shown = "".join(f"BT /F1 {size} Tf {x} {y} Td ({text}) Tj ET\n" for x, y, text in words)
            stream = drawn + shown
            objects.append(
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * n} 0 R "
                "/Resources << /Font << /F1 3 0 R >> >> >>"
            )
            objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        out, places = b"%PDF-1.4\n", []
        for number, body in enumerate(objects, 1):
            places.append(len(out))
            out += f"{number} 0 obj\n{body}\nendobj\n".encode()
        table = "".join(f"{place:010d} 00000 n \n" for place in places)
        end = f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n{table}trailer << /Size {len(places) + 1} /Root 1 0 R >>"
        return out + f"{end}\nstartxref\n{len(out)}\n%%EOF\n".encode()

    return call
