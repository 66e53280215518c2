"""Markdown by markdown-it-py: the blocks of CommonMark with tables, and the text as a reader sees it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extract_svc.engine import charset
from extract_svc.engine.metadata import normalise
from extract_svc.engine.model import BlockKind, OutlineEntry, TableCell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*\n", re.DOTALL)
_FRONT_LINE = re.compile(r"([\w-]+):[ \t]*(.+)")
# To CommonMark a footnote is a link's definition, which has no text.
_FOOTNOTE = re.compile(r"^\[\^([^\]\s]+)\]:", re.MULTILINE)
_TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^>]*>", re.DOTALL)


def read(document: Document, _options: Options, draft: Draft) -> None:
    """Read Markdown; stated properties come from a YAML front matter's plain lines."""
    text, encoding = charset.decode(document.data)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    stated = {"charset": encoding}
    draft.source_text = text
    front = _FRONT.match(text)
    if front:
        stated.update({m[1]: m[2].strip("\"' ") for m in _FRONT_LINE.finditer(front[1])})
        draft.block(front[1], BlockKind.CODE)
        text = text[front.end() :]
    read_markdown(text, draft)
    title = next((entry.title for entry in draft.outline if entry.level == 1), "")
    if title and "title" not in stated:
        stated["title"] = title
    draft.metadata = normalise(stated)


def read_markdown(text: str, draft: Draft) -> None:
    """Write Markdown text into a draft."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only the worker loads parsers

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    _Reader(draft).run(parser.parse(_FOOTNOTE.sub(r"\\[^\1]:", text)))


class _Reader:
    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.depth = 0
        self.rows: list[list[TableCell]] | None = None

    def run(self, tokens: Sequence[Token]) -> None:
        inside = ""
        for at, token in enumerate(tokens):
            kind = token.type
            if kind in ("bullet_list_open", "ordered_list_open"):
                self.depth += 1
            elif kind in ("bullet_list_close", "ordered_list_close"):
                self.depth -= 1
            elif kind == "table_open":
                self.rows = []
            elif kind == "table_close":
                self.draft.table(self.rows or [])
                self.rows = None
            elif kind == "tr_open" and self.rows is not None:
                self.rows.append([])
            elif kind in ("fence", "code_block"):
                self.draft.block(token.content, BlockKind.CODE)
            elif kind == "html_block":
                self._html(token.content)
            elif kind == "inline":
                inside = tokens[at - 1].type
                self._inline(token, inside, int(tokens[at - 1].tag[1:]) if inside == "heading_open" else 0)

    def _html(self, content: str) -> None:
        from extract_svc.engine.formats.html import read_fragment  # noqa: PLC0415 - few files hold any

        read_fragment(content, self.draft)

    def _inline(self, token: Token, inside: str, level: int) -> None:
        text = self._text(token.children or [])
        if self.rows is not None:
            self.rows[-1].append(TableCell(text.strip(), header=inside == "th_open"))
        elif inside == "heading_open":
            self.draft.outline.append(OutlineEntry(level, text.strip()))
            self.draft.block(text, BlockKind.HEADING, level=level)
        elif self.depth:
            self.draft.block(text, BlockKind.LIST_ITEM, level=self.depth)
        else:
            self.draft.block(text)

    def _text(self, children: Sequence[Token]) -> str:
        parts: list[str] = []
        target, since = "", 0
        for child in children:
            if child.type in ("softbreak", "hardbreak"):
                parts.append("\n")
            elif child.type == "link_open":
                target, since = str(child.attrGet("href") or ""), len(parts)
            elif child.type == "link_close":
                self.draft.link("".join(parts[since:]), target)
            elif child.type == "html_inline":
                parts.append(_TAG.sub("", child.content))
            else:
                parts.append(child.content)
        return "".join(parts)
