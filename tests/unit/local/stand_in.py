"""A stand-in for the mesh's programs: `serve ADDRESS`, `work`, `stubborn`, `broken`, `silent`.

`work` forks a child into its own process group and one into a session of its own, as pools and sandboxes do,
and writes their ids beside its log.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path


async def serve(address: str) -> None:
    """Answer the health protocol until SIGTERM."""
    import grpc
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc

    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(address)
    await server.start()
    await servicer.set("collatio.v1.JobService", health_pb2.HealthCheckResponse.SERVING)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(0)


def work() -> None:
    """Fork two children and wait for SIGTERM, leaving them behind."""
    children = Path(os.environ["COLLATIO_DATA_DIR"], "logs", "children")
    for escape in (False, True):
        pid = os.fork()
        if pid == 0:
            if escape:
                os.setsid()
            wait_for_ever()
        with children.open("a") as file:
            file.write(f"{pid}\n")
    wait_for_ever()


def wait_for_ever() -> None:
    """Do nothing until a signal ends the process."""
    while True:
        signal.pause()


def main() -> None:
    """Play the part that the arguments name."""
    match sys.argv[1:]:
        case ["serve", address]:
            asyncio.run(serve(address))
        case ["work"]:
            work()
        case ["stubborn"]:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            wait_for_ever()
        case ["broken"]:
            sys.stdout.write(json.dumps({"level": "error", "message": "a setting is missing"}) + "\n")
            sys.exit(2)
        case ["silent"]:
            wait_for_ever()


if __name__ == "__main__":
    main()
