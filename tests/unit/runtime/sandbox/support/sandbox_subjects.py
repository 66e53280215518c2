"""What the sandbox tests run inside: honest work, mistakes, and attacks."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

CHANNEL = 3


def echo(header: bytes, _inputs: Sequence[BinaryIO]) -> bytes:
    """Answer with the header."""
    return header


def read_all(header: bytes, inputs: Sequence[BinaryIO]) -> bytes:
    """Answer with the header and all inputs."""
    return header + b"".join(file.read() for file in inputs)


def process_id(_header: bytes, _inputs: Sequence[BinaryIO]) -> bytes:
    """Answer with the process id."""
    return str(os.getpid()).encode()


def of_size(header: bytes, _inputs: Sequence[BinaryIO]) -> bytes:
    """Answer with as many bytes as the header says."""
    return b"x" * int(header)


def environment(_header: bytes, _inputs: Sequence[BinaryIO]) -> bytes:
    """Answer with the environment, Python's and the C library's."""
    return json.dumps({**os.environ, "libc": str(ctypes.CDLL(None).getenv(b"CANARY"))}).encode()


def descriptors(_header: bytes, _inputs: Sequence[BinaryIO]) -> bytes:
    """Answer with the descriptors that are open."""
    return json.dumps([number for number in range(256) if _open(number)]).encode()


def import_late(header: bytes, _inputs: Sequence[BinaryIO]) -> bytes:
    """Import a module that nothing has loaded before."""
    return str(__import__(header.decode()).__name__).encode()


def in_a_thread(header: bytes, _inputs: Sequence[BinaryIO]) -> bytes:
    """Do the work in a thread, as native parsers may."""
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(header))
    thread.start()
    thread.join()
    return found[0]


def raise_typed(_header: bytes, _inputs: Sequence[BinaryIO]) -> NoReturn:
    """Fail with a typed error."""
    raise CollatioError(
        Reason.ENCRYPTED, "It has a lock.", retry_after_s=2.5, metadata={"cipher": "a", "pages": "2"}
    )


def raise_untyped(header: bytes, _inputs: Sequence[BinaryIO]) -> NoReturn:
    """Fail with an exception that quotes the document."""
    raise RuntimeError(header.decode())


def leave(header: bytes, _inputs: Sequence[BinaryIO]) -> NoReturn:
    """End as Python programs end."""
    raise SystemExit(header.decode())


def vanish(header: bytes, _inputs: Sequence[BinaryIO]) -> NoReturn:
    """End the process without an answer."""
    os._exit(int(header))


def crash(_header: bytes, _inputs: Sequence[BinaryIO]) -> bytes:
    """Read address 0."""
    return ctypes.string_at(0)


def abort(_header: bytes, _inputs: Sequence[BinaryIO]) -> NoReturn:
    """End as a C++ or Rust program does that has lost its way."""
    os.abort()


def loop(_header: bytes, _inputs: Sequence[BinaryIO]) -> NoReturn:
    """Compute for ever."""
    while True:
        pass


def loop_deaf(_header: bytes, _inputs: Sequence[BinaryIO]) -> NoReturn:
    """Compute for ever, with every signal ignored that can be."""
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(1)


def hog(_header: bytes, _inputs: Sequence[BinaryIO]) -> NoReturn:
    """Fill memory from Python."""
    held = []
    while True:
        held.append(bytearray(8 * 1024 * 1024))


def hog_and_abort(header: bytes, _inputs: Sequence[BinaryIO]) -> NoReturn:
    """Fill so much memory natively, then fail as an allocator does whose caller cannot go on."""
    size = int(header)
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    ctypes.memset(libc.malloc(ctypes.c_size_t(size)), 1, size)
    os.abort()


def fork_many(_header: bytes, _inputs: Sequence[BinaryIO]) -> NoReturn:
    """Fork as often as the walls let it, one child in a session of its own, and wait for ever."""
    for turn in range(20):
        try:
            child = os.fork()
        except OSError:
            continue
        if child == 0:
            if turn % 2:
                os.setsid()
            loop_deaf(b"", ())
    loop_deaf(b"", ())


def forge_size(_header: bytes, _inputs: Sequence[BinaryIO]) -> NoReturn:
    """Announce an answer of an exabyte."""
    os.write(CHANNEL, struct.pack("!BIQ", 2, 1, 1 << 60))
    loop_deaf(b"", ())


def forge_noise(_header: bytes, _inputs: Sequence[BinaryIO]) -> NoReturn:
    """Answer with noise."""
    os.write(CHANNEL, b"\xff" * 64)
    loop_deaf(b"", ())


def forge_error(header: bytes, _inputs: Sequence[BinaryIO]) -> NoReturn:
    """Answer with a typed error's frame around the header."""
    os.write(CHANNEL, struct.pack("!BIQ", 3, 1, len(header)) + header)
    loop_deaf(b"", ())


def stall_midway(_header: bytes, _inputs: Sequence[BinaryIO]) -> NoReturn:
    """Announce a large answer, send a part of it, and wait for ever."""
    os.write(CHANNEL, struct.pack("!BIQ", 2, 1, 100_000) + b"x" * 50_000)
    loop_deaf(b"", ())


def attempt(header: bytes, _inputs: Sequence[BinaryIO]) -> bytes:
    """Try one forbidden thing; answers "done" or the refusal's class name."""
    name, argument = json.loads(header)
    try:
        _ATTEMPTS[name](argument)
    except (OSError, ValueError) as error:
        return type(error).__name__.encode()
    return b"done"


def _open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _spawn(_argument: object) -> None:
    subprocess.run(["/bin/true"], check=True)


def _raise_limit(_argument: object) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (10_000, 10_000))


_ATTEMPTS: dict[str, Callable[..., object]] = {
    "read": lambda path: Path(path).read_bytes(),
    "list": os.listdir,
    "write": lambda path: Path(path).write_bytes(b"x"),
    "chmod": lambda path: Path(path).chmod(0o777),
    "unlink": lambda path: Path(path).unlink(),
    "connect": lambda port: socket.create_connection(("127.0.0.1", port), timeout=2),
    "connect_unix": lambda path: socket.socket(socket.AF_UNIX).connect(path),
    "udp": lambda port: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port)),
    "kill": lambda pid: os.kill(pid, 0),
    "fork": lambda _: os.fork(),
    "spawn": _spawn,
    "raise_limit": _raise_limit,
    "leave_session": lambda _: os.setsid(),
}
