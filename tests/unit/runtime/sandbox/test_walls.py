"""What a sandbox cannot do, tried from inside. A wall this kernel lacks is skipped by name."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.sandbox import Isolation, Limits, Zygote

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from collatio.runtime.sandbox import Sandbox

    Attempt = Callable[[str, object], str]

REFUSED = {"PermissionError", "ConnectionRefusedError", "OSError"}


@pytest.fixture
def landlock(isolation: Isolation) -> None:
    """Skip where the kernel has no Landlock."""
    if not isolation.landlock:
        pytest.skip("this kernel has no Landlock")


@pytest.fixture
def seccomp(isolation: Isolation) -> None:
    """Skip where the kernel has no seccomp."""
    if not isolation.seccomp:
        pytest.skip("this kernel has no seccomp")


def test_the_report_says_what_holds(isolation: Isolation) -> None:
    """GetCapabilities tells what was tried, and limits hold everywhere."""
    assert isolation.rlimits
    assert isolation.namespaces == tuple(sorted(isolation.namespaces))
    assert isolation.no_network or not (isolation.seccomp or "net" in isolation.namespaces)


def test_no_connection_reaches_a_listener(attempt: Attempt, isolation: Isolation) -> None:
    """Neither TCP nor UDP leaves: the listener on loopback sees nothing."""
    if not isolation.no_network:
        pytest.skip("this kernel cannot take the network away")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
    ):
        datagrams.bind(("127.0.0.1", 0))
        assert attempt("connect", listener.getsockname()[1]) in REFUSED
        assert attempt("udp", datagrams.getsockname()[1]) in REFUSED
        for server in (listener, datagrams):
            server.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
        with pytest.raises(BlockingIOError):
            datagrams.recv(1)


@pytest.mark.usefixtures("seccomp")
def test_no_unix_socket_is_reached(attempt: Attempt, tmp_path: Path) -> None:
    """A local daemon's socket is as far away as the network."""
    path = str(tmp_path / "daemon")
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(path)
        daemon.listen()
        assert attempt("connect_unix", path) == "PermissionError"


@pytest.mark.usefixtures("landlock")
@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/proc/self/status"])
def test_no_file_is_read(attempt: Attempt, path: str) -> None:
    """The files of the machine cannot be opened."""
    assert attempt("read", path) == "PermissionError"


@pytest.mark.usefixtures("landlock")
def test_no_folder_is_listed(attempt: Attempt, tmp_path: Path) -> None:
    """The names in a folder of the machine cannot be read."""
    assert attempt("list", str(tmp_path)) == "PermissionError"
    assert attempt("list", "/") == "PermissionError"


@pytest.mark.usefixtures("seccomp")
def test_nothing_is_written(attempt: Attempt, tmp_path: Path) -> None:
    """No file is made, changed, removed, or made executable."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"whole")
    victim.chmod(0o600)
    for name in ("write", "chmod", "unlink"):
        assert attempt(name, str(victim)) == "PermissionError"
    assert attempt("write", str(tmp_path / "new")) == "PermissionError"
    assert victim.read_bytes() == b"whole"
    assert victim.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["victim"]


@pytest.mark.usefixtures("seccomp")
@pytest.mark.parametrize("name", ["fork", "spawn", "leave_session"])
def test_no_process_is_made(attempt: Attempt, name: str) -> None:
    """A sandbox stays one process, in its own session."""
    assert attempt(name, None) == "PermissionError"


@pytest.mark.usefixtures("seccomp")
def test_no_process_is_signalled(attempt: Attempt) -> None:
    """Other processes are out of reach, the pool child first of all."""
    assert attempt("kill", os.getpid()) == "PermissionError"


def test_limits_cannot_be_raised(attempt: Attempt) -> None:
    """What was lowered stays lowered."""
    assert attempt("raise_limit", None) in {"PermissionError", "ValueError"}


def test_the_environment_is_empty_of_secrets(limits: Limits, support: str) -> None:
    """A credential in the pool child's environment does not reach a sandbox."""
    os.environ["CANARY"] = "canary-secret"
    try:
        with (
            Zygote(["sandbox_subjects"], extra_path=[support]) as zygote,
            zygote.sandbox(limits) as sandbox,
        ):
            found = json.loads(sandbox.call("sandbox_subjects:environment", b"", ()))
    finally:
        del os.environ["CANARY"]
    assert found.pop("libc") == "0", "getenv() finds nothing either"
    assert set(found) <= {
        "LANG", "LC_CTYPE", "MALLOC_ARENA_MAX", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
        "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    }  # fmt: skip


def test_no_descriptor_comes_along(sandbox: Sandbox) -> None:
    """A sandbox has /dev/null three times, its socket, and nothing of the pool child's or the zygote's."""
    assert json.loads(sandbox.call("sandbox_subjects:descriptors", b"", ())) == [0, 1, 2, 3]


@pytest.mark.parametrize("module", ["xml.dom.minidom", "sqlite3", "encodings.cp1250"])
def test_modules_still_load_late(sandbox: Sandbox, module: str) -> None:
    """The walls let Python read itself, native extensions included."""
    assert sandbox.call("sandbox_subjects:import_late", module.encode(), ()).decode() in module


def test_threads_still_run(sandbox: Sandbox) -> None:
    """Parsers that use threads work."""
    assert sandbox.call("sandbox_subjects:in_a_thread", b"done", ()) == b"done"
