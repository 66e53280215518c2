"""Run untrusted parsing and comparing where a crash, a loop or an exploit costs one document.

`Zygote` makes forked, confined sandboxes; `InProcess` offers the same two Protocols without isolation.
A pool child keeps one `Zygote` for its life, takes one sandbox for each message and ends it with the message:

    with Zygote(["extract_svc.sandboxed"]) as zygote, zygote.sandbox(limits) as sandbox:
        answer = sandbox.call("extract_svc.sandboxed:extract", header, [descriptor])

Three processes take part. The *pool child* holds credentials and trusts nothing it receives. The *zygote*
(`child/main.py`) is exec'd without credentials, imports the parsers once and only forks. The *sandbox*
(`child/serve.py`) is a fork of it that has given up everything but its one socket before it sees a byte.
"""

from __future__ import annotations

from collatio.runtime.sandbox.errors import (
    SandboxClosed,
    SandboxDied,
    SandboxError,
    SandboxFailed,
    SandboxLost,
    SandboxOutOfMemory,
    SandboxOutputLimit,
    SandboxTimeout,
    SandboxUnavailable,
)
from collatio.runtime.sandbox.inprocess import InProcess
from collatio.runtime.sandbox.isolation import Isolation
from collatio.runtime.sandbox.limits import Limits
from collatio.runtime.sandbox.protocol import Sandbox, SandboxFactory
from collatio.runtime.sandbox.zygote import Zygote

__all__ = [
    "InProcess",
    "Isolation",
    "Limits",
    "Sandbox",
    "SandboxClosed",
    "SandboxDied",
    "SandboxError",
    "SandboxFactory",
    "SandboxFailed",
    "SandboxLost",
    "SandboxOutOfMemory",
    "SandboxOutputLimit",
    "SandboxTimeout",
    "SandboxUnavailable",
    "Zygote",
]
