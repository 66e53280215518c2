"""The OTLP/HTTP exporters, loaded only where an endpoint is set: they cost start-up time."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

    from collatio.runtime.telemetry.otel_settings import OtelSettings, OtlpTarget

_CHATTY_LOGGERS = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
)
_REPEAT_AFTER_S = 60.0


class ExporterSink:
    """A `SpanSink` over one of the SDK's span exporters."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> int:
        """Export one batch: all of it arrives or none."""
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415 - see the module's first line

        return len(spans) if self._exporter.export(spans) is SpanExportResult.SUCCESS else 0

    def discarded(self) -> int:
        """Nothing that was sent is thrown away here."""
        return 0

    def close(self) -> None:
        """Stop the exporter; it gives up its retries at once."""
        self._exporter.shutdown()


class RepeatFilter(logging.Filter):
    """Lets the same complaint of an exporter through once a minute: a dead collector must not fill the log."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._next: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record may be written."""
        now = self._monotonic()
        template = str(record.msg)
        if now < self._next.get(template, now):
            return False
        self._next[template] = now + _REPEAT_AFTER_S
        return True


def otlp_span_sink(target: OtlpTarget) -> ExporterSink:
    """Make the sink that sends spans to a collector."""
    from opentelemetry.exporter.otlp.proto.http import Compression  # noqa: PLC0415 - see the module's first line
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - same

    _quieten()
    return ExporterSink(
        OTLPSpanExporter(
            endpoint=target.endpoint,
            certificate_file=target.certificate,
            client_key_file=target.client_key,
            client_certificate_file=target.client_certificate,
            headers=target.headers,
            timeout=target.timeout_s,
            compression=Compression(target.compression),
        )
    )


def console_span_sink(stream: TextIO) -> ExporterSink:
    """Make the sink that writes spans for a person to read."""
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415 - see the module's first line

    return ExporterSink(ConsoleSpanExporter(out=stream))


def metric_readers(settings: OtelSettings, stream: TextIO) -> list[MetricReader]:
    """Make a periodic reader for each exporter of metrics that is asked for; often none."""
    asked = settings.metrics_exporters
    names = asked if asked is not None else (("otlp",) if settings.metrics_target.asked else ())
    return [_metric_reader(name, settings, stream) for name in dict.fromkeys(names) if name != "none"]


def _metric_reader(name: str, settings: OtelSettings, stream: TextIO) -> MetricReader:
    from opentelemetry.exporter.otlp.proto.http import Compression  # noqa: PLC0415 - see the module's first line
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - same
    from opentelemetry.sdk.metrics.export import (  # noqa: PLC0415 - same
        ConsoleMetricExporter,
        MetricExporter,
        PeriodicExportingMetricReader,
    )

    target = settings.metrics_target
    exporter: MetricExporter
    if name == "console":
        exporter = ConsoleMetricExporter(out=stream)
    else:
        _quieten()
        exporter = OTLPMetricExporter(
            endpoint=target.endpoint,
            certificate_file=target.certificate,
            client_key_file=target.client_key,
            client_certificate_file=target.client_certificate,
            headers=dict(target.headers),
            timeout=target.timeout_s,
            compression=Compression(target.compression),
        )
    return PeriodicExportingMetricReader(
        exporter,
        export_interval_millis=settings.metric_interval_s * 1000,
        export_timeout_millis=settings.metric_timeout_s * 1000,
    )


def _quieten() -> None:
    for name in _CHATTY_LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, RepeatFilter) for one in logger.filters):
            logger.addFilter(RepeatFilter())
