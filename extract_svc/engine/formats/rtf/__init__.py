"""Rich Text Format (specification 1.9.1): a tokenizer and a stack of group states.

The text of a group goes where its destination says: body, running head, note, comment, or nowhere. Bytes are
decoded by the code page of the font in force, so that runs of several scripts read right.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extract_svc.engine.formats.rtf.reader import Reader
from extract_svc.engine.metadata import normalise

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_START = re.compile(rb"\s*\{\s*\\rtf")


def read(document: Document, _options: Options, draft: Draft) -> None:
    """Read an RTF document."""
    data = document.data
    if data[:3] == b"\xef\xbb\xbf":
        data = data[3:]
    stated = read_rtf(data, draft)
    draft.metadata = normalise(stated)


def read_rtf(data: bytes, draft: Draft) -> dict[str, str]:
    """Write the text of RTF bytes into a draft and answer the stated properties."""
    start = _START.match(data)
    reader = Reader(draft)
    reader.run(data[start.start() if start else 0 :].decode("latin-1"))
    return reader.stated
