"""Makes a process's telemetry from the OTEL_* variables and its data folder.

Call `configure` in the process that will make the spans: in a Celery pool, in the child
(`worker_process_init`), and `shutdown` in `worker_process_shutdown`. Nothing here starts a thread before the
first span ends, so that a parent that only configures may still fork.

Where spans go: what OTEL_TRACES_EXPORTER says; else OTLP/HTTP when an endpoint is set; else a file in the data
folder; else nowhere, while contexts are still passed on. A collector that is slow, wrong or dead costs spans,
never a call.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TextIO

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.metrics import NoOpMeter
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider, sampling
from opentelemetry.sdk.version import __version__ as sdk_version
from opentelemetry.trace import NoOpTracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from collatio.runtime.telemetry import otlp_http
from collatio.runtime.telemetry.batching import BatchingProcessor, ExportCounts
from collatio.runtime.telemetry.job_stamp import JobStamp
from collatio.runtime.telemetry.metrics import Instruments
from collatio.runtime.telemetry.names import SIGNPOSTS
from collatio.runtime.telemetry.otel_settings import OtelSettings, read_otel_settings
from collatio.runtime.telemetry.span_file import FILE_BYTES_MAX, FOLDER_NAME, SpanFile
from collatio.runtime.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from opentelemetry.metrics import Meter
    from opentelemetry.propagators.textmap import TextMapPropagator
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import ReadableSpan

    from collatio.runtime.telemetry.batching import SpanSink

_SCOPE = "collatio"
_FILE_DELAY_S = (
    0.2  # a killed process loses at most this much of its file; a network exporter batches for longer
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A process's telemetry: hand `tracing` and `instruments` down, `shutdown` at the end."""

    tracing: Tracing
    instruments: Instruments
    processors: tuple[BatchingProcessor, ...] = ()
    meter_provider: MeterProvider | None = None
    monotonic: Callable[[], float] = time.monotonic

    @classmethod
    def noop(cls) -> Telemetry:
        """Make one that records and exports nothing."""
        return cls(Tracing.noop(), Instruments.noop())

    def flush(self, timeout_s: float) -> bool:
        """Deliver the spans that have ended; False when `timeout_s` seconds were not enough."""
        until = self.monotonic() + timeout_s
        flushed = [one.flush(max(0.0, until - self.monotonic())) for one in self.processors]
        return all(flushed)

    def shutdown(self, timeout_s: float) -> bool:
        """Deliver what is left and stop, within `timeout_s` seconds; False when something was left behind."""
        until = self.monotonic() + timeout_s
        metrics = self._stop_metrics(timeout_s)
        closed = [one.close(max(0.0, until - self.monotonic())) for one in self.processors]
        if metrics is not None:
            metrics.join(max(0.0, until - self.monotonic()))
            closed.append(not metrics.is_alive())
        counts = self.counts()
        if lost := counts.ended - counts.exported:
            fields = {"ended": counts.ended, "exported": counts.exported, "lost": lost}
            _log.warning("spans were not exported", extra={"fields": fields})
        return all(closed)

    def counts(self) -> ExportCounts:
        """Count the spans of all exporters: ended, exported, dropped."""
        return sum((one.counts() for one in self.processors), ExportCounts())

    def _stop_metrics(self, timeout_s: float) -> threading.Thread | None:
        """Stop the meters beside us: their provider waits for its exporter, whatever it is told."""
        if self.meter_provider is None:
            return None
        thread = threading.Thread(
            target=self.meter_provider.shutdown,
            args=(timeout_s * 1000,),
            name="collatio-metrics",
            daemon=True,
        )
        thread.start()
        return thread


def configure(
    service: str,
    *,
    environ: Mapping[str, str],
    data_dir: Path | None,
    instance_id: str,
    version: str,
    trace_bytes_max: int = FILE_BYTES_MAX,
    metric_readers: Sequence[MetricReader] = (),
    stderr: TextIO | None = None,
    clock_ns: Callable[[], int] = time.time_ns,
) -> Telemetry:
    """Make this process's telemetry; faults of configuration become one warning line each, never an error.

    `service` is the short name ("gateway", "fetch"): spans say `collatio-<service>`, the file is
    `<data_dir>/traces/<service>-<pid>.jsonl`, at most `trace_bytes_max` bytes with the one set aside.
    """
    settings = read_otel_settings(environ)
    logging.getLogger("opentelemetry").setLevel(settings.log_level)
    for warning in settings.warnings:
        _log.warning("%s", warning)
    propagator = _propagator(settings)
    if settings.disabled:
        return Telemetry(Tracing(NoOpTracer(), propagator, clock_ns), Instruments.noop())
    console = stderr if stderr is not None else sys.stderr
    resource = _resource(settings, service, instance_id, version)
    provider = TracerProvider(
        sampler=_sampler(settings),
        resource=resource,
        shutdown_on_exit=False,  # at exit nobody bounds it: `shutdown` is called by the program
        span_limits=SpanLimits(**settings.span_limits),
    )
    provider.add_span_processor(JobStamp())
    processors = tuple(_processors(settings, service, data_dir, trace_bytes_max, console))
    for processor in processors:
        provider.add_span_processor(processor)
    meter, meter_provider = _meter(
        [*metric_readers, *otlp_http.metric_readers(settings, console)], resource, version
    )
    return Telemetry(
        tracing=Tracing(provider.get_tracer(_SCOPE, version), propagator, clock_ns),
        instruments=Instruments.create(meter),
        processors=processors,
        meter_provider=meter_provider,
    )


def _processors(
    settings: OtelSettings, service: str, data_dir: Path | None, bytes_max: int, console: TextIO
) -> list[BatchingProcessor]:
    names = settings.traces_exporters
    if names is None:
        names = ("otlp",) if settings.traces_target.asked else ("file",) if data_dir is not None else ()
    made = []
    for name in dict.fromkeys(names):
        sink: SpanSink
        limits = settings.batch
        if name == "otlp":
            sink = otlp_http.otlp_span_sink(settings.traces_target)
        elif name == "console":
            sink = otlp_http.console_span_sink(console)
        elif name == "file" and data_dir is not None:
            sink = SpanFile(data_dir / FOLDER_NAME, service, bytes_max=bytes_max)
            limits = limits if settings.batch_delay_asked else replace(limits, delay_s=_FILE_DELAY_S)
        else:
            if name == "file":
                _log.warning("OTEL_TRACES_EXPORTER=file needs a data folder; no spans are kept.")
            continue
        made.append(BatchingProcessor(sink, limits, prompt=is_signpost))
    return made


def is_signpost(span: ReadableSpan) -> bool:
    """Tell whether a span must leave the process at once, because others will stand under it."""
    return span.name.startswith(SIGNPOSTS)


def _propagator(settings: OtelSettings) -> TextMapPropagator:
    made: list[TextMapPropagator] = []
    if "tracecontext" in settings.propagators:
        made.append(TraceContextTextMapPropagator())
    if "baggage" in settings.propagators:
        made.append(W3CBaggagePropagator())
    return CompositePropagator(made)


def _sampler(settings: OtelSettings) -> sampling.Sampler:
    ratio = settings.sampler_ratio
    roots: dict[str, sampling.Sampler] = {
        "always_on": sampling.ALWAYS_ON,
        "always_off": sampling.ALWAYS_OFF,
        "traceidratio": sampling.TraceIdRatioBased(ratio),
    }
    name = settings.sampler
    root = roots[name.removeprefix("parentbased_")]
    return sampling.ParentBased(root) if name.startswith("parentbased_") else root


def _resource(settings: OtelSettings, service: str, instance_id: str, version: str) -> Resource:
    """Describe this process. What the user says wins over what we say, the process id excepted."""
    attributes: dict[str, str | int] = {
        "service.name": f"collatio-{service}",
        "service.instance.id": instance_id,
        "service.version": version,
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": sdk_version,
    }
    attributes.update(settings.resource)
    if settings.service_name:
        attributes["service.name"] = settings.service_name
    attributes["process.pid"] = os.getpid()
    return Resource(attributes)


def _meter(
    readers: Sequence[MetricReader], resource: Resource, version: str
) -> tuple[Meter, MeterProvider | None]:
    if not readers:  # the SDK's metrics cost 30 ms to import: not for a process that exports none
        return NoOpMeter(_SCOPE), None
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - see the line above

    provider = MeterProvider(readers, resource, shutdown_on_exit=False)
    return provider.get_meter(_SCOPE, version), provider
