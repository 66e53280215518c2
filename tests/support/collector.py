"""An OpenTelemetry collector as far as a test needs one: takes OTLP over HTTP, keeps the spans and the metrics."""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """What has arrived: each span with the name of the service that sent it."""

    def __init__(self) -> None:
        self.endpoint = ""
        self._spans: list[tuple[str, Span]] = []
        self._metrics: list[Metric] = []
        self._lock = threading.Lock()

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Keep what a process sends."""
        with self._lock:
            for part in request.resource_spans:
                names = {a.key: a.value.string_value for a in part.resource.attributes}
                service = names.get("service.name", "")
                self._spans += [(service, span) for scope in part.scope_spans for span in scope.spans]

    def take_metrics(self, request: ExportMetricsServiceRequest) -> None:
        """Keep what a process measured; each export tells of its whole life."""
        with self._lock:
            for part in request.resource_metrics:
                self._metrics += [metric for scope in part.scope_metrics for metric in scope.metrics]

    def metrics(self, name: str) -> list[Metric]:
        """Return what was told under a metric's name so far."""
        with self._lock:
            return [metric for metric in self._metrics if metric.name == name]

    def spans(self, service: str, name: str) -> list[Span]:
        """Return a service's spans of a name so far."""
        with self._lock:
            return [span for sender, span in self._spans if (sender, span.name) == (service, name)]

    def of_trace(self, trace_id: str) -> list[tuple[str, Span]]:
        """Return a trace's spans so far; the id in hexadecimal digits."""
        with self._lock:
            return [(service, span) for service, span in self._spans if span.trace_id.hex() == trace_id]


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, collector: Collector, *args: object) -> None:
        self._collector = collector
        super().__init__(*args)  # type: ignore[arg-type] # as the server passes them

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path == "/v1/traces":
            self._collector.take(ExportTraceServiceRequest.FromString(body))
        elif self.path == "/v1/metrics":
            self._collector.take_metrics(ExportMetricsServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.end_headers()
        self.wfile.write(ExportTraceServiceResponse().SerializeToString())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's naming
        """Say nothing."""


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on loopback for the time of the block."""
    collector = Collector()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, collector)) as server:
        collector.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, name="collector", daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
