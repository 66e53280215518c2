"""Reads the OTEL_* variables into one frozen value.

The SDK reads them from the process's environment by itself, one at a time and late; here they are read once, from
the mapping that is handed in, and every fault becomes one line in `warnings` (an OpenTelemetry user expects a
wrong value to be ignored with a warning, never to stop the program: SDK specification, "Environment Variables").
An empty value is an unset one. Faulty values are not repeated in the warnings: headers hold credentials.

Honoured: OTEL_SDK_DISABLED, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_PROPAGATORS, OTEL_LOG_LEVEL,
OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER, OTEL_TRACES_SAMPLER(_ARG), OTEL_BSP_*, the OTEL_*_LIMIT family,
OTEL_METRIC_EXPORT_INTERVAL and _TIMEOUT, and OTEL_EXPORTER_OTLP_* with its _TRACES_ and _METRICS_ forms.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from collatio.runtime.telemetry.batching import BatchLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

OTLP_DEFAULT_ENDPOINT = "http://localhost:4318"
EXPORTERS = ("otlp", "console", "none", "file")
SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
PROPAGATORS = ("tracecontext", "baggage", "none")
SPAN_LIMITS: Mapping[str, str] = {
    "OTEL_ATTRIBUTE_COUNT_LIMIT": "max_attributes",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "max_attribute_length",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "max_span_attributes",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "max_span_attribute_length",
    "OTEL_SPAN_EVENT_COUNT_LIMIT": "max_events",
    "OTEL_SPAN_LINK_COUNT_LIMIT": "max_links",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "max_event_attributes",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": "max_link_attributes",
}
"""The variable, and the name `SpanLimits` gives it."""

_LOG_LEVELS: Mapping[str, int] = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
_GRPC_PORT = 4317
_UNLIMITED = -1  # what `SpanLimits` calls UNSET
_COUNT_DEFAULT = 128


@dataclass(frozen=True, slots=True)
class OtlpTarget:
    """Where one signal goes over OTLP/HTTP. `asked` tells whether an endpoint was set at all.

    `timeout_s` is in seconds, as the Python SDK reads OTEL_EXPORTER_OTLP_TIMEOUT.
    """

    endpoint: str
    asked: bool
    headers: Mapping[str, str] = field(repr=False)
    timeout_s: float
    compression: str
    certificate: str | None
    client_key: str | None
    client_certificate: str | None


@dataclass(frozen=True, slots=True)
class OtelSettings:
    """What the OTEL_* variables say. Exporters are None where nothing was asked and the default applies."""

    disabled: bool
    service_name: str | None
    resource: Mapping[str, str]
    propagators: tuple[str, ...]
    log_level: int
    traces_exporters: tuple[str, ...] | None
    metrics_exporters: tuple[str, ...] | None
    traces_target: OtlpTarget
    metrics_target: OtlpTarget
    sampler: str
    sampler_ratio: float
    batch: BatchLimits
    batch_delay_asked: bool
    span_limits: Mapping[str, int]
    metric_interval_s: float
    metric_timeout_s: float
    warnings: tuple[str, ...]


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.warnings: list[str] = []

    def text(self, *names: str) -> str | None:
        """Give the value of the first of the names that is set."""
        return self._first(names)[1]

    def number(self, *names: str, default: float, minimum: float = 0.0) -> float:
        """Read a number; what is none, or below the minimum, is the default."""
        name, text = self._first(names)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = minimum - 1
        if not minimum <= value < float("inf"):
            self.warnings.append(f"{name} must be a number from {minimum:g}; its default applies.")
            return default
        return value

    def choices(self, name: str, allowed: tuple[str, ...]) -> tuple[str, ...] | None:
        """Read a comma-separated list, leaving out words that are not known here."""
        text = self.text(name)
        if text is None:
            return None
        words = tuple(word.strip().lower() for word in text.split(",") if word.strip())
        unknown = [word for word in words if word not in allowed]
        if unknown:
            self.warnings.append(
                f"{name}: {', '.join(unknown)} is not supported (only {', '.join(allowed)}) and is ignored."
            )
        return tuple(word for word in words if word in allowed)

    def pairs(self, *names: str) -> dict[str, str]:
        """Read `key=value,key=value` with percent-encoded values (W3C Baggage without properties)."""
        found: dict[str, str] = {}
        name, text = self._first(names)
        for item in (text or "").split(","):
            key, equals, value = item.partition("=")
            if equals and key.strip():
                found[unquote(key).strip()] = unquote(value).strip()
            elif item.strip():
                self.warnings.append(f"{name}: an entry without `=` is ignored.")
        return found

    def _first(self, names: tuple[str, ...]) -> tuple[str, str | None]:
        return next(
            ((name, value) for name in names if (value := self._environ.get(name, "").strip())),
            (names[0], None),
        )


def read_otel_settings(environ: Mapping[str, str]) -> OtelSettings:
    """Read every OTEL_* variable that is honoured; never raises."""
    read = _Reader(environ)
    batch_delay = read.text("OTEL_BSP_SCHEDULE_DELAY")
    resource = read.pairs("OTEL_RESOURCE_ATTRIBUTES")
    return OtelSettings(
        disabled=(read.text("OTEL_SDK_DISABLED") or "").lower() == "true",
        service_name=read.text("OTEL_SERVICE_NAME") or resource.pop("service.name", None),
        resource=resource,
        propagators=_propagators(read),
        log_level=_log_level(read),
        traces_exporters=read.choices("OTEL_TRACES_EXPORTER", EXPORTERS),
        metrics_exporters=read.choices("OTEL_METRICS_EXPORTER", ("otlp", "console", "none")),
        traces_target=_target(read, "TRACES"),
        metrics_target=_target(read, "METRICS"),
        sampler=_sampler(read),
        sampler_ratio=_ratio(read),
        batch=_batch(read),
        batch_delay_asked=batch_delay is not None,
        span_limits=_span_limits(read),
        metric_interval_s=read.number("OTEL_METRIC_EXPORT_INTERVAL", default=60_000, minimum=1) / 1000,
        metric_timeout_s=read.number("OTEL_METRIC_EXPORT_TIMEOUT", default=30_000) / 1000,
        warnings=tuple(dict.fromkeys(read.warnings)),
    )


def _target(read: _Reader, signal: str) -> OtlpTarget:
    own, shared = f"OTEL_EXPORTER_OTLP_{signal}_", "OTEL_EXPORTER_OTLP_"

    def either(name: str) -> str | None:
        return read.text(own + name, shared + name)

    exact = read.text(own + "ENDPOINT")
    base = read.text(shared + "ENDPOINT")
    # OTLP exporter specification: the signal's own endpoint is used as it stands, the shared one gets the path.
    endpoint = exact or f"{(base or OTLP_DEFAULT_ENDPOINT).rstrip('/')}/v1/{signal.lower()}"
    protocol = (either("PROTOCOL") or "http/protobuf").lower()
    used = bool(exact or base) or "otlp" in (read.text(f"OTEL_{signal}_EXPORTER") or "")
    if used and protocol != "http/protobuf":
        read.warnings.append(
            f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol} is not shipped; OTLP goes over http/protobuf, so the endpoint "
            "must be the collector's HTTP port (usually 4318)."
        )
    elif used and _port(endpoint) == _GRPC_PORT:
        read.warnings.append(
            "The OTLP endpoint's port 4317 is usually a collector's gRPC port; OTLP goes over http/protobuf here "
            "(usually port 4318)."
        )
    return OtlpTarget(
        endpoint=endpoint,
        asked=bool(exact or base),
        headers={
            key.lower(): value for key, value in read.pairs(own + "HEADERS", shared + "HEADERS").items()
        },
        timeout_s=read.number(own + "TIMEOUT", shared + "TIMEOUT", default=10),
        compression=_one_of(read, either("COMPRESSION"), ("none", "gzip", "deflate"), shared + "COMPRESSION"),
        certificate=either("CERTIFICATE"),
        client_key=either("CLIENT_KEY"),
        client_certificate=either("CLIENT_CERTIFICATE"),
    )


def _port(endpoint: str) -> int | None:
    try:
        return urlsplit(endpoint).port
    except ValueError:
        return None


def _one_of(read: _Reader, value: str | None, allowed: tuple[str, ...], name: str) -> str:
    if value is None or value.lower() in allowed:
        return (value or allowed[0]).lower()
    read.warnings.append(f"{name} must be one of {', '.join(allowed)}; using {allowed[0]}.")
    return allowed[0]


def _propagators(read: _Reader) -> tuple[str, ...]:
    asked = read.choices("OTEL_PROPAGATORS", PROPAGATORS)
    if asked is None:
        return ("tracecontext", "baggage")
    return () if "none" in asked else asked


def _log_level(read: _Reader) -> int:
    text = (read.text("OTEL_LOG_LEVEL") or "info").lower()
    if text not in _LOG_LEVELS:
        read.warnings.append(f"OTEL_LOG_LEVEL must be one of {', '.join(_LOG_LEVELS)}; using info.")
    return _LOG_LEVELS.get(text, logging.INFO)


def _sampler(read: _Reader) -> str:
    text = (read.text("OTEL_TRACES_SAMPLER") or "parentbased_always_on").lower()
    if text in SAMPLERS:
        return text
    read.warnings.append(
        f"OTEL_TRACES_SAMPLER must be one of {', '.join(SAMPLERS)}; using parentbased_always_on."
    )
    return "parentbased_always_on"


def _ratio(read: _Reader) -> float:
    ratio = read.number("OTEL_TRACES_SAMPLER_ARG", default=1.0)
    if ratio > 1:
        read.warnings.append("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1; using 1.")
        return 1.0
    return ratio


def _batch(read: _Reader) -> BatchLimits:
    usual = BatchLimits()
    queue = int(read.number("OTEL_BSP_MAX_QUEUE_SIZE", default=usual.queue_size, minimum=1))
    batch = int(read.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", default=usual.batch_size, minimum=1))
    delay_ms = read.number("OTEL_BSP_SCHEDULE_DELAY", default=usual.delay_s * 1000)
    if batch > queue:
        read.warnings.append(
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE is above OTEL_BSP_MAX_QUEUE_SIZE; using the latter."
        )
    return BatchLimits(queue, min(batch, queue), delay_ms / 1000)


def _span_limits(read: _Reader) -> dict[str, int]:
    limits: dict[str, int] = {}
    for variable, name in SPAN_LIMITS.items():
        value = read.number(variable, default=_UNLIMITED)
        if value != _UNLIMITED:
            limits[name] = int(value)
    # SDK specification, "Attribute limits": the general limit stands in for a particular one that is not set.
    count = limits.setdefault("max_attributes", _COUNT_DEFAULT)
    for name in ("max_span_attributes", "max_event_attributes", "max_link_attributes"):
        limits.setdefault(name, count)
    for name in ("max_events", "max_links"):
        limits.setdefault(name, _COUNT_DEFAULT)
    length = limits.setdefault("max_attribute_length", _UNLIMITED)
    limits.setdefault("max_span_attribute_length", length)
    return limits
