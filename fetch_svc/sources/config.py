"""What the operator sets for the sources; read once, handed down by argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collatio.plugins.sources import SettingValue

SHIPPED_SCHEMES = ("file", "http", "https", "s3", "az", "gs")
BYTES_MAX = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """The sources' settings. Endpoints and credentials stand here or in the environment, never in a URI.

    `schemes`: the schemes that may be used; a plugin's must be named here. `roots`: absolute folders or single
    files that `file:` URIs may name; none: no `file:` URI is read. `allow_hosts`: hosts outside the public
    Internet that may be fetched from, each `host`, `host:port`, `address`, `address:port` or `CIDR`.
    `bytes_max`: the largest document, in bytes. Times are in seconds: to connect (name resolution and TLS
    included), between two chunks, and for one document altogether.
    """

    schemes: tuple[str, ...] = SHIPPED_SCHEMES
    roots: tuple[str, ...] = ()
    bytes_max: int = BYTES_MAX
    connect_timeout_s: float = 10.0
    idle_timeout_s: float = 30.0
    total_timeout_s: float = 300.0

    allow_hosts: tuple[str, ...] = ()
    ca_file: str | None = None
    """A PEM file of further authorities to trust for https."""
    http_connections_max: int = 32

    s3_endpoint: str | None = None
    """The URL of an S3-compatible store; unset: AWS, or AWS_ENDPOINT_URL."""
    s3_region: str | None = None
    s3_anonymous: bool = False
    """Do not sign requests; for public buckets."""
    az_account: str | None = None
    az_endpoint: str | None = None
    az_anonymous: bool = False
    gs_endpoint: str | None = None
    gs_anonymous: bool = False
    credentials_timeout_s: float = 5.0
    """How long finding credentials may take before they count as missing."""

    plugins: Mapping[str, Mapping[str, SettingValue]] = field(default_factory=lambda: MappingProxyType({}))
    """Settings of plugin sources, by scheme."""
