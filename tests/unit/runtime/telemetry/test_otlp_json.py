"""Spans as OTLP JSON: what any collector reads."""

from __future__ import annotations

import base64
import json
from typing import Any

from google.protobuf import json_format
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import SpanKind, Status, StatusCode

from collatio.runtime.telemetry.otlp_json import encode_line
from collatio.runtime.telemetry.traceparent import context_from, links_to

LINE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def decode(line: bytes) -> ExportTraceServiceRequest:
    """Read a line as protobuf does, which wants ids in base64 where OTLP has hex."""

    def rebase(value: Any) -> Any:
        if isinstance(value, list):
            return [rebase(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            key: base64.b64encode(bytes.fromhex(item)).decode()
            if key in {"traceId", "spanId", "parentSpanId"}
            else rebase(item)
            for key, item in value.items()
        }

    return json_format.ParseDict(rebase(json.loads(line)), ExportTraceServiceRequest())


def test_a_line_says_what_the_sdks_own_protobuf_says(tracing: Any, recorder: Any) -> None:
    """Every field of a rich span agrees with the SDK's encoder, field by field."""
    with tracing.span("parent", kind=SpanKind.CONSUMER, parent=context_from(LINE)) as parent:
        parent.set_attributes(
            {"text": 'a "quoted" \u2028 line\n', "yes": True, "n": 2**53 + 1, "x": 0.5, "raw": b"\x00\xff"}
        )
        parent.set_attribute("many", [1, 2, 3])
        parent.add_event("happened", {"k": "v"}, timestamp=17)
        for link in links_to([LINE]):
            parent.add_link(link.context, {"why": "reuse"})
        with tracing.span("child", kind=SpanKind.CLIENT) as child:
            child.set_status(Status(StatusCode.ERROR, "it failed"))
    line = encode_line(recorder.ended)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    ours, theirs = decode(line), encode_spans(recorder.ended)
    for span in ours.resource_spans[0].scope_spans[0].spans:
        span.status.SetInParent()  # the SDK writes an empty status; JSON leaves it out
    assert ours == theirs


def test_numbers_json_has_none_for_are_written_as_words(tracing: Any, recorder: Any) -> None:
    """NaN and infinities are strings, as protobuf's JSON mapping writes them: the line stays valid JSON."""
    with tracing.span("x", attributes={"a": float("nan"), "b": float("inf"), "c": float("-inf")}):
        pass
    (span,) = json.loads(encode_line(recorder.ended))["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert [pair["value"]["doubleValue"] for pair in span["attributes"]] == ["NaN", "Infinity", "-Infinity"]


def test_what_is_not_unicode_is_still_one_line_of_json(tracing: Any, recorder: Any) -> None:
    """A file name with bytes that are no text (a lone surrogate) does not break the file."""
    with tracing.span("x", attributes={"name": b"\xff\xfe.pdf".decode(errors="surrogateescape")}):
        pass
    assert json.loads(encode_line(recorder.ended))
