"""For authors of extractors: a fake, and a suite that checks an extractor's promises.

    def test_my_extractor_keeps_its_promises() -> None:
        check_extractor(Acta(), good={"minutes.acta": (MINUTES, ["Decisions", "Anna"])}, broken={"no.acta": b"?"})
        check_lightness("acta_extractor:Acta", heavy=["lxml"])

The suite needs no test framework: it raises AssertionError with the promise that was broken.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

from collatio.plugins.extractors import (
    Block,
    BlockKind,
    CollatioError,
    Document,
    Extraction,
    Extractor,
    Options,
    Reason,
)
from collatio.plugins.testing.extractions import check_extraction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_CUTS, _FLIPS = 16, 16
_ABOUT_THE_DOCUMENT = frozenset((
    Reason.DOCUMENT_CORRUPT, Reason.ENCRYPTED, Reason.DECOMPRESSION_LIMIT, Reason.NESTING_LIMIT,
    Reason.XML_DTD_FORBIDDEN, Reason.FORMAT_UNSUPPORTED
))  # fmt: skip


class MemoryExtractor:
    """An extractor that answers from a table of texts by the documents' bytes; anything else is corrupt."""

    needs_network = False

    def __init__(
        self,
        texts: Mapping[bytes, str],
        *,
        name: str = "memory",
        version: str = "1",
        media_type: str = "text/x-memory",
        priority: int = 0,
    ) -> None:
        self.name, self.version, self.priority = name, version, priority
        self.media_types = frozenset((media_type,))
        self.asked: list[Document] = []
        self._texts = dict(texts)

    def extract(self, document: Document, options: Options) -> Extraction:  # noqa: ARG002 - it has none
        """Answer one paragraph, and remember the document in `asked`."""
        self.asked.append(document)
        if document.data not in self._texts:
            raise CollatioError(Reason.DOCUMENT_CORRUPT)
        text = self._texts[document.data]
        return Extraction(document.media_type, blocks=(Block(BlockKind.PARAGRAPH, text),))


def check_extractor(
    extractor: Extractor,
    *,
    good: Mapping[str, tuple[bytes, Sequence[str]]],
    broken: Mapping[str, bytes],
    options: Options | None = None,
) -> None:
    """Check an extractor's promises. Raises AssertionError that names the broken one.

    `good`: documents by file name, each with snippets that its text must hold, in this order. `broken`:
    documents that must fail. Beyond these the suite cuts and garbles the good ones by itself: whatever comes
    of such a document, it is an extraction or a typed error about the document.
    """
    chosen = options or Options()
    _check_declaration(extractor)
    _expect(bool(good), "there is a good document to try it on")
    for name, (data, snippets) in good.items():
        document = Document(data, name, _media_type(extractor, data, name))
        found = extractor.extract(document, chosen)
        check_extraction(found, document)
        _expect(extractor.extract(document, chosen) == found, f"{name} gives an equal extraction every time")
        _check_snippets(name, found.text, snippets)
        _check_damage(extractor, document, chosen)
    for name, data in broken.items():
        error = _attempt(extractor, Document(data, name, _media_type(extractor, data, name)), chosen)
        _expect(error is not None, f"{name} is broken and fails")


def check_lightness(entry: str, *, heavy: Sequence[str] = ()) -> None:
    """Check that loading what an entry point names ("package.module:attribute") imports no heavy module.

    Every server of the stage loads the declaration. Raises AssertionError with the modules it drew in.
    """
    module, _, attribute = entry.partition(":")
    code = (
        f"import importlib, sys; found = getattr(importlib.import_module({module!r}), {attribute!r}); "
        f"print(*[name for name in {list(heavy)!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    _expect(done.returncode == 0, f"{entry} can be loaded: {done.stderr[-300:]}")
    _expect(not done.stdout.strip(), f"{entry} is light, but loads {done.stdout.strip()}")


def _check_declaration(extractor: Extractor) -> None:
    for member in ("name", "version", "media_types", "priority", "needs_network", "extract"):
        _expect(hasattr(extractor, member), f"it has `{member}`")
    _expect(bool(_NAME.fullmatch(extractor.name)), "its name is lower case, digits and -_.")
    _expect(bool(extractor.version) and "@" not in extractor.version, "its version is a text without @")
    _expect(bool(extractor.media_types), "it reads at least one media type")
    for media_type in extractor.media_types:
        _expect(bool(_MEDIA_TYPE.fullmatch(media_type)), f"{media_type} is lower case, without parameters")
    _expect(isinstance(extractor.priority, int), "its priority is a whole number")
    _expect(isinstance(extractor.needs_network, bool), "needs_network is True or False")
    for each in getattr(extractor, "recognitions", ()):
        _expect(each.media_type in extractor.media_types, f"it reads what it recognises: {each.media_type}")
        _expect(bool(each.starts or each.suffix), "a recognition has a start or a suffix")
        _expect(each.suffix == each.suffix.lower(), "a recognised suffix is in lower case")
        _expect(not each.suffix or each.suffix.startswith("."), "a recognised suffix begins with a dot")


def _media_type(extractor: Extractor, data: bytes, name: str) -> str:
    for each in getattr(extractor, "recognitions", ()):
        if data.startswith(each.starts) if each.starts else name.lower().endswith(each.suffix):
            return str(each.media_type)
    return min(extractor.media_types)


def _check_snippets(name: str, text: str, snippets: Sequence[str]) -> None:
    at = 0
    for snippet in snippets:
        _expect(snippet in text, f"the text of {name} holds {snippet!r}")
        _expect(snippet in text[at:], f"the text of {name} holds {snippet!r} in the order given")
        at = text.index(snippet, at) + len(snippet)


def _check_damage(extractor: Extractor, document: Document, options: Options) -> None:
    data = document.data
    step = max(1, len(data) // _CUTS)
    damaged = [data[:at] for at in range(1, len(data), step)]
    flips = range(0, len(data), max(1, len(data) // _FLIPS))
    damaged += [data[:at] + bytes((data[at] ^ 0xFF,)) + data[at + 1 :] for at in flips]
    for one in damaged:
        _attempt(extractor, Document(one, document.name, document.media_type), options)


def _attempt(extractor: Extractor, document: Document, options: Options) -> CollatioError | None:
    """Answer the typed error a document ends with, None for a sound extraction."""
    try:
        found = extractor.extract(document, options)
    except CollatioError as error:
        _expect(error.reason in _ABOUT_THE_DOCUMENT, f"{error.reason} is said of a document")
        return error
    except Exception as error:
        raise AssertionError(
            "An extractor's promise is broken: a document that cannot be read is a CollatioError, "
            f"not {type(error).__name__}."
        ) from error
    check_extraction(found, document)
    return None


def _expect(holds: bool, promise: str) -> None:
    if not holds:
        raise AssertionError(f"An extractor's promise is broken: {promise}.")
