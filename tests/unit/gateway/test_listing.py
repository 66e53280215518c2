"""ListJobs' filter and its page tokens."""

from __future__ import annotations

import base64

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from collatio.runtime.errors import CollatioError, Reason
from collatio.v1 import gateway_pb2 as pb
from gateway.listing import Filter, decode_place, encode_place

CREATED = Timestamp()
CREATED.FromJsonString("2026-05-03T12:00:00Z")
JOB = pb.Job(
    state=pb.JOB_STATE_SUCCEEDED,
    create_time=CREATED,
    spec=pb.JobSpec(labels={"team": "a", "x.y-z": "two words", 'cost "center"/a': "12"}),
)

MATCHES = {
    "": True,
    "   ": True,
    "state = SUCCEEDED": True,
    "state=JOB_STATE_SUCCEEDED": True,
    'state = "SUCCEEDED"': True,
    "state != SUCCEEDED": False,
    "state = RUNNING": False,
    "labels.team = a": True,
    'labels.team = "a" AND state = SUCCEEDED': True,
    'labels.team = "a" and state = RUNNING': False,
    'labels.x.y-z = "two words"': True,
    'labels."cost \\"center\\"/a" = 12': True,
    'labels."cost center" = 12': False,
    'labels."team" = a': True,
    "labels.absent = a": False,
    "labels.absent != a": True,
    'labels.team = "\\u0061"': True,
    'create_time > "2026-05-03T00:00:00Z"': True,
    'create_time >= "2026-05-03T12:00:00Z"': True,
    'create_time > "2026-05-03T14:00:00+02:00"': False,
    "create_time = 2026-05-03T12:00:00": True,
    "create_time < 2026-05-03": False,
    "create_time != 2026-05-03T12:00:00Z": False,
    'create_time <= "9999-12-31T23:59:59-12:00"': True,
}


@pytest.mark.parametrize(("text", "wanted"), MATCHES.items())
def test_a_filter_tells_jobs_apart(text: str, wanted: bool) -> None:
    """Terms joined by AND, on state, labels and create_time."""
    assert Filter.parse(text).matches(JOB) is wanted


@pytest.mark.parametrize(
    "text",
    [
        "state",
        "state =",
        "state = NOWHERE",
        "state > RUNNING",
        "labels.team < a",
        "labels. = a",
        "name = a",
        "state = RUNNING OR state = QUEUED",
        "state = RUNNING state = QUEUED",
        "state = RUNNING AND",
        "AND state = RUNNING",
        "create_time > yesterday",
        'labels.team = "a',
        'labels.team = "\\x"',
        'labels.team = "a\nb"',
        "state = SUCCEEDED" + " AND state = SUCCEEDED" * 20,
        "labels.team = " + "a" * 5_000,
        "state = RUNNING; DROP",
        "\x00",
    ],
)
def test_a_faulty_filter_is_named(text: str) -> None:
    """Whatever cannot be read is INVALID_REQUEST on `filter`."""
    with pytest.raises(CollatioError) as caught:
        Filter.parse(text)
    assert caught.value.reason is Reason.INVALID_REQUEST
    assert [violation.field for violation in caught.value.violations] == ["filter"]


def test_a_token_holds_its_place() -> None:
    """A place comes back, for the same filter."""
    place = (1_780_000_000_000, "job-1")
    assert decode_place(encode_place(place, "state = RUNNING"), "state = RUNNING") == place
    assert decode_place("", "anything") is None


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        "a",
        "%%%%",
        "é",
        _encoded("1/job"),
        _encoded("1/job/0000000000000000"),
        _encoded("1/job/x/y"),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        encode_place((1, "job-1"), "state = RUNNING"),
        "a" * 100_000,
    ],
)
def test_a_foreign_token_is_refused(token: str) -> None:
    """Tokens that are made up, cut, or of another filter are INVALID_PAGE_TOKEN."""
    with pytest.raises(CollatioError) as caught:
        decode_place(token, "")
    assert caught.value.reason is Reason.INVALID_PAGE_TOKEN
