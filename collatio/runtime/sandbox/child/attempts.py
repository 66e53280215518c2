"""What a sandbox tries, when asked, to learn which of its walls hold."""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from collatio.runtime.sandbox.child import landlock
from collatio.runtime.sandbox.child.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

MODULE = __name__
ENTRY = f"{MODULE}:attempt_everything"
_OUTSIDE = "/proc/self/status"  # there on every Linux, and nothing a parser needs


def attempt_everything(header: bytes, _inputs: Sequence[BinaryIO]) -> bytes:
    """Try a connection, a forbidden file and a fork; tell which were refused, and the limits that stand."""
    port = json.loads(header)["port"]
    found = {
        "rlimits": _limits_stand(),
        "namespaces": namespace_ids(),
        "landlock": landlock.abi(Kernel()) if sys.platform == "linux" and _refused_file() else 0,
        "seccomp": _refused_fork(),
        "no_network": _refused_connection(port),
    }
    return json.dumps(found).encode()


def namespace_ids() -> dict[str, str]:
    """Name this process's namespaces by the kernel's ids; empty where there are none."""
    folder = Path("/proc/self/ns")
    names = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
    return {name: str((folder / name).readlink()) for name in names} if sys.platform == "linux" else {}


def _limits_stand() -> bool:
    kinds = [resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_CPU]
    if sys.platform == "linux":
        kinds += [resource.RLIMIT_AS, resource.RLIMIT_DATA]
    return all(resource.getrlimit(kind)[0] != resource.RLIM_INFINITY for kind in kinds)


def _refused_file() -> bool:
    try:
        os.close(os.open(_OUTSIDE, os.O_RDONLY))
    except PermissionError:
        return True
    return False


def _refused_fork() -> bool:
    try:
        child = os.fork()
    except PermissionError:
        return True
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return False


def _refused_connection(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return True
    return False
