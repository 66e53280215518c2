"""Open the object store of a bucket, configured by the operator alone."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from obstore.store import AzureStore, GCSStore, S3Store

from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.sources.credentials import Chain, evident, library_chain, missing
from fetch_svc.sources.object_errors import STORE_ERRORS, translate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from collatio.plugins.sources import SettingValue, SourceContext

T = TypeVar("T")
Store = AzureStore | GCSStore | S3Store
_STORES_MAX = 256
_RETRIES = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
"""The ledger owns retries; these only bridge a dropped connection."""


@dataclass(frozen=True, slots=True)
class ObjectSettings:
    """How to reach the stores of one scheme. Times are in seconds."""

    endpoint: str | None = None
    region: str | None = None
    account: str | None = None
    anonymous: bool = False
    credentials_timeout_s: float = 5.0
    connect_timeout_s: float = 10.0
    idle_timeout_s: float = 30.0
    total_timeout_s: float = 300.0


def settings_from(context: SourceContext) -> ObjectSettings:
    """Read a source context; raises SETTINGS_INVALID."""
    given = context.settings
    return ObjectSettings(
        endpoint=_text(given, "endpoint"),
        region=_text(given, "region"),
        account=_text(given, "account"),
        anonymous=bool(given.get("anonymous")),
        credentials_timeout_s=_seconds(given.get("credentials_timeout_s", 5.0)),
        connect_timeout_s=context.connect_timeout_s,
        idle_timeout_s=context.idle_timeout_s,
        total_timeout_s=context.total_timeout_s,
    )


def _text(settings: Mapping[str, SettingValue], name: str) -> str | None:
    value = settings.get(name)
    if isinstance(value, tuple):
        raise CollatioError(Reason.SETTINGS_INVALID, f"{name} takes one value, not a list.")
    return None if value in {None, ""} else str(value)


def _seconds(value: SettingValue) -> float:
    if not isinstance(value, (int, float)) or value <= 0:
        raise CollatioError(Reason.SETTINGS_INVALID, "credentials_timeout_s is a number of seconds above 0.")
    return float(value)


class Buckets:
    """Opens stores, keeps them, and bounds the first contact with each.

    `environment` is where obstore will look for credentials, which is the process's own.
    """

    def __init__(
        self,
        scheme: str,
        settings: ObjectSettings,
        *,
        chain: Chain = library_chain,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._scheme = scheme
        self._settings = settings
        self._chain = chain
        self._evident = settings.anonymous or evident(scheme, environment)
        self._metadata_service = environment.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true"
        self._stores: dict[str, Store] = {}
        self._reached: set[str] = set()

    async def store(self, bucket: str) -> Store:
        """Return a bucket's store; raises SOURCE_CREDENTIALS_MISSING when there is no hope of any."""
        known = self._stores.get(bucket)
        if known is not None:
            return known
        provider = None if self._evident else await self._provider(bucket)
        while len(self._stores) >= _STORES_MAX:
            del self._stores[next(iter(self._stores))]
        try:
            return self._stores.setdefault(bucket, self._open(bucket, provider))
        except STORE_ERRORS as error:
            raise translate(error, self._scheme, bucket) from None

    async def _provider(self, bucket: str) -> Any | None:
        try:
            async with asyncio.timeout(self._settings.credentials_timeout_s):
                provider = await asyncio.to_thread(self._chain, self._scheme)
        except (LookupError, TimeoutError):
            raise missing(self._scheme, bucket) from None
        if provider is not None:
            self._reached.add(bucket)
        elif not self._metadata_service:
            raise missing(self._scheme, bucket)
        return provider

    async def reach(self, bucket: str, call: Awaitable[T]) -> T:
        """Await a store's answer; what it raises is typed.

        Until a bucket has answered once, silence without known credentials means that the metadata service is
        being waited for in vain.
        """
        doubtful = not self._evident and bucket not in self._reached
        limit = self._settings.credentials_timeout_s if doubtful else self._settings.idle_timeout_s
        try:
            async with asyncio.timeout(limit):
                answer = await call
        except TimeoutError:
            if doubtful:
                raise missing(self._scheme, bucket) from None
            raise CollatioError(Reason.SOURCE_TIMEOUT) from None
        except STORE_ERRORS as error:
            if isinstance(error, FileNotFoundError):
                self._reached.add(bucket)
            raise translate(error, self._scheme, bucket) from None
        self._reached.add(bucket)
        return answer

    def _open(self, bucket: str, provider: Any | None) -> Store:
        settings = self._settings
        options: dict[str, Any] = {
            "credential_provider": provider,
            "retry_config": _RETRIES,
            "client_options": {
                "connect_timeout": timedelta(seconds=settings.connect_timeout_s),
                "read_timeout": timedelta(seconds=settings.idle_timeout_s),
                "timeout": timedelta(seconds=settings.total_timeout_s),
                "user_agent": "collatio",
                **({"allow_http": True} if (settings.endpoint or "").startswith("http://") else {}),
            },
        }
        if settings.anonymous:
            options["skip_signature"] = True
        return _MAKERS[self._scheme](bucket, settings, options)


def _s3(bucket: str, settings: ObjectSettings, options: dict[str, Any]) -> Store:
    return S3Store(bucket, **_set(endpoint=settings.endpoint, region=settings.region), **options)


def _az(bucket: str, settings: ObjectSettings, options: dict[str, Any]) -> Store:
    return AzureStore(bucket, **_set(endpoint=settings.endpoint, account_name=settings.account), **options)


def _gs(bucket: str, settings: ObjectSettings, options: dict[str, Any]) -> Store:
    return GCSStore(bucket, **_set(base_url=settings.endpoint), **options)


_MAKERS = {"s3": _s3, "az": _az, "gs": _gs}


def _set(**options: str | None) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
