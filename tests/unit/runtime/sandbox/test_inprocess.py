"""The stand-in without a process keeps the same promises, as far as one can without a process."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError
from collatio.runtime.sandbox import (
    InProcess,
    Isolation,
    Limits,
    SandboxClosed,
    SandboxFailed,
    SandboxOutputLimit,
    SandboxTimeout,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collatio.runtime.sandbox import SandboxFactory


@pytest.fixture
def factory(support: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxFactory]:
    """Make a factory that runs in this process."""
    monkeypatch.setattr(sys, "path", [*sys.path, support])
    with InProcess(["sandbox_subjects"]) as made:
        yield made


def test_answers_a_call(factory: SandboxFactory, limits: Limits, document: int) -> None:
    """The same call gives the same bytes as in a real sandbox, and the caller keeps its descriptor."""
    with factory.sandbox(limits) as sandbox:
        for _ in range(2):
            assert sandbox.call("sandbox_subjects:read_all", b"> ", (document,)) == b"> what it says"


def test_errors_are_the_same(factory: SandboxFactory, limits: Limits) -> None:
    """Typed errors pass, others lose their text."""
    with factory.sandbox(limits) as sandbox:
        with pytest.raises(CollatioError, match="ENCRYPTED"):
            sandbox.call("sandbox_subjects:raise_typed", b"", ())
        with pytest.raises(SandboxFailed) as caught:
            sandbox.call("sandbox_subjects:raise_untyped", b"canary", ())
        assert "canary" not in str(caught.value)
        with pytest.raises(SandboxFailed, match="LookupError"):
            sandbox.call("os:getcwd", b"", ())
        with pytest.raises(ValueError, match="of its own"):
            sandbox.call("sandbox_subjects:echo", b"", (0, 0))


def test_the_output_limit_is_kept(factory: SandboxFactory, limits: Limits) -> None:
    """One byte too many is refused."""
    with factory.sandbox(replace(limits, output_bytes=10)) as sandbox:
        assert len(sandbox.call("sandbox_subjects:of_size", b"10", ())) == 10
        with pytest.raises(SandboxOutputLimit):
            sandbox.call("sandbox_subjects:of_size", b"11", ())


def test_a_late_answer_is_a_timeout(support: str, monkeypatch: pytest.MonkeyPatch, limits: Limits) -> None:
    """Nothing stops a slow function, but its answer does not count."""
    monkeypatch.setattr(sys, "path", [*sys.path, support])
    times = iter([0.0, 11.0])
    factory = InProcess(["sandbox_subjects"], clock=lambda: next(times))
    with factory.sandbox(limits) as sandbox, pytest.raises(SandboxTimeout):
        sandbox.call("sandbox_subjects:echo", b"", ())


def test_a_closed_one_refuses(factory: SandboxFactory, limits: Limits) -> None:
    """A sandbox that has ended is told from one that fails."""
    sandbox = factory.sandbox(limits)
    sandbox.kill()
    with pytest.raises(SandboxClosed):
        sandbox.call("sandbox_subjects:echo", b"", ())


def test_it_claims_no_isolation(factory: SandboxFactory) -> None:
    """GetCapabilities never boasts of walls that are not there."""
    assert factory.isolation() == Isolation.none()
