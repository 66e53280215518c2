"""A process's telemetry, with real collectors (of our own making), dead ones, and real forks."""

from __future__ import annotations

import io
import json
import logging
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from collatio.runtime.telemetry.job_spans import job_accepted
from collatio.runtime.telemetry.otlp_http import RepeatFilter
from collatio.runtime.telemetry.provider import Telemetry, configure
from collatio.runtime.telemetry.reader import read_traces

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass
class Collector:
    """What a collector received: path, headers, body of each request."""

    port: int = 0
    requests: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    status: int = 200

    def spans(self) -> list[Any]:
        """Decode the spans of all requests."""
        return [
            span
            for path, _, body in self.requests
            if path.endswith("traces")
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@contextmanager
def collecting(status: int = 200, hold: threading.Event | None = None) -> Iterator[Collector]:
    """Run a collector on loopback; with `hold` it accepts and does not answer until it is set."""
    collector = Collector(status=status)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {key.lower(): value for key, value in self.headers.items()}
            collector.requests.append((self.path, headers, body))
            collector.arrived.set()
            if hold is not None:
                hold.wait(30)
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make(environ: Mapping[str, str] | None = None, data_dir: Path | None = None, **more: Any) -> Telemetry:
    """Configure the telemetry of a fetch service."""
    return configure(
        "fetch", environ=environ or {}, data_dir=data_dir, instance_id="fetch-1", version="0.1.0", **more
    )


def trace(telemetry: Telemetry, *names: str) -> None:
    """Make spans."""
    for name in names:
        with telemetry.tracing.span(name):
            pass


def test_without_an_endpoint_spans_go_to_the_data_folder(tmp_path: Path) -> None:
    """The embedded default: one file a process under `traces`, with a resource that names the process."""
    telemetry = make(data_dir=tmp_path)
    trace(telemetry, "a", "b")
    assert telemetry.shutdown(10)
    assert (tmp_path / "traces" / f"fetch-{os.getpid()}.jsonl").exists()
    spans = read_traces(tmp_path / "traces")
    assert [span.name for span in spans] == ["a", "b"]
    resource = dict(spans.spans[0].resource)
    assert resource.pop("telemetry.sdk.version")
    assert resource == {
        "service.name": "collatio-fetch",
        "service.instance.id": "fetch-1",
        "service.version": "0.1.0",
        "process.pid": os.getpid(),
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
    }
    counts = telemetry.counts()
    assert (counts.ended, counts.exported, counts.dropped) == (2, 2, 0)


def test_a_signpost_is_on_disk_before_anything_is_flushed(tmp_path: Path) -> None:
    """Whoever is paged opens the job's trace while it runs: `job.accepted` leaves at once."""
    telemetry = make({"OTEL_BSP_SCHEDULE_DELAY": "600000"}, tmp_path)
    job_accepted(telemetry.tracing, "j-1")
    deadline = time.monotonic() + 20
    while not read_traces(tmp_path / "traces").named("job.accepted") and time.monotonic() < deadline:
        threading.Event().wait(0.005)
    assert read_traces(tmp_path / "traces").named("job.accepted")
    telemetry.shutdown(10)


def test_with_neither_folder_nor_endpoint_contexts_still_pass(caplog: pytest.LogCaptureFixture) -> None:
    """No exporter, no warning, no thread: what is injected is a child of what was extracted."""
    threads = threading.active_count()
    telemetry = make()
    parent = telemetry.tracing.extract({"traceparent": f"00-{7:032x}-{8:016x}-01", "tracestate": "v=1"})
    with telemetry.tracing.span("x", parent=parent):
        headers = telemetry.tracing.inject()
    assert headers["traceparent"].startswith(f"00-{7:032x}-")
    assert headers["traceparent"] != f"00-{7:032x}-{8:016x}-01"
    assert headers["tracestate"] == "v=1"
    assert telemetry.flush(1)
    assert telemetry.shutdown(1)
    assert threading.active_count() == threads
    assert caplog.records == []


def test_an_endpoint_receives_protobuf_over_http(tmp_path: Path) -> None:
    """OTLP/HTTP: path, headers, resource and span as a collector decodes them; no file is written."""
    with collecting() as collector:
        telemetry = make(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
                "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=acme",
                "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
                "OTEL_SERVICE_NAME": "my-fetch",
                "OTEL_METRICS_EXPORTER": "none",
            },
            tmp_path,
        )
        trace(telemetry, "a")
        assert telemetry.shutdown(20)
    ((path, headers, body),) = collector.requests
    assert path == "/v1/traces"
    assert headers["x-tenant"] == "acme"
    assert headers["content-type"] == "application/x-protobuf"
    (resource,) = ExportTraceServiceRequest.FromString(body).resource_spans
    attributes = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert attributes["service.name"] == "my-fetch"
    assert attributes["deployment.environment.name"] == "test"
    assert resource.scope_spans[0].spans[0].name == "a"
    assert not (tmp_path / "traces").exists()
    assert telemetry.counts().exported == 1


def test_metrics_go_to_the_endpoint_at_the_end() -> None:
    """The last measurements leave with the shutdown, not a minute later."""
    with collecting() as collector:
        telemetry = make({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}"})
        telemetry.instruments.record_step_completed("fetch", 3)
        assert telemetry.shutdown(20)
    ((path, _, body),) = collector.requests
    assert path == "/v1/metrics"
    (metric,) = ExportMetricsServiceRequest.FromString(body).resource_metrics[0].scope_metrics[0].metrics
    assert (metric.name, metric.sum.data_points[0].as_int) == ("collatio.steps.completed", 3)


def free_port() -> int:
    """Find a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_dead_collector_delays_nothing_and_its_spans_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Connection refused: spans end as quickly as ever, shutdown keeps its bound, the log is not flooded."""
    telemetry = make(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
            "OTEL_BSP_MAX_QUEUE_SIZE": "50",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "10",
        }
    )
    before = time.monotonic()
    trace(telemetry, *["x"] * 500)
    telemetry.instruments.record_step_completed("fetch")
    assert time.monotonic() - before < 5
    before = time.monotonic()
    assert not telemetry.shutdown(0.5)
    assert time.monotonic() - before < 3
    counts = telemetry.counts()
    assert counts.ended == 500
    assert counts.exported == 0
    assert counts.dropped >= 440  # all but what the exporter's thread still has in hand
    assert len(caplog.records) < 10


def test_a_collector_that_never_answers_does_not_hold_the_shutdown() -> None:
    """It accepts the connection and is silent: the program ends in its own time."""
    hold = threading.Event()
    with collecting(hold=hold) as collector:
        telemetry = make({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}"})
        trace(telemetry, "x")
        before = time.monotonic()
        assert not telemetry.shutdown(0.3)
        assert time.monotonic() - before < 3
        hold.set()


def test_a_collector_that_refuses_costs_the_spans_only() -> None:
    """401 is final: the spans are counted as dropped, the program goes on."""
    with collecting(status=401) as collector:
        telemetry = make(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
                "OTEL_METRICS_EXPORTER": "none",
            }
        )
        trace(telemetry, "x")
        assert telemetry.shutdown(20)
    assert telemetry.counts().dropped == 1


def _pool_child(port: int, folder: Path, flush: bool) -> None:
    """Do what a pool child does: configure after the fork, work, flush as it ends."""
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"} if port else {}
    telemetry = make(environ | {"OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_METRICS_EXPORTER": "none"}, folder)
    trace(telemetry, *[f"child-{number}" for number in range(6)])
    if flush:
        telemetry.shutdown(20)
    os._exit(0)  # billiard's children leave like this: no atexit


@pytest.mark.parametrize("way", ["file", "otlp"])
def test_a_forked_pool_child_delivers_all_its_spans(tmp_path: Path, way: str) -> None:
    """Six of six with a shutdown before `os._exit`, where the SDK alone delivers none."""
    context = multiprocessing.get_context("fork")
    with collecting() as collector:
        port = collector.port if way == "otlp" else 0
        process = context.Process(target=_pool_child, args=(port, tmp_path, True))
        process.start()
        process.join(30)
        assert process.exitcode == 0
        expected = [f"child-{number}" for number in range(6)]
        if way == "otlp":
            assert [span.name for span in collector.spans()] == expected
        else:
            assert [span.name for span in read_traces(tmp_path / "traces")] == expected
            assert (tmp_path / "traces" / f"fetch-{process.pid}.jsonl").exists()


def test_a_child_of_a_configured_parent_writes_its_own_file(tmp_path: Path) -> None:
    """Configured before the fork by mistake: no deadlock, no span twice, no two writers of one file."""
    telemetry = make({"OTEL_BSP_SCHEDULE_DELAY": "600000"}, tmp_path)
    trace(telemetry, "parent")
    context = multiprocessing.get_context("fork")

    def child() -> None:
        trace(telemetry, "child")
        os._exit(0 if telemetry.shutdown(20) else 1)

    process = context.Process(target=child)
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert telemetry.shutdown(20)
    assert sorted(span.name for span in read_traces(tmp_path / "traces")) == ["child", "parent"]


def test_disabled_makes_no_spans_and_passes_contexts_on(tmp_path: Path) -> None:
    """OTEL_SDK_DISABLED=true: nothing is recorded, the caller's trace still goes through."""
    telemetry = make({"OTEL_SDK_DISABLED": "true"}, tmp_path)
    headers = {"traceparent": f"00-{7:032x}-{8:016x}-01"}
    with telemetry.tracing.span("x", parent=telemetry.tracing.extract(headers)):
        assert telemetry.tracing.inject() == headers
    assert telemetry.shutdown(1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("exporter", ["none", "file", "console", "otlp", "console,file"])
def test_the_exporters_that_are_named_are_used(tmp_path: Path, exporter: str) -> None:
    """OTEL_TRACES_EXPORTER decides alone; console writes to stderr, for stdout is data."""
    stderr = io.StringIO()
    with collecting() as collector:
        environ = {
            "OTEL_TRACES_EXPORTER": exporter,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{collector.port}/v1/traces",
        }
        telemetry = make(environ, tmp_path, stderr=stderr)
        trace(telemetry, "a")
        assert telemetry.shutdown(20)
    assert (tmp_path / "traces").exists() is ("file" in exporter)
    assert bool(collector.spans()) is ("otlp" in exporter)
    assert (bool(stderr.getvalue()) and json.loads(stderr.getvalue())["name"] == "a") is (
        "console" in exporter
    )


@pytest.mark.parametrize(
    ("sampler", "argument", "root", "sampled_parent", "unsampled_parent"),
    [
        ("", "", True, True, False),
        ("always_on", "", True, True, True),
        ("always_off", "", False, False, False),
        ("traceidratio", "0", False, False, False),
        ("parentbased_always_off", "", False, True, False),
        ("parentbased_traceidratio", "0", False, True, False),
        ("parentbased_traceidratio", "1", True, True, False),
    ],
)
def test_samplers_do_what_they_say(
    sampler: str, argument: str, root: bool, sampled_parent: bool, unsampled_parent: bool
) -> None:
    """OTEL_TRACES_SAMPLER and its argument, for roots and for children of sampled and unsampled parents."""
    tracing = make({"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}).tracing

    def sampled(headers: dict[str, str]) -> bool:
        span = tracing.start("x", parent=tracing.extract(headers))
        return bool(span.get_span_context().trace_flags.sampled)

    assert sampled({}) is root
    assert sampled({"traceparent": f"00-{7:032x}-{8:016x}-01"}) is sampled_parent
    assert sampled({"traceparent": f"00-{7:032x}-{8:016x}-00"}) is unsampled_parent


def test_propagators_can_be_chosen() -> None:
    """OTEL_PROPAGATORS: only the named headers are written."""
    tracing = make({"OTEL_PROPAGATORS": "baggage"}).tracing
    with tracing.span("x"):
        assert tracing.inject() == {}


def test_each_fault_is_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong variable is said and survived."""
    telemetry = make({"OTEL_TRACES_SAMPLER": "nonsense", "OTEL_TRACES_EXPORTER": "file"})
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert telemetry.processors == ()


def test_span_limits_are_obeyed() -> None:
    """OTEL_SPAN_LINK_COUNT_LIMIT and the value length limit reach the spans."""
    telemetry = make({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "2", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "3"})
    span: Any = telemetry.tracing.start("x", attributes={"a": "12345", "b": "1", "c": "1"})
    assert len(span.attributes) == 2
    assert max(map(len, span.attributes.values())) <= 3


def test_a_metric_reader_may_be_handed_in() -> None:
    """A program that shows its own measurements brings a reader."""
    reader = InMemoryMetricReader()
    telemetry = make(metric_readers=[reader])
    telemetry.instruments.record_job(1.5, "SUCCEEDED")
    data: Any = reader.get_metrics_data()
    assert data.resource_metrics[0].resource.attributes["service.name"] == "collatio-fetch"
    assert data.resource_metrics[0].scope_metrics[0].metrics[0].name == "collatio.job.duration"
    assert telemetry.shutdown(5)


def test_an_exporters_complaint_is_let_through_once_a_minute() -> None:
    """A dead collector must not fill the log."""
    now = [0.0]
    repeat = RepeatFilter(lambda: now[0])
    record = logging.LogRecord("x", logging.ERROR, "", 0, "Failed to export %s", ("spans",), None)
    other = logging.LogRecord("x", logging.ERROR, "", 0, "Something else", (), None)
    assert [repeat.filter(record), repeat.filter(record), repeat.filter(other)] == [True, False, True]
    now[0] = 60.0
    assert repeat.filter(record)


def test_the_noop_can_be_shut_down() -> None:
    """A part under test gets `Telemetry.noop()`."""
    telemetry = Telemetry.noop()
    trace(telemetry, "x")
    assert telemetry.flush(0)
    assert telemetry.shutdown(0)


def test_no_exporter_is_loaded_where_none_is_asked_for() -> None:
    """The OTLP exporter, requests and the SDK's metrics stay out of a process that does not need them."""
    code = (
        "import sys; from collatio.runtime.telemetry.provider import configure;"
        "configure('x', environ={}, data_dir=None, instance_id='i', version='0');"
        "print([m for m in ('requests', 'google.protobuf', 'grpc', 'opentelemetry.exporter',"
        " 'opentelemetry.sdk.metrics', 'opentelemetry.sdk.trace.export') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
