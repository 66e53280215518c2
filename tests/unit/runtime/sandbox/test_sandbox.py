"""Calls into real forked sandboxes: honest work, mistakes, crashes, and answers no honest sandbox gives."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, NoReturn

import pytest

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.sandbox import (
    Limits,
    SandboxClosed,
    SandboxDied,
    SandboxFailed,
    SandboxOutOfMemory,
    SandboxOutputLimit,
    SandboxTimeout,
)

if TYPE_CHECKING:
    from pathlib import Path

    from collatio.runtime.sandbox import Sandbox, Zygote
    from tests.unit.runtime.sandbox.conftest import Eyes

MIB = 1 << 20


def test_answers_a_call(sandbox: Sandbox) -> None:
    """A function's bytes come back as they are."""
    assert sandbox.call("sandbox_subjects:echo", b"\x00\xff header", ()) == b"\x00\xff header"


def test_serves_call_after_call_in_one_process(sandbox: Sandbox) -> None:
    """One sandbox serves a whole message."""
    first = sandbox.call("sandbox_subjects:process_id", b"", ())
    assert sandbox.call("sandbox_subjects:process_id", b"", ()) == first
    assert int(first) != os.getpid()


def test_carries_large_headers_and_answers(zygote: Zygote) -> None:
    """Neither a header nor an answer need fit a socket's buffer."""
    roomy = Limits(wall_s=10, cpu_s=10, memory_bytes=256 * MIB, output_bytes=16 * MIB)
    header = os.urandom(5 * MIB)
    with zygote.sandbox(roomy) as sandbox:
        assert sandbox.call("sandbox_subjects:echo", header, ()) == header


def test_reads_inputs_from_their_start(sandbox: Sandbox, document: int) -> None:
    """An offset that an earlier attempt moved does not hide a document's beginning."""
    os.lseek(document, 5, os.SEEK_SET)
    for _ in range(2):
        assert sandbox.call("sandbox_subjects:read_all", b"> ", (document,)) == b"> what it says"


def test_takes_several_inputs_in_order(sandbox: Sandbox, tmp_path: Path) -> None:
    """A comparison reads two documents, as first and second."""
    for name in ("left", "right"):
        (tmp_path / name).write_text(f"{name} ")
    inputs = [os.open(tmp_path / name, os.O_RDONLY) for name in ("left", "right")]
    assert sandbox.call("sandbox_subjects:read_all", b"", inputs) == b"left right "
    for descriptor in inputs:
        os.close(descriptor)


def test_refuses_one_descriptor_twice(sandbox: Sandbox, document: int) -> None:
    """Two inputs that would move each other's offset are refused."""
    with pytest.raises(ValueError, match="of its own"):
        sandbox.call("sandbox_subjects:echo", b"", (document, document))


def test_reads_a_pipe(sandbox: Sandbox) -> None:
    """An input need not be a file."""
    reader, writer = os.pipe()
    os.write(writer, b"flowing")
    os.close(writer)
    assert sandbox.call("sandbox_subjects:read_all", b"", (reader,)) == b"flowing"
    os.close(reader)


def test_refuses_a_descriptor_that_could_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    """A sandbox is never handed a way to change a file."""
    writable = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    with pytest.raises(ValueError, match="reading only"):
        sandbox.call("sandbox_subjects:echo", b"", (writable,))
    os.close(writable)


def test_refuses_a_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    """A sandbox is never handed a folder to walk."""
    folder = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(ValueError, match="regular file"):
        sandbox.call("sandbox_subjects:echo", b"", (folder,))
    os.close(folder)


def test_refuses_more_inputs_than_it_may_open(sandbox: Sandbox, tmp_path: Path) -> None:
    """Too many descriptors are told before they are lost on the way."""
    (tmp_path / "file").write_bytes(b"x")
    inputs = [os.open(tmp_path / "file", os.O_RDONLY) for _ in range(57)]
    with pytest.raises(ValueError, match="at most 56 inputs"):
        sandbox.call("sandbox_subjects:echo", b"", inputs)
    assert sandbox.call("sandbox_subjects:read_all", b"", inputs[1:]) == b"x" * 56
    for descriptor in inputs:
        os.close(descriptor)


def test_typed_errors_pass_through(sandbox: Sandbox) -> None:
    """A CollatioError arrives with its reason, message, delay and metadata, and the sandbox goes on."""
    with pytest.raises(CollatioError) as caught:
        sandbox.call("sandbox_subjects:raise_typed", b"", ())
    error = caught.value
    assert (error.reason, error.message, error.retry_after_s) == (Reason.ENCRYPTED, "It has a lock.", 2.5)
    assert error.metadata == {"cipher": "a", "pages": "2"}
    assert sandbox.call("sandbox_subjects:echo", b"on", ()) == b"on"


def test_untyped_errors_lose_their_text(sandbox: Sandbox) -> None:
    """An unexpected exception tells its type and place; its text may quote the document and stays behind."""
    with pytest.raises(SandboxFailed) as caught:
        sandbox.call("sandbox_subjects:raise_untyped", b"canary of the document", ())
    assert caught.value.kind == "RuntimeError"
    assert caught.value.locations[-1].startswith("sandbox_subjects:")
    assert caught.value.locations[-1].endswith(" raise_untyped")
    assert "canary" not in repr(caught.value) + str(caught.value.__dict__)
    assert sandbox.call("sandbox_subjects:echo", b"on", ()) == b"on"


@pytest.mark.parametrize(
    "entry", ["os:getcwd", "sandbox_subjects:nothing", "sandbox_subjects:_spawn", "sandbox_subjects"]
)
def test_only_public_functions_of_preloaded_modules_are_entries(sandbox: Sandbox, entry: str) -> None:
    """What is not meant to be called cannot be."""
    with pytest.raises(SandboxFailed, match="LookupError"):
        sandbox.call(entry, b"", ())


def test_leaving_python_is_a_failure(sandbox: Sandbox) -> None:
    """sys.exit() by a parser neither ends the sandbox nor passes for an answer."""
    with pytest.raises(SandboxFailed, match="SystemExit"):
        sandbox.call("sandbox_subjects:leave", b"0", ())


@pytest.mark.parametrize("code", [0, 3])
def test_vanishing_is_a_death_with_its_exit_code(sandbox: Sandbox, code: int) -> None:
    """A process that ends without an answer has died, even with exit code 0."""
    with pytest.raises(SandboxDied) as caught:
        sandbox.call("sandbox_subjects:vanish", str(code).encode(), ())
    assert (caught.value.exitcode, caught.value.signal) == (code, None)


@pytest.mark.parametrize(("entry", "number"), [("crash", signal.SIGSEGV), ("abort", signal.SIGABRT)])
def test_a_crash_is_a_death_with_its_signal(
    zygote: Zygote, limits: Limits, entry: str, number: signal.Signals
) -> None:
    """A crash in native code is seen and typed, and a fresh sandbox takes the rest."""
    with zygote.sandbox(limits) as sandbox, pytest.raises(SandboxDied, match=number.name) as caught:
        sandbox.call(f"sandbox_subjects:{entry}", b"", ())
    assert caught.value.signal == number
    with zygote.sandbox(limits) as fresh:
        assert fresh.call("sandbox_subjects:echo", b"on", ()) == b"on"


def test_a_dead_sandbox_refuses_further_calls(sandbox: Sandbox) -> None:
    """Whoever goes on with a spent sandbox is told to take a fresh one."""
    with pytest.raises(SandboxDied):
        sandbox.call("sandbox_subjects:crash", b"", ())
    with pytest.raises(SandboxClosed):
        sandbox.call("sandbox_subjects:echo", b"", ())


def test_the_wall_clock_stops_a_loop(sandbox: Sandbox, eyes: Eyes) -> None:
    """A loop ends soon after its limit, and its process is gone when the caller hears of it."""
    process = eyes.process_of(sandbox)
    started = time.monotonic()
    with pytest.raises(SandboxTimeout) as caught:
        sandbox.call("sandbox_subjects:loop", b"", (), wall_s=0.2)
    assert 0.2 <= time.monotonic() - started < 2.2
    assert (caught.value.clock, caught.value.limit_s) == ("wall", 0.2)
    assert eyes.session_of(process) == []


def test_the_wall_clock_begins_anew_for_each_call(zygote: Zygote) -> None:
    """A message may take longer than a document's limit."""
    brief = Limits(wall_s=0.5, cpu_s=10, memory_bytes=64 * MIB, output_bytes=1024)
    started = time.monotonic()
    with zygote.sandbox(brief) as sandbox:
        while time.monotonic() - started < 0.7:
            sandbox.call("sandbox_subjects:echo", b"", ())


def test_the_cpu_limit_is_a_second_net(zygote: Zygote) -> None:
    """The kernel ends a loop that the wall clock would let run on."""
    hasty = Limits(wall_s=30, cpu_s=0.5, memory_bytes=64 * MIB, output_bytes=1024)
    with zygote.sandbox(hasty) as sandbox, pytest.raises(SandboxTimeout) as caught:
        sandbox.call("sandbox_subjects:loop", b"", ())
    assert caught.value.clock == "cpu"


def test_ignoring_every_signal_does_not_help(sandbox: Sandbox, eyes: Eyes) -> None:
    """A parser that ignores SIGTERM and SIGXCPU is gone within limit + 2 s."""
    process = eyes.process_of(sandbox)
    started = time.monotonic()
    with pytest.raises(SandboxTimeout):
        sandbox.call("sandbox_subjects:loop_deaf", b"", (), wall_s=0.2)
    assert time.monotonic() - started < 2.2
    assert eyes.session_of(process) == []


def test_a_stalled_answer_meets_the_wall_clock(sandbox: Sandbox) -> None:
    """Half an answer does not hold the caller."""
    started = time.monotonic()
    with pytest.raises(SandboxTimeout):
        sandbox.call("sandbox_subjects:stall_midway", b"", (), wall_s=0.3)
    assert time.monotonic() - started < 2.3


def test_nothing_that_was_forked_survives(zygote: Zygote, limits: Limits, eyes: Eyes) -> None:
    """Whatever a sandbox could fork ends with it, even in a session of its own."""
    with zygote.sandbox(limits) as sandbox:
        process = eyes.process_of(sandbox)
        with pytest.raises(SandboxTimeout):
            sandbox.call("sandbox_subjects:fork_many", b"", (), wall_s=0.5)
        left = set(eyes.children_of(zygote.pid or 0))
    assert eyes.session_of(process) == []
    with zygote.sandbox(limits) as spare:
        assert left <= {eyes.process_of(spare)}


def test_filling_memory_is_out_of_memory(sandbox: Sandbox) -> None:
    """A memory hog is stopped at its limit, and told from a crash."""
    with pytest.raises(SandboxOutOfMemory):
        sandbox.call("sandbox_subjects:hog", b"", ())


def test_a_native_abort_with_full_memory_is_out_of_memory(zygote: Zygote) -> None:
    """Native code that dies of a refused allocation is not mistaken for a crash."""
    with zygote.sandbox(Limits(10, 10, 64 * MIB, 1024)) as sandbox, pytest.raises(SandboxOutOfMemory):
        sandbox.call("sandbox_subjects:hog_and_abort", str(56 * MIB).encode(), ())


def test_an_answer_over_its_limit_is_refused(sandbox: Sandbox) -> None:
    """Exactly the limit passes, one byte more does not, and the sandbox goes on."""
    assert len(sandbox.call("sandbox_subjects:of_size", str(MIB).encode(), ())) == MIB
    with pytest.raises(SandboxOutputLimit):
        sandbox.call("sandbox_subjects:of_size", str(MIB + 1).encode(), ())
    assert sandbox.call("sandbox_subjects:echo", b"on", ()) == b"on"


def test_a_lie_about_the_size_costs_no_memory(sandbox: Sandbox) -> None:
    """An announced exabyte is refused before a byte is allocated, and the liar is ended."""
    with pytest.raises(SandboxOutputLimit):
        sandbox.call("sandbox_subjects:forge_size", b"", ())
    with pytest.raises(SandboxClosed):
        sandbox.call("sandbox_subjects:echo", b"", ())


@pytest.mark.parametrize(
    ("entry", "payload"),
    [
        ("forge_noise", b""),
        ("forge_error", b'{"reason": "NO_SUCH_REASON"}'),
        ("forge_error", b"[]"),
        ("forge_error", b"[" * 50_000),
        ("forge_error", b"\xff"),
    ],
)
def test_a_broken_protocol_is_a_death(sandbox: Sandbox, entry: str, payload: bytes) -> None:
    """What no honest sandbox answers ends it."""
    with pytest.raises(SandboxDied) as caught:
        sandbox.call(f"sandbox_subjects:{entry}", payload, ())
    assert caught.value.protocol


def test_killing_from_another_thread_is_no_death(sandbox: Sandbox) -> None:
    """The owner's own kill interrupts a call and is charged to no document."""
    watcher = threading.Thread(target=sandbox.kill)
    watcher.start()
    with pytest.raises(SandboxClosed):
        sandbox.call("sandbox_subjects:loop", b"", ())
    watcher.join()


def test_an_exception_out_of_nowhere_ends_the_sandbox(sandbox: Sandbox, eyes: Eyes) -> None:
    """A soft time limit's signal leaves no loop behind."""
    process = eyes.process_of(sandbox)

    def interrupt(_number: int, _frame: object) -> NoReturn:
        raise InterruptedError("the task's soft time limit")

    earlier = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(InterruptedError):
            sandbox.call("sandbox_subjects:loop", b"", ())
    finally:
        signal.signal(signal.SIGALRM, earlier)
    assert eyes.session_of(process) == []
