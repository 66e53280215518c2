"""Compares what a reader does not see at once: where links lead, and which pictures stand there.

Both are compared between documents of one media type only: formats differ in what they call a link and a picture.
"""

from __future__ import annotations

from collections import defaultdict
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from compare_svc.engine.model import Change, ChangeKind, ChangeScope, Place
from compare_svc.engine.patterns import compile_patterns, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compare_svc.engine.model import Document, Ignore, Link, Picture


def compare_links(left: Document, right: Document, ignore: Ignore) -> Iterator[Change]:
    """Yield the links that lead elsewhere, and texts on both sides that are a link on one, by their texts.

    A link that came or went with its text is told by the text.
    """
    if left.media_type != right.media_type or left.links == right.links:
        return
    patterns = compile_patterns(ignore.patterns)
    by_text: dict[str, tuple[list[Link], list[Link]]] = defaultdict(lambda: ([], []))
    for side, document in enumerate((left, right)):
        for link in document.links:
            by_text[" ".join(link.text.split())][side].append(link)
    for text in sorted(by_text):
        lefts, rights = by_text[text]
        kept = {counted(link.uri, patterns) for link in lefts} & {
            counted(link.uri, patterns) for link in rights
        }
        lefts = [link for link in lefts if counted(link.uri, patterns) not in kept]
        rights = [link for link in rights if counted(link.uri, patterns) not in kept]
        for at in range(max(len(lefts), len(rights))):
            first = lefts[at] if at < len(lefts) else None
            second = rights[at] if at < len(rights) else None
            if (first and second) or (text and _says(right if first else left, text)):
                yield _link_change(first, second)


def _says(document: Document, text: str) -> bool:
    return any(text in " ".join(block.text.split()) for block in document.blocks)


def _link_change(left: Link | None, right: Link | None) -> Change:
    return Change(
        _kind(left, right),
        ChangeScope.LINK,
        Place(left.page, name=left.text) if left else None,
        Place(right.page, name=right.text) if right else None,
        left.uri if left else "",
        right.uri if right else "",
    )


def compare_pictures(left: Document, right: Document) -> Iterator[Change]:
    """Yield the pictures that are others, or stand on one side only, in their order."""
    if left.media_type != right.media_type or left.pictures == right.pictures:
        return
    lefts, rights = ([picture.sha256 for picture in side.pictures] for side in (left, right))
    for tag, a, b, c, d in SequenceMatcher(None, lefts, rights, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for at in range(max(b - a, d - c)):
            first = left.pictures[a + at] if a + at < b else None
            second = right.pictures[c + at] if c + at < d else None
            yield _picture_change(first, second)


def _picture_change(left: Picture | None, right: Picture | None) -> Change:
    return Change(
        _kind(left, right),
        ChangeScope.PICTURE,
        Place(left.page, left.block, name="picture") if left else None,
        Place(right.page, right.block, name="picture") if right else None,
        left_value=left.sha256 if left else "",
        right_value=right.sha256 if right else "",
    )


def _kind(left: object, right: object) -> ChangeKind:
    if left and right:
        return ChangeKind.VALUE_CHANGED
    return ChangeKind.DELETED if left else ChangeKind.INSERTED
