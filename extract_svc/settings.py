"""What the extract stage is told."""

from __future__ import annotations

from dataclasses import dataclass

from collatio.runtime.program import StageSettings
from collatio.runtime.settings import count, positive, setting, share, size


@dataclass(frozen=True, kw_only=True)
class Settings(StageSettings):
    """Settings of `python -m extract_svc`."""

    document_timeout_s: float = setting("wall clock a document, seconds", parse=positive, default=60.0)
    document_reading: float = setting(
        "share of that clock for reading; when it is over, what was read so far is the result",
        parse=share,
        default=0.9,
    )
    document_memory: int = setting("memory a document's parser may take, bytes", parse=size, default=1 << 30)
    document_output: int = setting(
        "bytes an extraction and its members may have", parse=size, default=600 << 20
    )
    member_depth: int = setting("how deep archives and mails are opened", parse=count, default=3)

    @property
    def message_limit_s(self) -> float:
        """A message's hard limit in Celery: twice its largest document limit and half a minute."""
        return 2 * self.document_timeout_s + 30
