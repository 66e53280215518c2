"""An extractor for Acta, a made-up format of minutes. The declaration is light; `reading` does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.plugins.extractors import Recognition

if TYPE_CHECKING:
    from collatio.plugins.extractors import Document, Extraction, Options

MEDIA_TYPE = "text/x-acta"


class Acta:
    """What the entry point names. Raise `version` with every change of results: old ones are then not reused."""

    name = "acta"
    version = "1"
    media_types = frozenset((MEDIA_TYPE,))
    priority = 0
    needs_network = False
    recognitions = (Recognition(MEDIA_TYPE, starts=b"%ACTA "),)

    def extract(self, document: Document, options: Options) -> Extraction:
        """Read minutes. Errors: DOCUMENT_CORRUPT, FORMAT_UNSUPPORTED."""
        from collatio_acta.reading import read  # noqa: PLC0415 - servers load this class and never read

        return read(document, options)
