"""Log lines."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.telemetry.logs import JsonFormatter, PlainFormatter, configure_logging

if TYPE_CHECKING:
    from collections.abc import Iterator


def record(
    message: str = "hello", *arguments: object, exc_info: Any = None, **extra: object
) -> logging.LogRecord:
    """Make a log record of a fixed time."""
    made = logging.LogRecord("collatio.fetch", logging.WARNING, "file.py", 1, message, arguments, exc_info)
    made.created = 1_700_000_000.25
    made.__dict__.update(extra)
    return made


def raised(error: Exception, cause: Exception | None = None) -> Any:
    """Raise an error and give what `logging` is given for it."""
    with pytest.raises(type(error)) as caught:
        fail(error, cause)
    return (caught.type, caught.value, caught.tb)


def fail(error: Exception, cause: Exception | None) -> None:
    """Raise."""
    raise error from cause


def test_a_line_is_one_json_object_with_its_trace(tracing: Any) -> None:
    """Time, level, logger, message, service, and the ids of the current span."""
    with tracing.span("x") as span:
        line = JsonFormatter("collatio-fetch").format(record("read %d of\n%d", 1, 2))
    assert "\n" not in line
    context = span.get_span_context()
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "WARNING",
        "logger": "collatio.fetch",
        "message": "read 1 of\n2",
        "service": "collatio-fetch",
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
    }


def test_outside_a_trace_there_are_no_ids() -> None:
    """Zeros would be found by a search for a trace that does not exist."""
    assert "trace_id" not in json.loads(JsonFormatter("s").format(record()))


def test_an_exception_is_its_type_its_causes_and_its_places() -> None:
    """Never its text: a parser's message may quote the document."""
    exc_info = raised(ValueError("canary-one"), KeyError("canary-two"))
    line = JsonFormatter("s").format(record("failed", exc_info=exc_info))
    error = json.loads(line)["error"]
    assert error["type"] == "ValueError"
    assert error["causes"] == ["KeyError"]
    assert [place.rpartition(" ")[2] for place in error["at"]] == ["raised", "fail"]
    assert "canary" not in line
    typed = raised(CollatioError(Reason.ENCRYPTED))
    assert json.loads(JsonFormatter("s").format(record(exc_info=typed)))["error"]["type"] == "ENCRYPTED"


def test_fields_of_the_caller_are_added_and_replace_nothing() -> None:
    """`extra={"fields": …}` is for numbers worth searching; it cannot forge a level or a trace."""
    line = json.loads(
        JsonFormatter("s").format(record(fields={"job": "j-1", "level": "DEBUG", "at": object}))
    )
    assert (line["job"], line["level"]) == ("j-1", "WARNING")


def test_a_persons_line_is_short_and_shows_control_characters() -> None:
    """A file name with escape codes in it cannot move the cursor or forge a line."""
    text = PlainFormatter().format(record("opened \x1b[2Jevil\nname", exc_info=raised(OSError("canary"))))
    assert "\\x1b[2Jevil\\x0aname" in text
    assert "OSError at" in text
    assert "canary" not in text
    assert "\n" not in text


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """Give the root logger, and put it back as it was."""
    logger = logging.getLogger()
    handlers, level = list(logger.handlers), logger.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.mark.parametrize(
    ("stream", "as_json", "is_json"),
    [
        (Terminal(), False, False),
        (Terminal(), True, True),
        (io.StringIO(), False, True),
        (io.StringIO(), True, True),
    ],
)
def test_people_read_text_and_machines_read_json(
    root: logging.Logger, stream: io.StringIO, as_json: bool, is_json: bool
) -> None:
    """Plain on a terminal; JSON lines elsewhere, or where they are asked for."""
    configure_logging("INFO", stream, service="collatio-fetch", json=as_json)
    logging.getLogger("collatio.test").info("hello")
    logging.getLogger("collatio.test").debug("unheard")
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("{") is is_json
    assert "hello" in line


def test_configuring_twice_writes_once(root: logging.Logger) -> None:
    """The new handler takes the place of the old."""
    first, second = io.StringIO(), io.StringIO()
    configure_logging(logging.INFO, first, service="s")
    configure_logging(logging.INFO, second, service="s")
    logging.getLogger("collatio.test").info("hello")
    assert first.getvalue() == ""
    assert second.getvalue().count("hello") == 1
