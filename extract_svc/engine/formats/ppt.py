"""Presentations of PowerPoint 97 to 2003 (PPT, [MS-PPT]): a page a slide, texts in the order of its shapes.

The persist directory of the last edit says which objects are in force, so that texts of earlier saves do not
come back. A placeholder's text lies in the document's list of slides, other texts in the slide itself.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import cfb, summary
from extract_svc.engine.archive import Budget
from extract_svc.engine.embedded import unwrap
from extract_svc.engine.locks import rc4
from extract_svc.engine.model import BlockKind, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_DOCUMENT, _SLIDE, _NOTES, _MASTER, _LIST = 0x03E8, 0x03EE, 0x03F0, 0x03F8, 0x0FF0
_PERSIST, _HEADER, _CHARS, _BYTES, _STRING = 0x03F3, 0x0F9F, 0x0FA0, 0x0FA8, 0x0FBA
_EDIT, _DIRECTORY, _OLE, _CRYPT, _INFO, _REFERENCE = 0x0FF5, 0x1772, 0x1011, 0x2F14, 0x03EF, 0x0F9E
_COMMENT, _HEADERS, _PLACEHOLDER, _CLIENT_DATA = 0x2EE0, 0x0FD9, 0x0BC3, 0xF011
_SHAPE = 0xF004
_TITLES = (0, 6)
_MASTER_PLACEHOLDERS = frozenset(range(1, 7))
_MAX_EDITS = 1_000
_MAX_DEPTH = 40


class _Atom(NamedTuple):
    kind: int
    instance: int
    container: bool
    start: int
    end: int


def read(document: Document, options: Options, draft: Draft) -> None:
    """Read a presentation."""
    compound = cfb.CompoundFile(document.data)
    stream = compound.stream("PowerPoint Document")
    if not stream:
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The presentation has no document stream.")
    user = compound.stream("Current User")
    places = _places(stream, user)
    if user[12:16] == b"\xdf\xc4\xd1\xf3" or "EncryptedSummary" in compound:
        stream = _unlock(stream, places, options.passwords)
    draft.metadata = summary.metadata(compound)
    shown = _Slides(stream, places, draft)
    shown.read()
    budget = Budget(options.limits, len(document.data))
    for at in places.values():
        atom = next(_atoms(stream, at, len(stream)), None)
        if atom is not None and atom.kind == _OLE:
            _embedded(stream, atom, budget, draft)


def _unlock(stream: bytes, places: dict[int, int], passwords: Sequence[str]) -> bytes:
    """Decipher each persistent object, which is a block by its own number ([MS-PPT] 2.3.7)."""
    heads = [next(_atoms(stream, at, len(stream)), None) for at in places.values()]
    lock = next((atom for atom in heads if atom is not None and atom.kind == _CRYPT), None)
    key = rc4.key_of(stream[lock.start : lock.end], passwords) if lock is not None and passwords else None
    if key is None:
        raise CollatioError(Reason.ENCRYPTED, "The presentation is locked with a password.")
    opened = bytearray(stream)
    for number, at in places.items():
        if lock is None or at == lock.start - 8:
            continue
        (size,) = struct.unpack_from("<4xI", key.decipher_block(number, stream[at : at + 8]).ljust(8, b"\0"))
        opened[at : at + 8 + size] = key.decipher_block(number, stream[at : at + 8 + size])
    return bytes(opened)


def _atoms(stream: bytes, at: int, end: int) -> Iterator[_Atom]:
    while at + 8 <= end:
        head, kind, size = struct.unpack_from("<HHI", stream, at)
        stop = min(at + 8 + size, end)
        yield _Atom(kind, head >> 4, head & 0xF == 0xF, at + 8, stop)
        at = stop


def _places(stream: bytes, user: bytes) -> dict[int, int]:
    """Answer where each persistent object begins, the newest edit's word first ([MS-PPT] 2.1.2)."""
    places: dict[int, int] = {}
    at = int.from_bytes(user[16:20], "little") if len(user) >= 20 else 0
    seen: set[int] = set()
    while 0 < at < len(stream) and at not in seen and len(seen) < _MAX_EDITS:
        seen.add(at)
        atom = next(_atoms(stream, at, len(stream)), None)
        if atom is None or atom.kind != _EDIT or atom.end - atom.start < 16:
            break
        older, directory = struct.unpack_from("<II", stream, atom.start + 8)
        for key, place in _directory(stream, directory):
            places.setdefault(key, place)
        at = older
    if not places:
        tops = [a for a in _atoms(stream, 0, len(stream)) if a.kind in (_DOCUMENT, _SLIDE, _NOTES, _MASTER)]
        places = {n: atom.start - 8 for n, atom in enumerate(tops, 1)}
    return places


def _directory(stream: bytes, at: int) -> Iterator[tuple[int, int]]:
    atom = next(_atoms(stream, at, len(stream)), None)
    if atom is None or atom.kind != _DIRECTORY:
        return
    here = atom.start
    while here + 4 <= atom.end:
        (head,) = struct.unpack_from("<I", stream, here)
        first, count = head & 0xFFFFF, head >> 20
        here += 4
        for n in range(count):
            if here + 4 > atom.end:
                return
            yield first + n, struct.unpack_from("<I", stream, here)[0]
            here += 4


class _Slides:
    def __init__(self, stream: bytes, places: dict[int, int], draft: Draft) -> None:
        self._stream = stream
        self._places = places
        self._draft = draft
        self._page = 0

    def read(self) -> None:
        atoms = {
            key: next(_atoms(self._stream, at, len(self._stream)), None) for key, at in self._places.items()
        }
        document = next((a for a in atoms.values() if a is not None and a.kind == _DOCUMENT), None)
        used: set[int] = set()
        lists = list(self._lists(document)) if document is not None else []
        for kind, entries in sorted(lists, key=lambda one: one[0] == 1):
            for key, texts in entries:
                atom = atoms.get(key)
                used.add(key)
                self._entry(kind, atom, texts)
        for key, atom in atoms.items():
            if atom is not None and atom.kind in (_SLIDE, _NOTES) and key not in used and not lists:
                self._entry(0 if atom.kind == _SLIDE else 2, atom, [])
        if document is not None:
            self._running(document)

    def _lists(self, document: _Atom) -> Iterator[tuple[int, list[tuple[int, list[tuple[int, str]]]]]]:
        for child in _atoms(self._stream, document.start, document.end):
            if child.kind != _LIST:
                continue
            entries: list[tuple[int, list[tuple[int, str]]]] = []
            role = 1
            for atom in _atoms(self._stream, child.start, child.end):
                if atom.kind == _PERSIST and atom.end - atom.start >= 4:
                    entries.append((struct.unpack_from("<I", self._stream, atom.start)[0], []))
                elif atom.kind == _HEADER and atom.end - atom.start >= 4:
                    (role,) = struct.unpack_from("<I", self._stream, atom.start)
                elif atom.kind in (_CHARS, _BYTES) and entries:
                    entries[-1][1].append((role, self._text(atom)))
            yield child.instance, entries

    def _text(self, atom: _Atom) -> str:
        raw = self._stream[atom.start : atom.end]
        text = raw.decode("latin-1") if atom.kind == _BYTES else raw.decode("utf-16-le", "surrogatepass")
        return text.replace("\r", "\n").replace("\x0b", "\n").replace("\0", "")

    def _entry(self, kind: int, atom: _Atom | None, texts: list[tuple[int, str]]) -> None:
        marks: tuple[Mark, ...] = ()
        if kind == 0:
            self._page = self._draft.page()
        elif kind == 2:
            marks = (Mark.NOTE,)
        self._outline = list(texts)
        if kind == 1:
            if atom is not None:
                self._walk(atom, (), 0, master=True)
            return
        for role, text in texts:
            self._emit(role, text, marks)
        if atom is not None:
            self._walk(atom, marks, 0)

    def _emit(self, role: int, text: str, marks: tuple[Mark, ...]) -> None:
        title = role in _TITLES
        if text.strip() in ("*", ""):
            return
        page = self._page if Mark.NOTE not in marks else 0
        kind = BlockKind.HEADING if title else BlockKind.PARAGRAPH
        self._draft.block(text, kind, level=int(title), page=page, marks=marks)

    def _walk(self, atom: _Atom, marks: tuple[Mark, ...], depth: int, *, master: bool = False) -> None:
        role = 4
        for child in _atoms(self._stream, atom.start, atom.end):
            if child.kind == _HEADER and child.end - child.start >= 4:
                (role,) = struct.unpack_from("<I", self._stream, child.start)
            elif child.kind in (_CHARS, _BYTES):
                self._emit(role, self._text(child), marks)
            elif child.kind == _COMMENT:
                strings = [
                    self._text(a) for a in _atoms(self._stream, child.start, child.end) if a.kind == _STRING
                ]
                self._draft.block(": ".join(strings[:2]), page=self._page, marks=(*marks, Mark.COMMENT))
            elif child.container and child.kind != _HEADERS and depth < _MAX_DEPTH:
                if master and child.kind == _SHAPE and self._holds_placeholder(child):
                    continue
                self._walk(child, marks, depth + 1, master=master)

    def _holds_placeholder(self, shape: _Atom) -> bool:
        """Whether a master's shape is a prompt for the slides' own titles and bodies."""
        for child in _atoms(self._stream, shape.start, shape.end):
            if child.kind == _CLIENT_DATA:
                for atom in _atoms(self._stream, child.start, child.end):
                    if atom.kind == _PLACEHOLDER and atom.end - atom.start > 4:
                        return self._stream[atom.start + 4] in _MASTER_PLACEHOLDERS
        return False

    def _running(self, document: _Atom) -> None:
        """Heads and feet that the document states for its slides and notes."""
        seen: set[str] = set()
        for child in _atoms(self._stream, document.start, document.end):
            if child.kind == _HEADERS:
                for atom in _atoms(self._stream, child.start, child.end):
                    text = self._text(atom) if atom.kind == _STRING else ""
                    if text and text not in seen:
                        seen.add(text)
                        self._draft.block(text, BlockKind.HEADER if atom.instance == 1 else BlockKind.FOOTER)


def _embedded(stream: bytes, atom: _Atom, budget: Budget, draft: Draft) -> None:
    """Hand over an embedded OLE object; instance 1 means that it is deflated ([MS-PPT] 2.10.34)."""
    data = stream[atom.start : atom.end]
    if atom.instance == 1:
        inflate = zlib.decompressobj()
        try:
            data = inflate.decompress(data[4:], 256 * 1024 * 1024)
        except zlib.error:
            return
        budget.spend(len(data))
    name, content = unwrap("object", data)
    if content:
        draft.member(name, content)
