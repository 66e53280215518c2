"""Reading trace files back."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

from collatio.runtime.telemetry.otlp_json import encode_line
from collatio.runtime.telemetry.reader import read_lines, read_traces
from collatio.runtime.telemetry.traceparent import context_from

if TYPE_CHECKING:
    from pathlib import Path


def test_every_file_of_a_folder_is_read_in_order_of_start(
    tracing: Any, recorder: Any, tmp_path: Path
) -> None:
    """Spans of several processes come back as one list."""
    with tracing.span("first"), tracing.span("second"):
        pass
    (tmp_path / "b-2.jsonl").write_bytes(encode_line(recorder.ended[1:]))
    (tmp_path / "a-1.jsonl").write_bytes(encode_line(recorder.ended[:1]))
    (tmp_path / "notes.txt").write_text("not a trace")
    spans = read_traces(tmp_path)
    assert [span.name for span in spans] == ["first", "second"]
    assert len(spans) == 2
    assert {span.service for span in spans} == {"collatio-test"}


def test_a_torn_last_line_is_counted_and_left_out(tracing: Any, recorder: Any, tmp_path: Path) -> None:
    """A process that died while it wrote costs its last line only."""
    with tracing.span("whole"):
        pass
    line = encode_line(recorder.ended)
    (tmp_path / "a-1.jsonl").write_bytes(line + line[: len(line) // 2])
    spans = read_traces(tmp_path)
    assert [span.name for span in spans] == ["whole"]
    assert spans.unreadable_lines == 1


def test_lines_of_other_things_are_counted() -> None:
    """Valid JSON that is no trace, and bytes that are no text, do not stop the reading."""
    spans = read_lines(
        [b"7", b"{}", b'{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}', b"\xff\xfe", b"", b"null"]
    )
    assert len(spans) == 0
    assert spans.unreadable_lines == 5


def test_an_absent_folder_holds_no_spans(tmp_path: Path) -> None:
    """Nothing was traced, nothing is read."""
    assert len(read_traces(tmp_path / "traces")) == 0


def test_the_tree_is_found_by_its_ids(tracing: Any, recorder: Any) -> None:
    """Roots, children and orphans of one trace."""
    with tracing.span("root") as root, tracing.span("child"):
        pass
    tracing.finish(tracing.start("orphan", parent=context_from(f"00-{9:032x}-{9:016x}-01")))
    spans = recorder.spans
    assert [span.name for span in spans.roots()] == ["root"]
    assert [span.name for span in spans.children_of(spans.roots()[0])] == ["child"]
    assert [span.name for span in spans.orphans()] == ["orphan"]
    one = spans.of_trace(f"{root.get_span_context().trace_id:032x}")
    assert ([span.name for span in one], one.orphans()) == (["root", "child"], [])
    assert [span.name for span in spans.named("child")] == ["child"]


def test_other_writers_of_otlp_json_are_read() -> None:
    """Upper-case ids, absent fields and numbers written as text are the format's, too."""
    line = (
        '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"x"}}]},'
        '"scopeSpans":[{"spans":[{"traceId":"0AF7651916CD43DD8448EB211C80319C","spanId":"B7AD6B7169203331",'
        '"name":"n","kind":2,"startTimeUnixNano":"5","endTimeUnixNano":9,"status":{"code":2},'
        '"attributes":[{"key":"m","value":{"kvlistValue":{"values":[{"key":"a","value":{"doubleValue":"NaN"}}]}}},'
        '{"key":"e","value":{}},{"key":"l","value":{"arrayValue":{"values":[{"intValue":"3"}]}}},'
        '{"key":"b","value":{"bytesValue":"AP8="}}]}]}]}]}'
    )
    (span,) = read_lines([line])
    assert (span.trace_id, span.parent_id, span.kind, span.status) == (
        "0af7651916cd43dd8448eb211c80319c",
        None,
        "SERVER",
        "ERROR",
    )
    assert (span.start_ns, span.end_ns, span.service) == (5, 9, "x")
    assert span.attributes["l"] == [3]
    assert span.attributes["b"] == b"\x00\xff"
    assert span.attributes["e"] is None
    assert str(span.attributes["m"]["a"]) == "nan"


def test_reading_imports_no_opentelemetry() -> None:
    """A command that only shows a trace starts quickly."""
    code = "import sys, collatio.runtime.telemetry.reader; print([m for m in sys.modules if 'opentelemetry' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
