"""The zygote: exec'd without credentials, warm with parsers, forking sandboxes on order.

It dies with its parent twice over: by the kernel's death signal, and by the end of its control socket. SIGTERM
and SIGINT pass it by, since a supervisor may signal a whole control group while the parent still drains.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
from typing import TYPE_CHECKING

from collatio.runtime.sandbox import control
from collatio.runtime.sandbox.child import attempts
from collatio.runtime.sandbox.child.footprint import measure, threads
from collatio.runtime.sandbox.child.nursery import Nursery
from collatio.runtime.sandbox.child.plan import close_behind, prepare
from collatio.runtime.sandbox.child.traces import locations, type_name

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(descriptor: int) -> None:
    """Read the brief, warm up, and obey orders until the socket ends."""
    os.set_inheritable(descriptor, False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as pool_child:
        (size,) = control.LENGTH.unpack(control.exactly(pool_child, control.LENGTH.size))
        brief = control.Brief.decode(control.exactly(pool_child, size))
        modules = (*brief.preload, attempts.MODULE)
        gc.disable()  # a collection would touch, and so copy, pages that the forks share
        plan = prepare(brief.readable)
        fault = preload(modules)
        if fault is None:
            close_behind(plan)
            gc.collect()
            gc.freeze()
        pool_child.sendall(control.with_length(json.dumps({"fault": fault}).encode()))
        if fault is None:
            Nursery(pool_child, plan, modules, measure()).obey()


def preload(modules: Sequence[str]) -> str | None:
    """Import every module; returns what went wrong with the first that fails, in a sentence."""
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - any module's any mistake is told to the parent
            return f"preloading {name}: {type_name(error)} at {locations(error)[-1]}"
        if threads() > 1:
            return f"preloading {name} started a thread, and a process with threads cannot fork safely"
    return None
