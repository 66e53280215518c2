"""A connection to a mesh for the length of a command: the one that was named, or one of the command's own."""

from __future__ import annotations

import os
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.cli.output.nearby import NearbyResults
from collatio.cli.running import watching_over
from collatio.client import Client
from collatio.runtime.blobs.local import LocalBlobs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from collatio.cli.output.findings import Results
    from collatio.cli.surroundings import Surroundings
    from collatio.cli.talk import Talk

TRACES, BLOBS = "traces", "blobs"
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Session:
    """A client, where results are read, and what is known of a mesh of the command's own.

    That is what it reads in place, and where its traces lie.
    """

    client: Client
    results: Results
    roots: tuple[Path, ...] = ()
    traces: Path | None = None


@asynccontextmanager
async def open_session(
    surroundings: Surroundings,
    talk: Talk,
    *,
    gateway: str | None,
    data_dir: Path | None = None,
    roots: tuple[Path, ...] = (),
) -> AsyncIterator[Session]:
    """Connect to the gateway named, or start a mesh for the length of the context.

    Errors: `CollatioError` where the mesh does not come up, or cannot go on.
    """
    if gateway is not None:
        async with connect(gateway) as client:
            yield Session(client, client)
        return
    began = surroundings.monotonic()
    async with surroundings.open_mesh(data_dir=data_dir, port=None, roots=roots) as mesh:
        talk.say(f"mesh up in {surroundings.monotonic() - began:.1f} s")
        async with watching_over(mesh), connect(mesh.gateway_target) as client:
            results = NearbyResults(client, LocalBlobs(mesh.data_dir / BLOBS))
            yield Session(client, results, roots, mesh.data_dir / TRACES)


def connect(gateway: str) -> Client:
    """Make a client that passes on the caller's trace (W3C Trace Context, in TRACEPARENT)."""
    traceparent = os.environ.get("TRACEPARENT", "")
    passed_on = [("traceparent", traceparent)] if _TRACEPARENT.fullmatch(traceparent) else []
    return Client(gateway, metadata=passed_on)
