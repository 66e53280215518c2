"""Plain text, and text markup whose signs are left as they stand: paragraphs are set apart by blank lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extract_svc.engine import charset
from extract_svc.engine.media_type import VTT
from extract_svc.engine.metadata import normalise
from extract_svc.engine.model import BlockKind

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_BLANK = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_CUE_TIMES = re.compile(r"[\d:.]+ --> [\d:.]+.*")
_CUE_TAG = re.compile(r"</?(?:[cibuv]|ruby|rt|lang|\d[\d:.]*)(?:[.\s][^>]*)?>")
_CUE_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")


def read(document: Document, _options: Options, draft: Draft) -> None:
    """Read text in any charset."""
    text, encoding = charset.decode(document.data)
    draft.metadata = normalise({"charset": encoding})
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n").replace("\0", "")
    if document.media_type == VTT:
        _cues(text, draft)
        return
    for paragraph in _BLANK.split(text.replace("\f", "\n\n")):
        draft.block(paragraph)


def _cues(text: str, draft: Draft) -> None:
    """WebVTT: a cue a paragraph, its times and settings left out, its speaker named."""
    for part in _BLANK.split(text):
        lines = part.split("\n")
        if lines[0].startswith(("WEBVTT", "STYLE", "REGION")):
            continue
        if lines[0].startswith("NOTE"):
            draft.block(part[4:].strip(), BlockKind.PARAGRAPH)
            continue
        at = next((n for n, line in enumerate(lines) if _CUE_TIMES.match(line)), -1)
        spoken = "\n".join(lines[at + 1 :])
        draft.block(_CUE_TAG.sub("", _CUE_VOICE.sub(r"\1: ", spoken)))
