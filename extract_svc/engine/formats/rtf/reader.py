"""The RTF reader: tokens in, blocks out."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from extract_svc.engine.charset import known
from extract_svc.engine.embedded import unwrap
from extract_svc.engine.model import BlockKind, Mark, TableCell

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft

_TOKEN = re.compile(r"\\([a-zA-Z]+)(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])|([{}])|([^\\{}]+)|\\")
_CHARSETS = {
    0: "cp1252", 2: "cp1252", 77: "mac-roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030",
    136: "big5", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257",
    204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_SIGNS = {
    "tab": "\t", "line": "\n", "emdash": "\u2014", "endash": "\u2013", "lquote": "\u2018", "rquote": "\u2019",
    "ldblquote": "\u201c", "rdblquote": "\u201d", "bullet": "\u2022", "emspace": "\u2003", "enspace": "\u2002",
    "nestcell": "\t", "nestrow": "\n", "lbr": "\n", "softline": "\n", "ltrmark": "\u200e", "rtlmark": "\u200f",
}  # fmt: skip
_ENCODINGS = {
    "mac": "mac-roman", "pc": "cp437", "pca": "cp850", "f": "", "fcharset": "", "cpg": "", "ansicpg": "",
}  # fmt: skip
_SKIPPED = frozenset((
    "colortbl", "stylesheet", "listtable", "listoverridetable", "revtbl", "rsidtbl", "generator", "pict",
    "filetbl", "xmlnstbl", "themedata", "colorschememapping", "latentstyles", "datastore", "pgdsctbl",
    "template", "nonesttables", "nonshppict", "panose", "falt", "listname", "listlevel", "blipuid",
    "picprop", "fldtype", "objclass", "objname", "objalias", "sp", "sn", "sv", "htmltag", "mhtmltag",
    "bkmkstart", "bkmkend", "atnid", "atnauthor", "atrfstart", "atrfend", "atndate", "atnref", "mmathPr",
    "wgrffmtfilter", "ftnsep", "ftnsepc", "ftncn", "aftnsep", "aftnsepc", "aftncn", "passwordhash",
    "formfield", "xe", "rxe", "txe", "tc", "tcn"
))  # fmt: skip
_STORIES = {
    "header": BlockKind.HEADER, "headerl": BlockKind.HEADER, "headerr": BlockKind.HEADER, "headerf": BlockKind.HEADER,
    "footer": BlockKind.FOOTER, "footerl": BlockKind.FOOTER, "footerr": BlockKind.FOOTER, "footerf": BlockKind.FOOTER,
    "footnote": BlockKind.FOOTNOTE,
}  # fmt: skip
_ENTERED = frozenset(("fonttbl", "info", "fldinst", "objdata", "annotation", *_STORIES))
_OPENED = frozenset(("shpinst", "shptxt", "fldrslt", "ud"))
_UNREAD = frozenset(("nesttableprops", "docvar", "shppict", "background"))
_PROPERTIES = {
    "title": "title", "author": "author", "subject": "subject", "keywords": "keywords", "operator": "operator",
    "doccomm": "comments", "company": "company", "category": "category", "manager": "manager",
}  # fmt: skip
_LINK = re.compile(r"HYPERLINK\s+(?:\\\\?l\s+)?\"?([^\"\s]+)\"?")
_MAX_DEPTH = 2_000


@dataclass(frozen=True, slots=True)
class _State:
    where: str = "body"
    encoding: str = ""
    skip_after_unicode: int = 1
    hidden: bool = False
    deleted: bool = False
    font: int = -1


class Reader:
    """Reads one document."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._state = _State()
        self._stack: list[_State] = []
        self._encoding = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = -1
        self._texts: dict[str, list[str]] = {"body": []}
        self._pending = bytearray()
        self._skip = 0
        self._starred = False
        self._fresh = False
        self._level = 0
        self._in_table = False
        self._cells: list[TableCell] = []
        self._rows: list[list[TableCell]] = []
        self._deleted: list[str] = []
        self._hidden: list[str] = []
        self._when: dict[str, int] = {}
        self.stated: dict[str, str] = {}
        self._quiet = False

    def run(self, text: str) -> None:
        """Read all tokens."""
        match, at, end = _TOKEN.match, 0, len(text)
        while at < end:
            token = match(text, at)
            if token is None:
                break
            at = token.end()
            word, number, coded, sign, brace, plain = token.groups()
            if plain is not None:
                self._plain(plain)
            elif word == "bin" and number:
                at += max(int(number), 0)
            elif word is not None:
                self._word(word, int(number) if number else None)
            elif coded is not None:
                self._coded(int(coded, 16))
            elif brace is not None:
                self._brace(opens=brace == "{")
            elif sign is not None:
                self._sign(sign)
        self._flush_bytes()
        self._paragraph()
        self._end_table()

    def _brace(self, *, opens: bool) -> None:
        if not opens:
            self._close()
            return
        self._flush_bytes()
        if len(self._stack) < _MAX_DEPTH:
            self._stack.append(self._state)
        self._fresh, self._skip = True, 0

    def _plain(self, text: str) -> None:
        text = text.replace("\r", "").replace("\n", "")
        if not text:
            return
        self._fresh = False
        if self._skip:
            cut = min(self._skip, len(text))
            self._skip -= cut
            text = text[cut:]
        if not text:
            return
        where = self._state.where
        if where == "fonttbl":
            return
        if not text.isascii() or self._pending:
            self._pending += text.encode("latin-1")
            return
        self._put(text)

    def _coded(self, value: int) -> None:
        self._fresh = False
        if self._skip:
            self._skip -= 1
        else:
            self._pending.append(value)

    def _put(self, text: str) -> None:
        state = self._state
        if state.where == "skip" or self._quiet:
            return
        if state.deleted:
            self._deleted.append(text)
        elif state.hidden and state.where == "body":
            self._hidden.append(text)
        else:
            self._texts.setdefault(state.where, []).append(text)

    def _flush_bytes(self) -> None:
        if not self._pending:
            return
        data = bytes(self._pending)
        self._pending.clear()
        encoding = self._fonts.get(self._state.font, "") or self._encoding
        try:
            self._put(data.decode(encoding, "replace"))
        except LookupError:
            self._put(data.decode("cp1252", "replace"))

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._starred = self._fresh
            return
        self._flush_bytes()
        if self._skip:
            self._skip -= 1
        elif sign == "~":
            self._put("\u00a0")
        elif sign == "_":
            self._put("\u2011")
        elif sign in "\\{}":
            self._put(sign)
        elif sign in "\r\n":
            self._paragraph()
        self._fresh = False

    def _word(self, word: str, number: int | None) -> None:
        self._flush_bytes()
        if self._fresh:
            starred, self._fresh, self._starred = self._starred, False, False
            if self._destination(word, starred=starred):
                return
        if word == "u" and number is not None:
            self._unicode(number)
            return
        self._skip = 0
        if word in _SIGNS:
            self._put(_SIGNS[word])
        elif word in ("par", "sect", "page", "column"):
            self._paragraph()
        elif word in ("cell", "row", "trowd", "intbl", "pard"):
            self._table_word(word)
        elif word in _ENCODINGS:
            self._encoding_word(word, number or 0)
        else:
            self._state_word(word, number)

    def _state_word(self, word: str, number: int | None) -> None:
        state = self._state
        if word == "uc":
            self._state = replace(state, skip_after_unicode=max(number or 0, 0))
        elif word == "v":
            self._state = replace(state, hidden=number != 0)
        elif word == "deleted":
            self._state = replace(state, deleted=number != 0)
        elif word == "plain":
            self._state = replace(state, hidden=False, deleted=False)
        elif word == "htmlrtf":
            self._quiet = number != 0
        elif word in ("yr", "mo", "dy", "hr", "min") and state.where in ("creatim", "revtim"):
            self._when[word] = number or 0
        elif word == "outlinelevel" and number is not None:
            self._level = number + 1

    def _encoding_word(self, word: str, number: int) -> None:
        in_fonts = self._state.where == "fonttbl"
        if word == "f":
            self._font_word(number)
        elif word == "fcharset":
            if in_fonts:
                self._fonts[self._font] = _CHARSETS.get(number, "") if number else ""
        elif word == "cpg":
            if in_fonts and known(f"cp{number}"):
                self._fonts[self._font] = known(f"cp{number}")
        elif word == "ansicpg":
            self._encoding = known(f"cp{number}") or self._encoding
        else:
            self._encoding = _ENCODINGS[word]

    def _font_word(self, number: int) -> None:
        if self._state.where == "fonttbl":
            self._font = number
            self._fonts.setdefault(number, "")
        else:
            self._state = replace(self._state, font=number)

    def _unicode(self, number: int) -> None:
        code = number & 0xFFFF
        if 0xF000 <= code <= 0xF0FF:
            code -= 0xF000
        self._put(chr(code))
        self._skip = self._state.skip_after_unicode

    def _destination(self, word: str, *, starred: bool) -> bool:
        """Enter a group's destination; answer whether the word was one."""
        state = self._state
        if state.where == "skip":
            return word != "u"
        where = ""
        if word in _SKIPPED or word in _UNREAD:
            where = "skip"
        elif state.where == "info":
            self._when = {}
            where = word if word in _PROPERTIES or word.endswith("tim") else "skip"
        elif word in _ENTERED:
            where = word
        elif starred and word not in _OPENED:
            where = "skip"
        if where:
            self._state = replace(state, where=where, hidden=False)
            self._texts[where] = []
        return bool(where) or word == "ud"

    def _close(self) -> None:
        self._flush_bytes()
        where = self._state.where
        before = self._stack.pop() if self._stack else _State()
        if before.where != where and where not in ("skip", "body"):
            self._leave(where)
        self._state = before
        self._fresh, self._skip = False, 0

    def _leave(self, where: str) -> None:
        text = "".join(self._texts.pop(where, []))
        if where in _STORIES:
            self._draft.block(text, _STORIES[where])
        elif where == "annotation":
            self._draft.block(text, marks=(Mark.COMMENT,))
        elif where in _PROPERTIES:
            self.stated[_PROPERTIES[where]] = text
        elif where == "fldinst":
            found = _LINK.search(text)
            if found:
                self._draft.link("", found[1])
        elif where == "objdata":
            self._object(text)
        elif where in ("creatim", "revtim") and self._when.get("yr"):
            parts = [self._when.get(key, 0) for key in ("yr", "mo", "dy", "hr", "min")]
            moment = "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}".format(*parts)
            self.stated["created" if where == "creatim" else "modified"] = moment

    def _object(self, text: str) -> None:
        """Hand over an embedded object: the OLE 1 header ([MS-OLEDS] 2.2.5) stands before its bytes."""
        try:
            data = binascii.unhexlify(re.sub(r"[^0-9a-fA-F]", "", text)[: len(text) // 2 * 2])
        except binascii.Error:
            return
        at = data.find(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
        if at >= 0:
            name, content = unwrap("object", data[at:])
        else:
            name, content = _package(data)
        if content:
            self._draft.member(name, content)

    def _paragraph(self) -> None:
        where = self._state.where
        if where in _STORIES or where == "annotation":
            self._texts.setdefault(where, []).append("\n")
            return
        if where != "body":
            return
        text = "".join(self._texts["body"])
        if self._in_table or self._cells:  # a row that has begun goes on, whatever its paragraphs say
            self._texts["body"].append("\n")
            return
        self._texts["body"] = []
        if text.strip():
            self._end_table()
            if 0 < self._level < 10:
                self._draft.block(text, BlockKind.HEADING, level=self._level)
            else:
                self._draft.block(text)
        for aside, mark in ((self._hidden, Mark.HIDDEN), (self._deleted, Mark.DELETED)):
            self._draft.block("".join(aside), marks=(mark,))
            aside.clear()

    def _table_word(self, word: str) -> None:
        if self._state.where != "body":
            if word == "cell":
                self._put("\t")
            return
        if word == "intbl":
            self._in_table = True
        elif word == "pard":
            self._in_table, self._level = False, 0
        elif word == "cell":
            self._cells.append(TableCell("".join(self._texts["body"]).strip()))
            self._texts["body"] = []
        elif word == "row":
            if self._cells:
                self._rows.append(self._cells)
            self._cells, self._in_table = [], False

    def _end_table(self) -> None:
        if self._cells:
            self._rows.append(self._cells)
            self._cells = []
        if self._rows:
            rows, self._rows = self._rows, []
            self._draft.table(rows)


def _package(data: bytes) -> tuple[str, bytes]:
    """Take the file out of an OLE 1 package: class, topic, item, size, then label, path and the bytes."""
    at = 8
    for _ in range(3):
        if at + 4 > len(data):
            return "", b""
        at += 4 + int.from_bytes(data[at : at + 4], "little")
    body = data[at + 4 :]
    label_end = body.find(b"\0", 2)
    path_end = body.find(b"\0", label_end + 1)
    at = path_end + 5
    if label_end < 0 or path_end < 0 or at + 4 > len(body):
        return "", b""
    at += 4 + int.from_bytes(body[at : at + 4], "little")
    size = int.from_bytes(body[at : at + 4], "little")
    name = body[2:label_end].decode("cp1252", "replace").replace("\\", "/").rpartition("/")[2]
    return name or "object", body[at + 4 : at + 4 + size]
