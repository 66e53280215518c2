"""What the compare stage is told."""

from __future__ import annotations

from dataclasses import dataclass

from collatio.runtime.program import StageSettings
from collatio.runtime.settings import count, positive, setting, size


@dataclass(frozen=True, kw_only=True)
class Settings(StageSettings):
    """Settings of `python -m compare_svc`."""

    tile_timeout_s: float = setting("wall clock a tile of pairs, seconds", parse=positive, default=120.0)
    tile_memory: int = setting("memory a tile's comparing may take, bytes", parse=size, default=2 << 30)
    tile_output: int = setting("bytes a tile's comparisons may have", parse=size, default=512 << 20)
    max_pairs: int = setting("pairs a plan may make when the job sets no limit", parse=count, default=100_000)

    @property
    def message_limit_s(self) -> float:
        """A message's hard limit in Celery: twice its largest tile limit and half a minute."""
        return 2 * self.tile_timeout_s + 30
