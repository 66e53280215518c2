"""What the fetch stage is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.runtime.program import StageSettings
from collatio.runtime.settings import count, positive, setting, size, switch, words
from fetch_svc.sources.config import BYTES_MAX, SHIPPED_SCHEMES, SourceConfig

if TYPE_CHECKING:
    from collatio.plugins.sources import SettingValue


def _roots(text: str) -> tuple[str, ...]:
    roots = tuple(part for part in text.split(":") if part)
    for root in roots:
        if not root.startswith("/"):
            raise ValueError(f"{root} is not an absolute path")
    return roots


def _plugins(text: str) -> tuple[tuple[str, tuple[tuple[str, SettingValue], ...]], ...]:
    """Parse settings of plugin sources, a JSON object of objects by scheme, into what can be a default."""
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise ValueError("not JSON") from error
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise ValueError('not of the form {"scheme": {"setting": value}}')
    return tuple(
        (scheme, tuple((key, _value(each)) for key, each in held.items())) for scheme, held in found.items()
    )


def _value(value: object) -> SettingValue:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise ValueError("a setting is a text, a number, true, false or a list of texts")


@dataclass(frozen=True, kw_only=True)
class Settings(StageSettings):
    """Settings of `python -m fetch_svc`."""

    fetch_schemes: tuple[str, ...] = setting(
        "URI schemes that may be used", parse=words, default=SHIPPED_SCHEMES
    )
    fetch_plugins: tuple[tuple[str, tuple[tuple[str, SettingValue], ...]], ...] = setting(
        'settings of plugin sources by scheme, as JSON: {"scheme": {"setting": value}}',
        parse=_plugins,
        default=(),
    )
    fetch_roots: tuple[str, ...] = setting(
        "folders and files that file: URIs may name, separated by ':'", parse=_roots, default=()
    )
    fetch_allow_hosts: tuple[str, ...] = setting(
        "hosts outside the public Internet that may be fetched from", parse=words, default=()
    )
    fetch_bytes_max: int = setting("bytes a document may have", parse=size, default=BYTES_MAX)
    fetch_concurrency: int = setting("downloads of one message at the same time", parse=count, default=16)
    fetch_timeout_s: float = setting("seconds a document may take altogether", parse=positive, default=300.0)
    fetch_s3_endpoint: str = setting("URL of an S3-compatible store; empty: AWS", default="")
    fetch_s3_region: str = setting("the buckets' region; empty: from the environment", default="")
    fetch_s3_anonymous: bool = setting("do not sign requests to S3", parse=switch, default=False)
    fetch_az_account: str = setting("the Azure storage account; empty: from the environment", default="")
    fetch_az_endpoint: str = setting("URL of an Azure-compatible store; empty: Azure", default="")
    fetch_gs_anonymous: bool = setting(
        "do not sign requests to Google Cloud Storage", parse=switch, default=False
    )

    @property
    def message_limit_s(self) -> float:
        """A message's hard limit in Celery: twice its largest document limit and half a minute."""
        return 2 * self.fetch_timeout_s + 30

    @property
    def sources(self) -> SourceConfig:
        """The sources' own settings."""
        return SourceConfig(
            schemes=self.fetch_schemes,
            roots=self.fetch_roots,
            bytes_max=self.fetch_bytes_max,
            total_timeout_s=self.fetch_timeout_s,
            allow_hosts=self.fetch_allow_hosts,
            s3_endpoint=self.fetch_s3_endpoint or None,
            s3_region=self.fetch_s3_region or None,
            s3_anonymous=self.fetch_s3_anonymous,
            az_account=self.fetch_az_account or None,
            az_endpoint=self.fetch_az_endpoint or None,
            gs_anonymous=self.fetch_gs_anonymous,
            plugins={scheme: dict(held) for scheme, held in self.fetch_plugins},
        )
