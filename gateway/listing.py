"""ListJobs' filter (a subset of AIP-160) and its page tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason, invalid
from collatio.v1 import gateway_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable

_TERM = re.compile(
    r'\s*(state|create_time|labels\.(?:[A-Za-z0-9_.-]+|"(?:[^"\\]|\\.)*"))\s*(<=|>=|!=|=|<|>)\s*("(?:[^"\\]|\\.)*"|[\w.:+-]+)\s*'
)
_COMPARE: dict[str, Callable[[float], bool]] = {
    "<": lambda d: d < 0,
    "<=": lambda d: d <= 0,
    ">": lambda d: d > 0,
    ">=": lambda d: d >= 0,
    "=": lambda d: d == 0,
    "!=": lambda d: d != 0,
}
TERMS_MAX = 20
FILTER_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Filter:
    """Terms that a job must all meet."""

    terms: tuple[tuple[str, str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Filter:
        """Read terms joined by AND. Errors: INVALID_REQUEST."""
        if len(text) > FILTER_MAX:
            raise invalid("filter", f"at most {FILTER_MAX:,} characters")
        terms = []
        position = 0
        while text[position:].strip():
            found = _TERM.match(text, position)
            if found is None:
                raise invalid("filter", f"cannot be read at character {position}")
            terms.append(_term(found[1], found[2], found[3]))
            position = found.end()
            if text[position : position + 3].upper() == "AND":
                position += 3
                if not text[position:].strip():
                    raise invalid("filter", "a term is expected after AND")
            elif text[position:].strip():
                raise invalid("filter", f"AND is expected at character {position}")
        if len(terms) > TERMS_MAX:
            raise invalid("filter", f"at most {TERMS_MAX} terms")
        return cls(tuple(terms))

    def matches(self, job: pb.Job) -> bool:
        """Tell whether a job meets every term."""
        return all(_meets(job, *term) for term in self.terms)


def _term(field: str, operator: str, raw: str) -> tuple[str, str, str]:
    try:
        value = json.loads(raw) if raw.startswith('"') else raw
        if field.startswith('labels."'):
            field = f"labels.{json.loads(field.removeprefix('labels.'))}"
    except ValueError:
        raise invalid("filter", "holds a string with an unknown escape") from None
    if field == "state":
        value = value.removeprefix("JOB_STATE_")
        if f"JOB_STATE_{value}" not in pb.JobState.keys():  # noqa: SIM118 - an enum wrapper is no mapping
            raise invalid("filter", f"{value} is not a state")
    elif field == "create_time":
        value = _time(value).isoformat()
    if field != "create_time" and operator not in {"=", "!="}:
        raise invalid("filter", f"{field} takes = and != only")
    return field, operator, value


def _time(value: str) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise invalid("filter", "create_time takes an RFC 3339 time in quotes") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _meets(job: pb.Job, field: str, operator: str, value: str) -> bool:
    if field == "create_time":
        made = job.create_time.ToDatetime(tzinfo=UTC)
        return _COMPARE[operator]((made - datetime.fromisoformat(value)).total_seconds())
    if field == "state":
        held = pb.JobState.Name(job.state) == f"JOB_STATE_{value}"
    else:
        held = job.spec.labels.get(field.removeprefix("labels.")) == value
    return held if operator == "=" else not held


def encode_place(place: tuple[int, str], filter_text: str) -> str:
    """Write a page token: a place in the order of jobs, good for one filter only."""
    text = f"{place[0]}/{place[1]}/{_digest(filter_text)}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def decode_place(token: str, filter_text: str) -> tuple[int, str] | None:
    """Read a page token back; None for the first page. Errors: INVALID_PAGE_TOKEN."""
    if not token:
        return None
    try:
        created, job_id, digest = base64.urlsafe_b64decode(token.encode()).decode().split("/")
        if digest == _digest(filter_text):
            return int(created), job_id
    except ValueError:
        pass  # told below, like every token that is not ours
    raise CollatioError(Reason.INVALID_PAGE_TOKEN)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
