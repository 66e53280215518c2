"""Finding out what is in force: a real sandbox tries what must not work."""

from __future__ import annotations

import json
import socket
import sys
from typing import TYPE_CHECKING

from collatio.runtime.sandbox.child.attempts import ENTRY, namespace_ids
from collatio.runtime.sandbox.isolation import Isolation
from collatio.runtime.sandbox.limits import Limits

if TYPE_CHECKING:
    from collatio.runtime.sandbox.protocol import SandboxFactory

_LIMITS = Limits(wall_s=10, cpu_s=10, memory_bytes=256 * 1024 * 1024, output_bytes=64 * 1024)


def probe(factory: SandboxFactory) -> Isolation:
    """Try each wall from inside a fresh sandbox. Raises what making and calling one raises."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with factory.sandbox(_LIMITS) as sandbox:
            found = json.loads(sandbox.call(ENTRY, json.dumps({"port": port}).encode(), ()))
    outside = namespace_ids()
    inside = found["namespaces"]
    return Isolation(
        rlimits=found["rlimits"],
        namespaces=tuple(sorted(name for name in outside if inside.get(name) != outside[name])),
        landlock=found["landlock"] if sys.platform == "linux" else 0,
        seccomp=found["seccomp"],
        no_network=found["no_network"],
    )
