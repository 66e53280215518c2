"""JSON: as it stands; notebooks cell by cell; rich-text trees (nodes with type, content and text) as documents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from extract_svc.engine import charset
from extract_svc.engine.formats.markdown import read_markdown
from extract_svc.engine.media_type import NDJSON, NOTEBOOK
from extract_svc.engine.metadata import normalise
from extract_svc.engine.model import BlockKind, OutlineEntry

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_MAX_DEPTH = 100
_ROWS, _CELLS = ("table_row", "tableRow"), ("table_cell", "table_header", "tableCell", "tableHeader")
_ITEMS = ("list_item", "listItem", "check_list_item", "taskItem", "decisionItem")


def read(document: Document, _options: Options, draft: Draft) -> None:
    """Read JSON text; what does not parse is still text."""
    text, encoding = charset.decode(document.data)
    draft.metadata = normalise({"charset": encoding})
    if document.media_type == NDJSON:
        for line in text.splitlines():
            draft.block(line, BlockKind.CODE)
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        draft.warn("NOT_JSON", "The text is not valid JSON; it is given as it stands.")
        draft.block(text, BlockKind.CODE)
        return
    if document.media_type == NOTEBOOK and isinstance(value, dict):
        _notebook(value, draft)
        return
    tree = _tree(value)
    if tree is not None:
        _node(tree, draft, 0, 0)
        return
    draft.block(text, BlockKind.CODE)


def _joined(source: Any) -> str:
    return "".join(str(line) for line in source) if isinstance(source, list) else str(source or "")


def _notebook(book: dict[str, Any], draft: Draft) -> None:
    for cell in book.get("cells") or []:
        source = _joined(cell.get("source"))
        if cell.get("cell_type") == "markdown":
            read_markdown(source, draft)
        else:
            draft.block(source, BlockKind.CODE)
        for output in cell.get("outputs") or []:
            shown = output.get("text") or (output.get("data") or {}).get("text/plain")
            draft.block(_joined(shown), BlockKind.CODE)


def _tree(value: Any) -> dict[str, Any] | None:
    """Find a rich-text tree: an object of type "doc" with content, at the top or one level below."""
    for candidate in (value, *(value.values() if isinstance(value, dict) else ())):
        if (
            isinstance(candidate, dict)
            and candidate.get("type") == "doc"
            and isinstance(candidate.get("content"), list)
        ):
            return candidate
    return None


def _inline(node: dict[str, Any], draft: Draft, depth: int) -> str:
    if node.get("type") in ("hard_break", "hardBreak"):
        return "\n"
    text = str(node.get("text") or "")
    for mark in node.get("marks") or []:
        href = (mark.get("attrs") or {}).get("href")
        if href:
            draft.link(text, str(href))
    if not text and depth < _MAX_DEPTH:
        return "".join(_inline(child, draft, depth + 1) for child in node.get("content") or [])
    return text


def _node(node: dict[str, Any], draft: Draft, depth: int, lists: int) -> None:
    kind, content = str(node.get("type") or ""), node.get("content") or []
    if depth > _MAX_DEPTH:
        return
    if kind == "table":
        rows = [
            [
                _inline(cell, draft, depth).strip()
                for cell in row.get("content") or []
                if cell.get("type") in _CELLS
            ]
            for row in content
            if row.get("type") in _ROWS
        ]
        draft.table(rows)
    elif any(child.get("type") == "text" for child in content):
        text = _inline(node, draft, depth)
        level = (node.get("attrs") or {}).get("level")
        if kind == "heading":
            draft.outline.append(OutlineEntry(int(level or 1), text.strip()))
            draft.block(text, BlockKind.HEADING, level=int(level or 1))
        elif kind in ("code_block", "codeBlock"):
            draft.block(text, BlockKind.CODE)
        else:
            draft.block(text, BlockKind.LIST_ITEM if lists else BlockKind.PARAGRAPH, level=lists)
    else:
        described = node.get("attrs") or {}
        if not content and isinstance(described, dict):
            said = next((described[key] for key in ("alt", "title", "caption") if described.get(key)), "")
            draft.block(str(said), BlockKind.FIGURE)
        for child in content:
            _node(child, draft, depth + 1, lists + (child.get("type") in _ITEMS))
