"""What a job's spec must be: every fault found at once, each under its field's path in proto names."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

import re2  # type: ignore[import-untyped] # it ships no stubs
from google.protobuf.json_format import MessageToDict

from collatio.runtime.blobs.digest import is_digest
from collatio.runtime.errors import CollatioError, Reason, Violation

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.struct_pb2 import Struct

    from collatio.v1 import common_pb2, compare_pb2, extract_pb2
    from collatio.v1 import gateway_pb2 as pb

SOURCES_MAX = 10_000
URI_MAX = 4_096
GLOBS_MAX = 100
KEY_MAX = 256
INLINE_MAX = 1 << 20
FIELDS_MAX = 200
PASSWORDS_MAX = 16
PATTERNS_MAX = 50
LABELS_MAX = 64
LABEL_MAX = 63
DAY_S = 24 * 3600
TIMEOUT_MAX_S = 7 * DAY_S
TTL_MAX_S = 30 * DAY_S
JOB_ID = re.compile(r"[a-z][a-z0-9-]{3,62}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}:|/")


class Faults:
    """Faults as they are found."""

    def __init__(self) -> None:
        self.found: list[Violation] = []

    def check(self, holds: object, field: str, description: str) -> None:
        """Note a fault unless the condition holds."""
        if not holds:
            self.found.append(Violation(field, description))

    def raise_any(self) -> None:
        """Raise INVALID_REQUEST with all faults, if there are any."""
        if self.found:
            first = self.found[0]
            more = f" (and {len(self.found) - 1} more)" if len(self.found) > 1 else ""
            raise CollatioError(
                Reason.INVALID_REQUEST, f"{first.field}: {first.description}{more}", violations=self.found
            )


def create_job(request: pb.CreateJobRequest) -> None:
    """Validate a CreateJob request. Errors: INVALID_REQUEST with every violation."""
    faults = Faults()
    if request.job_id:
        faults.check(
            JOB_ID.fullmatch(request.job_id), "job_id", "4 to 63 of a-z, 0-9 and -, beginning with a letter"
        )
    check_request_id(faults, request.request_id)
    faults.check(request.HasField("job") and request.job.HasField("spec"), "job.spec", "is required")
    if not faults.found:
        check_spec(faults, request.job.spec, "job.spec")
    faults.raise_any()


def check_request_id(faults: Faults, request_id: str) -> None:
    """Check that a request id is a UUID4, or empty."""
    if not request_id:
        return
    try:
        version = uuid.UUID(request_id).version
    except ValueError:
        version = None
    faults.check(version == 4, "request_id", "must be a UUID4")


def check_spec(faults: Faults, spec: pb.JobSpec, path: str) -> None:
    """Check a whole spec."""
    faults.check(spec.sources, f"{path}.sources", "at least one is required")
    faults.check(len(spec.sources) <= SOURCES_MAX, f"{path}.sources", f"at most {SOURCES_MAX:,}")
    keys: set[str] = set()
    for index, source in enumerate(spec.sources[:SOURCES_MAX]):
        at = f"{path}.sources[{index}]"
        check_source(faults, source, at)
        faults.check(not source.key or source.key not in keys, f"{at}.key", "must be unique within the job")
        keys.add(source.key)
    _check_extract(faults, spec.extract, f"{path}.extract")
    if spec.HasField("compare"):
        _check_compare(faults, spec.compare, f"{path}.compare", keys - {""})
    if spec.on_failure.WhichOneof("policy") == "quorum":
        fraction = spec.on_failure.quorum.fraction
        faults.check(0 < fraction <= 1, f"{path}.on_failure.quorum.fraction", "must be above 0 and at most 1")
    if spec.HasField("timeout"):
        seconds = _seconds(spec.timeout)
        faults.check(0 < seconds <= TIMEOUT_MAX_S, f"{path}.timeout", "must be above 0 and at most 7 days")
    if spec.HasField("result_ttl"):
        seconds = _seconds(spec.result_ttl)
        faults.check(0 < seconds <= TTL_MAX_S, f"{path}.result_ttl", "must be above 0 and at most 30 days")
    faults.check(len(spec.labels) <= LABELS_MAX, f"{path}.labels", f"at most {LABELS_MAX}")
    for key, value in spec.labels.items():
        held = 0 < len(key) <= LABEL_MAX and len(value) <= LABEL_MAX
        faults.check(
            held, f"{path}.labels", f"keys have 1 to {LABEL_MAX} characters, values at most {LABEL_MAX}"
        )


def _seconds(duration: Duration) -> float:
    """Return a duration in seconds, whatever its fields hold; 0 for one that breaks the type's own bounds."""
    if not 0 <= duration.nanos < 10**9:
        return 0.0
    return duration.seconds + duration.nanos / 1e9


def check_source(faults: Faults, source: common_pb2.Source, path: str) -> None:
    """Check one source."""
    match source.WhichOneof("origin"):
        case "uri":
            faults.check(
                0 < len(source.uri) <= URI_MAX, f"{path}.uri", f"must have 1 to {URI_MAX:,} characters"
            )
            faults.check(_URI.match(source.uri), f"{path}.uri", "must be a URI, as scheme:…")
        case "blob":
            faults.check(
                is_digest(source.blob.sha256), f"{path}.blob.sha256", "must be 64 lower-case hex digits"
            )
        case "uri_list":
            digest = source.uri_list.sha256
            faults.check(is_digest(digest), f"{path}.uri_list.sha256", "must be 64 lower-case hex digits")
        case "inline":
            faults.check(
                len(source.inline.data) <= INLINE_MAX, f"{path}.inline.data", "at most 1 MiB; upload more"
            )
            faults.check(
                len(source.inline.name) <= KEY_MAX, f"{path}.inline.name", f"at most {KEY_MAX} characters"
            )
        case _:
            faults.check(False, path, "one of uri, blob, inline and uri_list must be set")
    for name, globs in (("include", source.include), ("exclude", source.exclude)):
        faults.check(len(globs) <= GLOBS_MAX, f"{path}.{name}", f"at most {GLOBS_MAX}")
        for index, glob in enumerate(globs):
            faults.check(
                glob.strip("/") and len(glob) <= KEY_MAX,
                f"{path}.{name}[{index}]",
                f'must have 1 to {KEY_MAX} characters, and more than "/"',
            )
    faults.check(len(source.key) <= KEY_MAX, f"{path}.key", f"at most {KEY_MAX} characters")
    _check_options(faults, source.plugin_options, f"{path}.plugin_options")


def _check_options(faults: Faults, options: Struct, path: str) -> None:
    """Check that options can travel as JSON."""
    if not options.fields:
        return
    try:
        MessageToDict(options)
    except ValueError:
        faults.check(False, path, "holds a number that JSON has not")


def _check_extract(faults: Faults, spec: extract_pb2.ExtractSpec, path: str) -> None:
    faults.check(len(spec.fields) <= FIELDS_MAX, f"{path}.fields", f"at most {FIELDS_MAX}")
    names = [rule.name for rule in spec.fields]
    for index, rule in enumerate(spec.fields):
        at = f"{path}.fields[{index}]"
        faults.check(0 < len(rule.name) <= 128, f"{at}.name", "must have 1 to 128 characters")
        faults.check(names.count(rule.name) == 1, f"{at}.name", "must be unique")
        faults.check(
            rule.WhichOneof("find") and (rule.label or rule.pattern),
            at,
            "one of label and pattern must be set",
        )
        _check_pattern(faults, rule.pattern, f"{at}.pattern")
    faults.check(len(spec.passwords) <= PASSWORDS_MAX, f"{path}.passwords", f"at most {PASSWORDS_MAX}")
    _check_options(faults, spec.plugin_options, f"{path}.plugin_options")


def _check_pattern(faults: Faults, pattern: str, path: str) -> None:
    """Check that a pattern is a regular expression in RE2's syntax."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error:
        faults.check(False, path, "is not a regular expression in RE2 syntax")


def _check_compare(faults: Faults, spec: compare_pb2.CompareSpec, path: str, keys: set[str]) -> None:
    faults.check(spec.max_pairs >= 0, f"{path}.max_pairs", "must not be negative")
    _check_options(faults, spec.plugin_options, f"{path}.plugin_options")
    patterns = spec.ignore.patterns
    faults.check(len(patterns) <= PATTERNS_MAX, f"{path}.ignore.patterns", f"at most {PATTERNS_MAX}")
    for index, pattern in enumerate(patterns[:PATTERNS_MAX]):
        _check_pattern(faults, pattern, f"{path}.ignore.patterns[{index}]")
    match spec.WhichOneof("plan"):
        case "baseline":
            baseline = spec.baseline
            if baseline.HasField("source"):
                check_source(faults, baseline.source, f"{path}.baseline.source")
            else:
                faults.check(
                    baseline.key in keys, f"{path}.baseline", "a source, or the key of one, must be set"
                )
        case "explicit":
            faults.check(spec.explicit.pairs, f"{path}.explicit.pairs", "at least one is required")
            for index, pair in enumerate(spec.explicit.pairs):
                at = f"{path}.explicit.pairs[{index}]"
                faults.check(pair.left and pair.right, at, "left and right must be set")
        case "matched":
            for side in ("left", "right"):
                key = getattr(spec.matched, side)
                faults.check(key in keys, f"{path}.matched.{side}", "must be the key of a source")
        case "versions" | "near_duplicates" as name:
            threshold = getattr(spec, name)
            if threshold.HasField("threshold"):
                faults.check(
                    0 < threshold.threshold <= 1, f"{path}.{name}.threshold", "must be above 0 and at most 1"
                )
