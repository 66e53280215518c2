"""Validation: every fault found at once, each under its path in proto names."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from collatio.v1 import gateway_pb2 as pb
from gateway import validate
from tests.unit.gateway.bench import spec_of

if TYPE_CHECKING:
    from collections.abc import Callable

HEX = "0" * 64


def faults_of(request: pb.CreateJobRequest) -> list[str]:
    """Return the paths a request is refused for."""
    with suppress(CollatioError):
        validate.create_job(request)
        return []
    with pytest.raises(CollatioError) as caught:
        validate.create_job(request)
    assert caught.value.reason is Reason.INVALID_REQUEST
    assert all(violation.description for violation in caught.value.violations)
    return [violation.field for violation in caught.value.violations]


def good() -> pb.CreateJobRequest:
    """Make a request nothing is wrong with."""
    spec = spec_of("file:///a", "https://example.org/b", "/c", compared=True)
    spec.sources[0].key, spec.sources[1].key = "left", "right"
    spec.labels["team"] = "a"
    return pb.CreateJobRequest(job=pb.Job(spec=spec))


def _set(path: str, value: object) -> Callable[[pb.CreateJobRequest], None]:
    def change(request: pb.CreateJobRequest) -> None:
        target: object = request
        *parents, last = path.split(".")
        for name in parents:
            target = target[int(name)] if name.isdigit() else getattr(target, name)  # type: ignore[index] # a list
        setattr(target, last, value)

    return change


def _fields(count: int, **fields: object) -> Callable[[pb.CreateJobRequest], None]:
    return lambda r: [r.job.spec.extract.fields.add(**fields) for _ in range(count)] and None  # type: ignore[arg-type] # by the caller


def test_a_good_request_passes() -> None:
    """Nothing is found where nothing is wrong."""
    assert faults_of(good()) == []


GOOD = {
    "uuid": _set("request_id", "8c0f0f6a-5a0c-4f5e-9d56-3c64c2a4a6a1"),
    "job id": _set("job_id", "abc-1"),
    "quorum": _set("job.spec.on_failure.quorum.fraction", 1.0),
    "timeout": _set("job.spec.timeout.seconds", 7 * 24 * 3600),
    "short timeout": _set("job.spec.timeout.nanos", 1),
    "ttl": _set("job.spec.result_ttl.seconds", 30 * 24 * 3600),
    "baseline key": _set("job.spec.compare.baseline.key", "left"),
    "baseline source": _set("job.spec.compare.baseline.source.uri", "file:///base"),
    "threshold": _set("job.spec.compare.versions.threshold", 1.0),
    "pattern": _fields(1, name="no", pattern=r"No\.? (\d+)"),
    "empty inline": _set("job.spec.sources.2.inline.name", "empty.txt"),
}


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_what_is_allowed_passes(change: Callable[[pb.CreateJobRequest], None]) -> None:
    """The edges of each rule are inside it."""
    request = good()
    change(request)
    assert faults_of(request) == []


BAD = {
    "request id": (_set("request_id", "no-uuid"), "request_id"),
    "uuid of another kind": (_set("request_id", "8c0f0f6a-5a0c-1f5e-9d56-3c64c2a4a6a1"), "request_id"),
    "job id too short": (_set("job_id", "abc"), "job_id"),
    "job id in capitals": (_set("job_id", "Abcd"), "job_id"),
    "job id too long": (_set("job_id", "a" * 64), "job_id"),
    "uri without scheme": (_set("job.spec.sources.1.uri", "a.txt"), "job.spec.sources[1].uri"),
    "uri too long": (_set("job.spec.sources.1.uri", "file:/" + "a" * 4096), "job.spec.sources[1].uri"),
    "blob": (_set("job.spec.sources.0.blob.sha256", "zz"), "job.spec.sources[0].blob.sha256"),
    "upper-case digest": (
        _set("job.spec.sources.0.blob.sha256", "A" * 64),
        "job.spec.sources[0].blob.sha256",
    ),
    "uri list": (_set("job.spec.sources.0.uri_list.sha256", ""), "job.spec.sources[0].uri_list.sha256"),
    "inline too large": (
        _set("job.spec.sources.0.inline.data", b"a" * ((1 << 20) + 1)),
        "job.spec.sources[0].inline.data",
    ),
    "inline name": (_set("job.spec.sources.0.inline.name", "a" * 257), "job.spec.sources[0].inline.name"),
    "key too long": (_set("job.spec.sources.0.key", "a" * 257), "job.spec.sources[0].key"),
    "key twice": (_set("job.spec.sources.0.key", "right"), "job.spec.sources[1].key"),
    "empty glob": (
        lambda r: r.job.spec.sources[0].include.append(""),
        "job.spec.sources[0].include[0]",
    ),
    "glob of nothing": (
        lambda r: r.job.spec.sources[0].exclude.append("//"),
        "job.spec.sources[0].exclude[0]",
    ),
    "odd options": (
        lambda r: r.job.spec.sources[0].plugin_options.update({"a": float("nan")}),
        "job.spec.sources[0].plugin_options",
    ),
    "odd extract options": (
        lambda r: r.job.spec.extract.plugin_options.update({"a": [float("inf")]}),
        "job.spec.extract.plugin_options",
    ),
    "odd compare options": (
        lambda r: r.job.spec.compare.plugin_options.update({"a": {"b": float("nan")}}),
        "job.spec.compare.plugin_options",
    ),
    "globs": (lambda r: r.job.spec.sources[0].exclude.extend(["*"] * 101), "job.spec.sources[0].exclude"),
    "no origin": (lambda r: r.job.spec.sources[2].ClearField("uri"), "job.spec.sources[2]"),
    "fraction of none": (
        _set("job.spec.on_failure.quorum.fraction", 0.0),
        "job.spec.on_failure.quorum.fraction",
    ),
    "fraction that is no number": (
        _set("job.spec.on_failure.quorum.fraction", float("nan")),
        "job.spec.on_failure.quorum.fraction",
    ),
    "negative timeout": (_set("job.spec.timeout.seconds", -1), "job.spec.timeout"),
    "timeout past every calendar": (_set("job.spec.timeout.seconds", 2**62), "job.spec.timeout"),
    "timeout with odd nanoseconds": (_set("job.spec.timeout.nanos", -5), "job.spec.timeout"),
    "ttl": (_set("job.spec.result_ttl.seconds", 30 * 24 * 3600 + 1), "job.spec.result_ttl"),
    "label key": (lambda r: r.job.spec.labels.update({"": "a"}), "job.spec.labels"),
    "label value": (lambda r: r.job.spec.labels.update({"a": "b" * 64}), "job.spec.labels"),
    "labels": (lambda r: r.job.spec.labels.update({str(n): "" for n in range(65)}), "job.spec.labels"),
    "max pairs": (_set("job.spec.compare.max_pairs", -1), "job.spec.compare.max_pairs"),
    "baseline of nothing": (
        lambda r: r.job.spec.compare.baseline.SetInParent(),
        "job.spec.compare.baseline",
    ),
    "baseline of no source": (_set("job.spec.compare.baseline.key", "middle"), "job.spec.compare.baseline"),
    "baseline's own source": (
        _set("job.spec.compare.baseline.source.uri", ""),
        "job.spec.compare.baseline.source.uri",
    ),
    "no pairs": (lambda r: r.job.spec.compare.explicit.SetInParent(), "job.spec.compare.explicit.pairs"),
    "half a pair": (
        lambda r: r.job.spec.compare.explicit.pairs.add(left="left"),
        "job.spec.compare.explicit.pairs[0]",
    ),
    "matched": (_set("job.spec.compare.matched.left", "left"), "job.spec.compare.matched.right"),
    "threshold": (_set("job.spec.compare.versions.threshold", 1.5), "job.spec.compare.versions.threshold"),
    "threshold of none": (
        _set("job.spec.compare.near_duplicates.threshold", 0.0),
        "job.spec.compare.near_duplicates.threshold",
    ),
    "patterns": (
        lambda r: r.job.spec.compare.ignore.patterns.extend(["a"] * 51),
        "job.spec.compare.ignore.patterns",
    ),
    "faulty pattern": (
        lambda r: r.job.spec.compare.ignore.patterns.append("a("),
        "job.spec.compare.ignore.patterns[0]",
    ),
    "nameless field": (_fields(1, label="No"), "job.spec.extract.fields[0].name"),
    "field without a rule": (_fields(1, name="no"), "job.spec.extract.fields[0]"),
    "field with a faulty pattern": (
        _fields(1, name="no", pattern="(?<!a)b("),
        "job.spec.extract.fields[0].pattern",
    ),
    "fields": (_fields(201, name="no", label="No"), "job.spec.extract.fields"),
    "passwords": (
        lambda r: r.job.spec.extract.passwords.extend(["a"] * 17),
        "job.spec.extract.passwords",
    ),
    "no spec": (lambda r: r.job.ClearField("spec"), "job.spec"),
    "no job": (lambda r: r.ClearField("job"), "job.spec"),
    "no sources": (lambda r: r.job.spec.ClearField("sources"), "job.spec.sources"),
}


@pytest.mark.parametrize(("change", "path"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_named(change: Callable[[pb.CreateJobRequest], None], path: str) -> None:
    """Each fault is found under its field's path."""
    request = good()
    change(request)
    assert path in faults_of(request)


def test_all_faults_are_told_at_once() -> None:
    """A caller corrects a request in one go."""
    request = good()
    for name in ("timeout with odd nanoseconds", "max pairs", "empty glob", "uri without scheme"):
        BAD[name][0](request)
    assert set(faults_of(request)) >= {BAD[n][1] for n in ("max pairs", "empty glob", "uri without scheme")}
    with pytest.raises(CollatioError, match=r"and 3 more"):
        validate.create_job(request)


def test_ten_thousand_sources_are_many_and_one_more_too_many() -> None:
    """The bound on sources holds, and validating them is quick."""
    request = pb.CreateJobRequest(job=pb.Job(spec=spec_of(*["file:///a"] * 10_000)))
    assert faults_of(request) == []
    request.job.spec.sources.add(uri="file:///b")
    assert faults_of(request) == ["job.spec.sources"]


def test_two_hundred_fields_are_checked_quickly() -> None:
    """Field names that occur twice are each named."""
    request = good()
    for number in range(200):
        request.job.spec.extract.fields.add(name=f"f{number % 199}", label="No")
    assert faults_of(request) == ["job.spec.extract.fields[0].name", "job.spec.extract.fields[199].name"]
