"""The extractors that come with collatio: declarations alone, so that naming them loads no parser."""

from __future__ import annotations

import importlib
import importlib.metadata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import media_type as types
from extract_svc.engine.draft import Draft, LimitReached, TimeReached

if TYPE_CHECKING:
    from types import ModuleType

    from extract_svc.engine.model import Document, Extraction, Options


@lru_cache(maxsize=64)
def _library_version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "none"


@dataclass(frozen=True, slots=True)
class Shipped:
    """A format of `extract_svc.engine.formats`, imported when its first document comes.

    The version is the format's own revision, raised with every change of results, and those of the libraries and
    of the other formats it reads with.
    """

    name: str
    module: str
    revision: int
    media_types: frozenset[str]
    libraries: tuple[str, ...] = ()
    priority: int = 0
    needs_network: bool = False
    formats: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """The revision and the libraries' versions, as "1.lxml-6.1.3"."""
        formats = (f"{one.name}-{one.revision}" for one in EXTRACTORS if one.name in self.formats)
        libraries = (f"{lib}-{_library_version(lib)}" for lib in self.libraries)
        return ".".join([str(self.revision), *formats, *libraries])

    def load(self) -> ModuleType:
        """Import the format, and with it the parser it reads with."""
        return importlib.import_module(f"extract_svc.engine.formats.{self.module}")

    def extract(self, document: Document, options: Options) -> Extraction:
        """Read a document with the format's `read`; where a limit ends that, what was read is the result.

        Errors: CollatioError EXTRACT_TIMEOUT or MEMORY_LIMIT where nothing was; and those of the format.
        """
        draft = Draft(options.limits, options.deadline)
        module = self.load()
        cut = None
        try:
            module.read(document, options, draft)
        except TimeReached:
            cut = Reason.EXTRACT_TIMEOUT
        except LimitReached:
            draft.warn("PARTIAL", "An output limit was reached; what was read so far is here.")
        except MemoryError:
            cut = Reason.MEMORY_LIMIT  # what the reading held is free again once this is left
        return draft.finish(document.media_type) if cut is None else _provisional(draft, document, cut)


def _provisional(draft: Draft, document: Document, reason: Reason) -> Extraction:
    limit = "time" if reason is Reason.EXTRACT_TIMEOUT else "memory"
    if not draft.blocks and not draft.members:
        raise CollatioError(reason, f"The {limit} limit was reached before anything was read.")
    draft.warn("PARTIAL", f"The {limit} limit was reached; what was read so far is here.")
    return replace(draft.finish(document.media_type), provisional=True)


def _declare(
    name: str, revision: int, media_types: set[str], *libraries: str, module: str = "", priority: int = 0
) -> Shipped:
    return Shipped(name, module or name, revision, frozenset(media_types), libraries, priority)


OCR = ("rapidocr", "onnxruntime")  # the extra: installing it makes results of these two engines alone anew

EXTRACTORS: tuple[Shipped, ...] = (
    _declare("pdf", 3, {types.PDF}, "pypdfium2", *OCR),
    _declare("docx", 4, {types.DOCX, types.FLAT_OPC, types.WORDML}, "lxml"),
    _declare("html", 2, {types.HTML, "application/xhtml+xml"}, "lxml", "chardet"),
    _declare("markdown", 3, {types.MARKDOWN}, "markdown-it-py", "chardet"),
    _declare("delimited", 3, {types.CSV, types.TSV}, "chardet"),
    _declare("xlsx", 2, {types.XLSX, types.XLSB}, "lxml"),
    _declare("xls", 2, {types.XLS}),
    _declare("mail", 2, {types.MAIL, types.MBOX}, "lxml", "chardet"),
    _declare("msg", 2, {types.MSG}, "lxml", "chardet"),
    _declare("rtf", 3, {types.RTF, "text/rtf"}),
    _declare("doc", 2, {types.DOC}),
    _declare("ppt", 2, {types.PPT}),
    _declare("epub", 2, {types.EPUB}, "lxml", "chardet"),
    _declare("xml", 1, {types.XML, types.SVG, types.FICTIONBOOK, "text/xml"}, "lxml", module="xmltext"),
    _declare(
        "json", 1, {types.JSON, types.NDJSON, types.NOTEBOOK}, "markdown-it-py", "chardet", module="jsontext"
    ),
    _declare(
        "archive",
        4,
        {
            types.ZIP,
            types.TAR,
            types.GZIP,
            types.BZIP2,
            types.ZSTD,
            types.XZ,
            types.LZMA,
            types.COMPRESS,
            types.SEVEN_Z,
            types.RAR,
        },
        module="archives",
    ),
    _declare("iwork", 2, {types.PAGES, types.NUMBERS, types.KEYNOTE}, "lxml"),
    _declare("image", 2, {types.PNG, types.JPEG, types.GIF, types.TIFF, types.WEBP, types.BMP}, *OCR),
    Shipped(
        "locked",
        "locked",
        2,
        frozenset({types.OOXML_LOCKED, types.OLE}),
        libraries=("lxml",),
        formats=("docx", "xlsx", "pptx"),
    ),
    _declare("pptx", 2, {types.PPTX}, "lxml"),
    _declare("odf", 3, {types.ODT, types.ODS, types.ODP, types.ODG}, "lxml"),
    _declare(
        "text",
        1,
        {types.TEXT, types.VTT, types.RST, types.ORG, types.ASCIIDOC, types.TEX, types.SUBRIP},
        "chardet",
    ),
)
