"""PRODUCER and CONSUMER spans of messages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from celery import Celery
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.telemetry.messages import processing, queue_wait_s, sending
from collatio.runtime.telemetry.metrics import Instruments
from collatio.runtime.telemetry.traceparent import links_to, with_job

QUEUE = "collatio.fetch"


def test_a_batch_is_one_producer_span_and_each_message_a_child_of_it(
    tracing: Any, recorder: Any, clock: Any
) -> None:
    """One job's messages: parent, not link; each with its own waiting time."""
    with (
        tracing.span("stage.opened fetch", parent=with_job("j-1")),
        sending(tracing, QUEUE, message_count=2) as batch,
    ):
        first = batch.headers()
        clock.advance(1)
        second = batch.headers()
    clock.advance(2)
    for number, headers in enumerate((first, second)):
        carried = json.loads(json.dumps(headers))  # as through the broker
        with processing(tracing, QUEUE, carried, message_id=f"m-{number}", attempt=1, step_count=32):
            clock.advance(4)
    stage, send, one, two = recorder.spans
    assert (send.name, send.kind, send.parent_id) == ("send collatio.fetch", "PRODUCER", stage.span_id)
    assert send.attributes == {
        "messaging.system": "celery",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": QUEUE,
        "messaging.batch.message_count": 2,
        "collatio.job.id": "j-1",
    }
    assert [(span.name, span.kind, span.parent_id) for span in (one, two)] == [
        ("process collatio.fetch", "CONSUMER", send.span_id)
    ] * 2
    assert one.links == two.links == ()
    wait = one.attributes.pop("collatio.queue.wait")
    assert wait == pytest.approx(3, abs=1e-3)
    assert two.attributes["collatio.queue.wait"] == pytest.approx(6, abs=1e-3)
    assert one.attributes == {
        "messaging.system": "celery",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": QUEUE,
        "messaging.message.id": "m-0",
        "collatio.attempt": 1,
        "collatio.step.count": 32,
        "collatio.job.id": "j-1",
    }


def test_a_single_message_has_no_batch_count(tracing: Any, recorder: Any) -> None:
    """Conventions: the count is for batches."""
    with sending(tracing, QUEUE):
        pass
    assert "messaging.batch.message_count" not in recorder.spans.spans[0].attributes


def test_a_producer_may_stand_elsewhere_and_link_to_the_call_that_asked(tracing: Any, recorder: Any) -> None:
    """The long SERVER span parents nothing: it is linked."""
    with tracing.span("stage.opened") as stage:
        pass
    line = f"00-{stage.get_span_context().trace_id:032x}-{stage.get_span_context().span_id:016x}-01"
    with tracing.span("SERVER") as server:
        link = links_to(
            [f"00-{server.get_span_context().trace_id:032x}-{server.get_span_context().span_id:016x}-01"]
        )
        with sending(tracing, QUEUE, parent=tracing.extract({"traceparent": line}), links=link):
            pass
    send = recorder.spans.named("send collatio.fetch")[0]
    assert int(send.parent_id, 16) == stage.get_span_context().span_id
    assert int(send.links[0].span_id, 16) == server.get_span_context().span_id


def test_a_publish_that_fails_marks_the_span_and_goes_on(tracing: Any, recorder: Any) -> None:
    """The broker is away: the error is the caller's to handle, the span tells of it."""
    with pytest.raises(CollatioError), sending(tracing, QUEUE):
        raise CollatioError(Reason.STATE_STORE_UNAVAILABLE)
    assert recorder.spans.spans[0].attributes["error.type"] == "STATE_STORE_UNAVAILABLE"


@pytest.mark.parametrize(
    "headers", [None, {}, {"enqueued_at": "soon"}, {"enqueued_at": None, "traceparent": 3}]
)
def test_a_message_without_readable_headers_is_worked_on(tracing: Any, recorder: Any, headers: Any) -> None:
    """Missing or broken headers make a trace of their own, without a waiting time."""
    with processing(tracing, QUEUE, headers, message_id="m"):
        pass
    (span,) = recorder.spans
    assert span.parent_id is None
    assert "collatio.queue.wait" not in span.attributes


@pytest.mark.parametrize(
    ("value", "expected"),
    [("90.5", 9.5), (90, 10.0), ("200", 0.0), ("nan", None), ("inf", None), ("", None), ([1], None)],
)
def test_waiting_is_computed_from_the_header(value: object, expected: float | None) -> None:
    """Seconds since `enqueued_at`, never negative (clocks of two machines differ), None where it cannot be read."""
    assert queue_wait_s({"enqueued_at": value}, 100_000_000_000) == expected


def test_work_that_fails_is_marked_and_measured(tracing: Any, recorder: Any, clock: Any) -> None:
    """`messaging.process.duration` and `collatio.queue.wait`, without any id."""
    reader = InMemoryMetricReader()
    instruments = Instruments.create(MeterProvider([reader], shutdown_on_exit=False).get_meter("t"))
    with sending(tracing, QUEUE) as batch:
        headers = batch.headers()
    clock.advance(2)

    def work() -> None:
        with processing(tracing, QUEUE, headers, message_id="m", instruments=instruments):
            clock.advance(3)
            raise CollatioError(Reason.SOURCE_TIMEOUT)

    with pytest.raises(CollatioError):
        work()
    data: Any = reader.get_metrics_data()
    points = {
        metric.name: metric.data.data_points[0]
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    assert points["messaging.process.duration"].sum == pytest.approx(3, abs=1e-3)
    assert points["collatio.queue.wait"].sum == pytest.approx(2, abs=1e-3)
    assert dict(points["messaging.process.duration"].attributes) == {
        "messaging.system": "celery",
        "messaging.operation.name": "process",
        "messaging.destination.name": QUEUE,
        "error.type": "SOURCE_TIMEOUT",
    }
    assert recorder.spans.named("process collatio.fetch")[0].status == "ERROR"


def test_celery_hands_the_headers_back_as_they_were_sent(tracing: Any, recorder: Any) -> None:
    """A real Celery message, by way of its own message format: `task.request.headers` holds ours."""
    app = Celery("t", broker="memory://")
    with sending(tracing, QUEUE) as batch:
        sent = batch.headers()
    message = app.amqp.as_task_v2("id", "name", args=[], kwargs={})
    received = {**message.headers, **sent}  # what `apply_async(headers=…)` puts on the wire

    @app.task(bind=True)
    def work(self: Any) -> dict[str, object]:
        return dict(self.request.headers)

    work.push_request(**received)
    assert {key: work.run()[key] for key in sent} == sent
    with processing(tracing, QUEUE, work.run(), message_id="m"):
        pass
    assert recorder.spans.children_of(recorder.spans.named("send collatio.fetch")[0])
