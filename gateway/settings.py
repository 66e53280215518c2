"""What the gateway is told."""

from __future__ import annotations

from dataclasses import dataclass

from collatio.runtime.program import ServiceSettings
from collatio.runtime.settings import count, not_negative, positive, setting, size


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """Settings of `python -m gateway`."""

    fetch_target: str = setting("FetchService's address, HOST:PORT[,HOST:PORT…]")
    extract_target: str = setting("ExtractService's address, HOST:PORT[,HOST:PORT…]")
    compare_target: str = setting("CompareService's address, HOST:PORT[,HOST:PORT…]")
    documents_max: int = setting("documents a job may hold", parse=count, default=100_000)
    jobs_open_max: int = setting("jobs a tenant may have open", parse=count, default=1_000)
    backlog_max: int = setting(
        "steps that may wait at a stage before no further job is taken", parse=count, default=200_000
    )
    jobs_run_max: int = setting("jobs this gateway runs at the same time", parse=count, default=64)
    upload_max: int = setting("bytes an upload may have", parse=size, default=2 << 30)
    document_max: int = setting("bytes a document may have, as fetch is set", parse=size, default=256 << 20)
    reports_max: int = setting("reports made at the same time", parse=count, default=2)
    report_timeout_s: float = setting("seconds a report may take to make", parse=positive, default=300.0)
    report_memory: int = setting(
        "bytes of address space that making a report may take", parse=size, default=3 << 30
    )
    record_ttl_s: float = setting(
        "seconds a job's record is kept after its results expired", parse=positive, default=30 * 86_400.0
    )
    blob_ttl_s: float = setting(
        "seconds after its last use that a blob which nothing names is kept",
        parse=positive,
        default=30 * 86_400.0,
    )
    collect_every_s: float = setting(
        "seconds between collections of such blobs; 0: only when asked for",
        parse=not_negative,
        default=3600.0,
    )
