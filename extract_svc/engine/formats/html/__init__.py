"""HTML by lxml's parser: what a reader sees, in order, with tables, links and what the head states."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

from extract_svc.engine import charset
from extract_svc.engine.formats.html.walker import Walker
from extract_svc.engine.metadata import normalise
from extract_svc.engine.model import BlockKind

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_DECLARED = re.compile(
    rb"<(?:meta\s[^>]*?charset|\?xml\s[^>]*?encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE
)
_MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.IGNORECASE | re.DOTALL)
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")


def read(document: Document, _options: Options, draft: Draft) -> None:
    """Read a page; its encoding is the one it declares, if the bytes agree."""
    declared = _DECLARED.search(document.data[:4096])
    text, encoding = charset.decode(document.data, declared[1].decode("ascii") if declared else "")
    root = parse(text)
    stated = {"charset": encoding}
    if root is not None:
        stated.update(head_of(root))
        _title(root, stated.get("title", ""), draft)
        Walker(draft).run(root)
    if not draft.blocks:
        _stripped(text, draft)
    draft.metadata = normalise(stated, language=stated.pop("html lang", ""))


def _stripped(text: str, draft: Draft) -> None:
    """Read what the parser gave up on (nesting past its depth, say) with the tags cut out."""
    words = " ".join(_MARKUP.sub(" ", text).split())
    if words:
        draft.warn("FALLBACK", "The page's structure could not be read; its bare text is given.")
        draft.block(unescape(words))


def _title(root: Any, title: str, draft: Draft) -> None:
    """Let a page's title head its text, unless the first heading says the same."""
    first = next(root.iter("h1", "h2"), None)
    if title and (first is None or " ".join("".join(first.itertext()).split()) != title):
        draft.block(title, BlockKind.HEADING, level=1)


def read_fragment(text: str, draft: Draft, page: int = 0) -> None:
    """Read a piece of HTML into a draft, its head left out."""
    root = parse(text)
    if root is not None:
        Walker(draft, page).run(root)


def parse(text: str) -> Any:
    """Parse a page; None where there is nothing in it."""
    from lxml import etree  # noqa: PLC0415 - only the worker loads parsers

    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    text = _XML_DECLARATION.sub("", text).replace("\0", "")
    try:
        return etree.fromstring(text.encode("utf-8", "replace"), parser) if text.strip() else None
    except etree.ParserError:
        return None


def head_of(root: Any) -> dict[str, str]:
    """Collect what a page's head states: title, named metas, language."""
    stated: dict[str, str] = {}
    title = root.find(".//title")
    if title is not None:
        stated["title"] = " ".join("".join(title.itertext()).split())
    for meta in root.iter("meta"):
        key = meta.get("name") or meta.get("property") or meta.get("http-equiv")
        if key and meta.get("content"):
            stated.setdefault(key.strip(), meta.get("content").strip())
    language = root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    if language:
        stated["html lang"] = language
    return stated
