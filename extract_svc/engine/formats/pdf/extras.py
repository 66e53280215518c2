"""What a PDF holds beside its pages' text: properties, labels, outline, links, notes, form values, files."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.formats.pdf.geometry import Frame, box_of
from extract_svc.engine.model import BlockKind, Box, Mark, OutlineEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from extract_svc.engine.draft import Draft

_PROPERTIES = ("Title", "Author", "Subject", "Keywords", "Creator", "Producer", "CreationDate", "ModDate")
_MAX_OUTLINE = 5_000
_MAX_DEPTH = 16
_MAX_ATTACHMENTS = 1_000
_MAX_ANNOTATIONS = 5_000


@dataclass(frozen=True, slots=True)
class Note:
    """Text beside the page's own: a comment or a form field's value."""

    text: str
    box: Box
    marks: tuple[Mark, ...] = ()
    kind: BlockKind = BlockKind.PARAGRAPH


def _wide(ask: Callable[[Any, int], int]) -> str:
    """Call a pdfium function that fills a UTF-16 buffer: first for the size in bytes, then for the text."""
    size = ask(None, 0)
    if not 2 < size < 10_000_000:
        return ""
    buffer = ctypes.create_string_buffer(size)
    ask(ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace")


def _wide_void(ask: Callable[[Any, int], int]) -> str:
    size = ask(None, 0)
    if not 2 < size < 10_000_000:
        return ""
    buffer = ctypes.create_string_buffer(size)
    ask(buffer, size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace")


def properties(handle: Any) -> dict[str, str]:
    """Read the document information and the language the catalog states."""
    stated = {
        key: _wide_void(lambda b, n, key=key: int(pdfium.FPDF_GetMetaText(handle, key.encode(), b, n)))  # type: ignore[misc]  # a default argument binds the key
        for key in _PROPERTIES
    }
    stated["Lang"] = _wide(lambda b, n: int(pdfium.FPDFCatalog_GetLanguage(handle, b, n)))
    return stated


def label(handle: Any, index: int) -> str:
    """Answer a page's label, "" where it is just its number."""
    text = _wide_void(lambda b, n: int(pdfium.FPDF_GetPageLabel(handle, index, b, n)))
    return "" if text == str(index + 1) else text


def check_wrapper(handle: Any, data: bytes) -> None:
    """Refuse a page that only wraps a protected document (ISO 32000-2, 7.6.7). Errors: CollatioError ENCRYPTED."""
    if pdfium.FPDFDoc_GetAttachmentCount(handle) and (
        b"/EncryptedPayload" in data or b"MicrosoftIRMServices" in data
    ):
        raise CollatioError(Reason.ENCRYPTED, "The PDF wraps a protected document.")


def outline(handle: Any, draft: Draft) -> None:
    """Replace the outline by the document's bookmarks, where it has any."""
    found: list[OutlineEntry] = []
    seen: set[int] = set()
    stack = [(pdfium.FPDFBookmark_GetFirstChild(handle, None), 1)]
    while stack and len(found) < _MAX_OUTLINE:
        mark, level = stack.pop()
        address = ctypes.cast(mark, ctypes.c_void_p).value if mark else None
        if not address or address in seen or level > _MAX_DEPTH:
            continue
        seen.add(address)
        title = _wide_void(lambda b, n, mark=mark: int(pdfium.FPDFBookmark_GetTitle(mark, b, n)))  # type: ignore[misc]  # a default argument binds the mark
        found.append(OutlineEntry(level, " ".join(title.split()), _target(handle, mark)))
        stack.append((pdfium.FPDFBookmark_GetNextSibling(handle, mark), level))
        stack.append((pdfium.FPDFBookmark_GetFirstChild(handle, mark), level + 1))
    if found:
        draft.outline = found


def _target(handle: Any, mark: Any) -> int:
    target = pdfium.FPDFBookmark_GetDest(handle, mark)
    if not target:
        action = pdfium.FPDFBookmark_GetAction(mark)
        target = pdfium.FPDFAction_GetDest(handle, action) if action else None
    return max(pdfium.FPDFDest_GetDestPageIndex(handle, target) + 1, 0) if target else 0


def attachments(handle: Any, draft: Draft) -> None:
    """Hand over the attached files as members."""
    for index in range(min(pdfium.FPDFDoc_GetAttachmentCount(handle), _MAX_ATTACHMENTS)):
        attachment = pdfium.FPDFDoc_GetAttachment(handle, index)
        if attachment:
            _attachment(attachment, index, draft)


def _attachment(attachment: Any, index: int, draft: Draft) -> None:
    name = _wide(lambda b, n: int(pdfium.FPDFAttachment_GetName(attachment, b, n)))
    size = ctypes.c_ulong()
    if not pdfium.FPDFAttachment_GetFile(attachment, None, 0, ctypes.byref(size)) or not size.value:
        return
    if size.value > draft.limits.max_inflated_bytes:
        raise CollatioError(Reason.DECOMPRESSION_LIMIT, "An attached file inflates past the byte limit.")
    buffer = ctypes.create_string_buffer(size.value)
    if pdfium.FPDFAttachment_GetFile(attachment, buffer, size.value, ctypes.byref(size)):
        draft.member(name or f"attachment-{index + 1}", buffer.raw)


def notes_of(handle: Any, page: Any, frame: Frame, number: int, draft: Draft) -> list[Note]:
    """Add the links of a page to the draft; answer its comments and form values."""
    notes: list[Note] = []
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        if kind == pdfium.FPDF_ANNOT_LINK:
            _link(handle, annotation, number, draft)
        elif kind != pdfium.FPDF_ANNOT_POPUP:
            note = _note(annotation, kind, frame)
            if note is not None:
                notes.append(note)
        pdfium.FPDFPage_CloseAnnot(annotation)
    return notes


def _link(handle: Any, annotation: Any, number: int, draft: Draft) -> None:
    link = pdfium.FPDFAnnot_GetLink(annotation)
    action = pdfium.FPDFLink_GetAction(link) if link else None
    if not action:
        return
    size = pdfium.FPDFAction_GetURIPath(handle, action, None, 0)
    if 1 < size < 100_000:
        buffer = ctypes.create_string_buffer(size)
        pdfium.FPDFAction_GetURIPath(handle, action, buffer, size)
        draft.link("", buffer.value.decode("utf-8", "replace"), number)


def _note(annotation: Any, kind: int, frame: Frame) -> Note | None:
    rect = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, ctypes.byref(rect))
    box = box_of(*frame.upright(rect.left, rect.bottom, rect.right, rect.top))

    def value(key: bytes) -> str:
        return _wide(lambda b, n: int(pdfium.FPDFAnnot_GetStringValue(annotation, key, b, n)))

    if kind == pdfium.FPDF_ANNOT_WIDGET:
        content, name = value(b"V"), value(b"TU") or value(b"T")
        return Note(f"{name}: {content}" if name else content, box) if content.strip() else None
    content = value(b"Contents")
    return Note(content, box, (Mark.COMMENT,)) if content.strip() else None
