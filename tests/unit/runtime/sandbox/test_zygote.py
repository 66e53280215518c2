"""The zygote's own life: warming up, dying, hanging, being copied, and leaving nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.sandbox import (
    Limits,
    SandboxClosed,
    SandboxDied,
    SandboxLost,
    SandboxTimeout,
    SandboxUnavailable,
    Zygote,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collatio.runtime.sandbox.control import Death
    from tests.unit.runtime.sandbox.conftest import Eyes

ORPHANS = """
import sys, threading
from collatio.runtime.sandbox import Limits, Zygote
limits = Limits(wall_s=60, cpu_s=60, memory_bytes=1 << 28, output_bytes=1024)
zygote = Zygote(["sandbox_subjects"], extra_path=[sys.argv[1]])
sandbox = zygote.sandbox(limits)
print(zygote.pid, sandbox.call("sandbox_subjects:process_id", b"", ()).decode(), flush=True)
sandbox.call("sandbox_subjects:loop_deaf", b"", ())
"""


@pytest.fixture
def own(support: str) -> Iterator[Zygote]:
    """Make a zygote that a test may ill-treat."""
    with Zygote(["sandbox_subjects"], extra_path=[support]) as zygote:
        yield zygote


def test_a_killed_zygote_is_replaced(own: Zygote, limits: Limits) -> None:
    """A kill -9 costs the sandbox in hand, charged to nobody, and the next one works."""
    with own.sandbox(limits) as sandbox:
        sandbox.call("sandbox_subjects:echo", b"", ())
        os.kill(own.pid or 0, signal.SIGKILL)
        with pytest.raises(SandboxLost):
            sandbox.call("sandbox_subjects:loop", b"", (), wall_s=5)
    with own.sandbox(limits) as fresh:
        assert fresh.call("sandbox_subjects:echo", b"on", ()) == b"on"
    assert own.starts == 2


def test_a_frozen_zygote_is_put_down(own: Zygote, limits: Limits, eyes: Eyes) -> None:
    """A zygote that does not answer delays a timeout by less than 2 s, and takes its sandboxes with it."""
    with own.sandbox(limits) as sandbox:
        process = eyes.process_of(sandbox)
        os.kill(own.pid or 0, signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(SandboxTimeout):
            sandbox.call("sandbox_subjects:loop_deaf", b"", (), wall_s=0.2)
        assert time.monotonic() - started < 2.2
        assert eyes.ends_within(process, 1)
    with own.sandbox(limits) as fresh:
        assert fresh.call("sandbox_subjects:echo", b"on", ()) == b"on"


def test_everything_dies_with_the_pool_child(support: str, eyes: Eyes) -> None:
    """A kill -9 of the pool child leaves neither zygote nor sandbox, even one that ignores every signal."""
    command = [sys.executable, "-c", ORPHANS, support]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=_with_clone()) as pool_child:
        assert pool_child.stdout is not None
        zygote_id, sandbox_id = map(int, pool_child.stdout.readline().split())
        pool_child.kill()
    assert eyes.ends_within(zygote_id, 2)
    assert eyes.ends_within(sandbox_id, 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_draining_worker_keeps_its_sandboxes(own: Zygote, limits: Limits, number: signal.Signals) -> None:
    """A signal to the whole control group ends neither zygote nor sandbox."""
    with own.sandbox(limits) as sandbox:
        process = int(sandbox.call("sandbox_subjects:process_id", b"", ()))
        os.kill(own.pid or 0, number)
        os.kill(process, number)
        assert sandbox.call("sandbox_subjects:echo", b"on", ()) == b"on"
    assert own.starts == 1


def test_closing_leaves_nothing(support: str, limits: Limits, eyes: Eyes) -> None:
    """After close() there is no process, no zombie and no descriptor, and a sandbox left open is closed."""
    before = _descriptors()
    children = set(eyes.children_of(os.getpid()))
    zygote = Zygote(["sandbox_subjects"], extra_path=[support])
    sandbox = zygote.sandbox(limits)
    process = eyes.process_of(sandbox)
    zygote.close()
    zygote.close()
    assert set(eyes.children_of(os.getpid())) == children
    assert eyes.session_of(process) == []
    with pytest.raises((SandboxClosed, SandboxLost)):
        sandbox.call("sandbox_subjects:echo", b"", ())
    sandbox.close()
    assert _descriptors() == before


def test_200_sandboxes_leak_nothing(own: Zygote, limits: Limits, document: int, eyes: Eyes) -> None:
    """Neither descriptors nor zombies gather, whether sandboxes end well or crash."""
    _settle(own, limits)
    zygote_id = own.pid or 0
    ours, theirs = _descriptors(), _descriptors(zygote_id)
    for turn in range(200):
        with own.sandbox(limits) as sandbox:
            assert sandbox.call("sandbox_subjects:read_all", b"", (document,)) == b"what it says"
            if turn % 10 == 0:
                with pytest.raises(SandboxDied):
                    sandbox.call("sandbox_subjects:vanish", b"1", (document,))
    _settle(own, limits)
    with own.sandbox(limits) as last:
        process = eyes.process_of(last)
        children = eyes.children_of(zygote_id)
        assert process in children
        assert len(children) <= 2, "only the spare beside it"
        assert "Z" not in children.values()
    _settle(own, limits)
    assert _descriptors() == ours
    assert _descriptors(zygote_id) == theirs
    assert own.starts == 1


def test_a_forked_copy_starts_its_own(own: Zygote, limits: Limits) -> None:
    """A pool child that inherited a zygote from its parent neither uses nor ends it."""
    with own.sandbox(limits) as sandbox:
        sandbox.call("sandbox_subjects:echo", b"", ())
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with own, own.sandbox(limits) as sandbox:
                code = 0 if sandbox.call("sandbox_subjects:echo", b"on", ()) == b"on" else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    with own.sandbox(limits) as sandbox:
        assert sandbox.call("sandbox_subjects:echo", b"on", ()) == b"on"
    assert own.starts == 1


def test_two_sandboxes_live_side_by_side(own: Zygote, limits: Limits) -> None:
    """Ending one sandbox leaves its sibling alone."""
    with own.sandbox(limits) as first, own.sandbox(limits) as second:
        with pytest.raises(SandboxDied):
            first.call("sandbox_subjects:crash", b"", ())
        assert second.call("sandbox_subjects:echo", b"on", ()) == b"on"


def test_a_start_does_not_wait(own: Zygote, limits: Limits) -> None:
    """A pool child can warm its zygote up while it does other things."""
    own.start()
    first = own.pid
    with own.sandbox(limits) as sandbox:
        assert sandbox.call("sandbox_subjects:echo", b"on", ()) == b"on"
    assert own.pid == first


def test_how_each_sandbox_ended_is_told(support: str) -> None:
    """What a released sandbox took at its peak is heard when the next one is made, or at the end."""
    deaths: list[Death] = []
    limits = Limits(wall_s=10, cpu_s=10, memory_bytes=256 << 20, output_bytes=64 << 20)
    with Zygote(["sandbox_subjects"], extra_path=[support], told=deaths.append) as zygote:
        for size in (10, 48 << 20):
            with zygote.sandbox(limits) as sandbox:
                sandbox.call("sandbox_subjects:of_size", str(size).encode(), ())
        _settle(zygote, limits)
        zygote.sandbox(limits).close()
    small, large, vanished, *_ = deaths
    assert small.growth_bytes < 8 << 20
    assert 48 << 20 <= large.growth_bytes < 256 << 20
    assert vanished.exitcode == 1


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("sandbox_missing", "preloading sandbox_missing: ModuleNotFoundError"),
        ("sandbox_faulty", "preloading sandbox_faulty: RuntimeError at sandbox_faulty:3"),
        ("sandbox_with_thread", "preloading sandbox_with_thread started a thread"),
    ],
)
def test_a_module_that_cannot_be_preloaded_is_named(
    support: str, limits: Limits, module: str, told: str
) -> None:
    """What stops the zygote from warming up is told, without any exception's text."""
    with Zygote([module], extra_path=[support]) as zygote:
        with pytest.raises(SandboxUnavailable, match=told) as caught:
            zygote.sandbox(limits)
        assert "canary" not in str(caught.value)
        assert zygote.pid is None


def test_an_endless_start_is_given_up(support: str, limits: Limits) -> None:
    """A module that never finishes loading does not hold the pool child."""
    with (
        Zygote(["sandbox_endless"], extra_path=[support], start_timeout_s=0.5) as zygote,
        pytest.raises(SandboxUnavailable, match=r"within 0\.5 s"),
    ):
        zygote.sandbox(limits)


def _settle(zygote: Zygote, limits: Limits) -> None:
    """Wait until every order so far was carried out: telling how a sandbox died comes after all of them."""
    with zygote.sandbox(limits) as sandbox, pytest.raises(SandboxDied):
        sandbox.call("sandbox_subjects:vanish", b"1", ())


def _descriptors(process: int | None = None) -> int | None:
    """Count a process's descriptors; None for a zygote's, which only root may see: it is not dumpable."""
    try:
        return len(list(Path(f"/proc/{process or 'self'}/fd").iterdir()))
    except PermissionError:
        return None


def _with_clone() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).resolve().parents[4])}
