"""The instruments."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from collatio.runtime.telemetry.metrics import Instruments, StageLevels


def collect(reader: InMemoryMetricReader) -> dict[str, Any]:
    """Collect the metrics by their names."""
    data: Any = reader.get_metrics_data()
    if data is None:
        return {}
    return {
        metric.name: metric
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def test_every_instrument_has_the_name_and_the_unit_dashboards_expect() -> None:
    """The names are a contract."""
    reader = InMemoryMetricReader()
    instruments = Instruments.create(MeterProvider([reader], shutdown_on_exit=False).get_meter("t"))
    instruments.record_server_call("a/B", "OK", 0.1, None)
    instruments.record_client_call("a/B", "UNAVAILABLE", 0.1, "UNAVAILABLE")
    instruments.record_process("collatio.fetch", 0.1, 0.2)
    instruments.record_step_completed("fetch", 2)
    instruments.record_step_failed("fetch", "SOURCE_TIMEOUT")
    instruments.record_job(3, "SUCCEEDED")
    instruments.record_sandbox("extract", 1 << 20)
    instruments.observe_stage("fetch", lambda: StageLevels(5, 1.5, 2, 1, 4))
    metrics = collect(reader)
    assert {name: metric.unit for name, metric in metrics.items()} == {
        "rpc.server.call.duration": "s",
        "rpc.client.call.duration": "s",
        "messaging.process.duration": "s",
        "collatio.queue.depth": "{step}",
        "collatio.queue.oldest_age": "s",
        "collatio.queue.wait": "s",
        "collatio.steps.completed": "{step}",
        "collatio.steps.failed": "{step}",
        "collatio.workers": "{worker}",
        "collatio.quarantine": "{step}",
        "collatio.job.duration": "s",
        "collatio.sandbox.memory": "By",
        "collatio.stage.inflight": "{step}",
    }
    (failed,) = metrics["collatio.steps.failed"].data.data_points
    assert dict(failed.attributes) == {"collatio.stage": "fetch", "reason": "SOURCE_TIMEOUT"}
    points = {name: metric.data.data_points[0] for name, metric in metrics.items()}
    values = {name: point.value for name, point in points.items() if hasattr(point, "value")}
    assert values == {
        "collatio.queue.depth": 5,
        "collatio.queue.oldest_age": 1.5,
        "collatio.workers": 2,
        "collatio.quarantine": 1,
        "collatio.stage.inflight": 4,
        "collatio.steps.completed": 2,
        "collatio.steps.failed": 1,
    }


def test_durations_fall_into_buckets_of_seconds() -> None:
    """The SDK's default boundaries are for milliseconds: 20 ms and 2 s must not share one."""
    reader = InMemoryMetricReader()
    instruments = Instruments.create(MeterProvider([reader], shutdown_on_exit=False).get_meter("t"))
    for duration_s in (0.02, 2.0):
        instruments.record_server_call("a/B", "OK", duration_s, None)
    (point,) = collect(reader)["rpc.server.call.duration"].data.data_points
    assert sorted(point.bucket_counts)[-2:] == [1, 1]


def test_a_stage_that_does_not_know_its_levels_reports_none() -> None:
    """Valkey is away: no number is better than a wrong one."""
    reader = InMemoryMetricReader()
    instruments = Instruments.create(MeterProvider([reader], shutdown_on_exit=False).get_meter("t"))
    instruments.observe_stage("fetch", lambda: None)
    assert all(not metric.data.data_points for metric in collect(reader).values())


def test_the_noop_takes_everything() -> None:
    """A part under test gets `Instruments.noop()`."""
    instruments = Instruments.noop()
    instruments.record_job(1, "FAILED")
    instruments.observe_stage("fetch", lambda: None)
