"""What every program does around its own work: settings, logs, telemetry, signals, an orderly end.

A stage's `__main__` is its composition root: it names its settings class and what to build, and calls `main`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from collatio.runtime import failpoints
from collatio.runtime.errors import CollatioError
from collatio.runtime.ledger.limits import Limits
from collatio.runtime.settings import (
    address,
    count,
    describe,
    not_negative,
    one_of,
    positive,
    read,
    setting,
    switch,
)
from collatio.runtime.state_url import parse_state_url

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from collatio.runtime.telemetry.provider import Telemetry

S = TypeVar("S", bound="ServiceSettings")
logger = logging.getLogger(__name__)
USAGE_STATUS = 2
FLUSH_S = 2.0


def _autoscale(text: str) -> str:
    most, _, least = text.partition(",")
    if not (most.isdigit() and least.isdigit() and 1 <= int(least) <= int(most)):
        raise ValueError("must be MAX,MIN, e.g. 10,2")
    return text


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """Settings that every program of the mesh has."""

    state_url: str = setting(
        "Valkey or Redis: redis[s]://[user:password@]HOST:PORT/DB, or "
        "sentinel://[user:password@]HOST:PORT[,HOST:PORT]/DB?primary=NAME",
        parse=parse_state_url,
    )
    blob_url: str = setting("the blob store: file:///folder, s3://bucket/prefix, gs://, az://")
    data_dir: Path | None = setting(  # noqa: RUF009 - it makes a field; the union hides that from the rule
        "folder for trace files when no OTLP endpoint is set", parse=Path, default=None
    )
    listen: str = setting(
        "HOST:PORT to serve on; port 0 takes a free one", parse=address, default="127.0.0.1:0"
    )
    insecure: bool = setting(
        "serve beyond loopback in the clear: a network of the mesh's own", parse=switch, default=False
    )
    env: str = setting(
        "production refuses test doors", parse=one_of("production", "embedded", "test"), default="production"
    )
    lease_s: float = setting("a step's and a job's lease, seconds", parse=positive, default=30.0)
    dispatch_s: float = setting(
        "seconds until an unclaimed message is sent again", parse=positive, default=60.0
    )
    drain_s: float = setting(
        "seconds between NOT_SERVING and the end of streams", parse=not_negative, default=4.0
    )
    grace_s: float = setting("seconds that running calls get at the stop", parse=not_negative, default=25.0)
    soft_shutdown_s: float = setting("seconds a worker's steps get at the stop", parse=positive, default=25.0)
    failpoints: Path | None = setting(  # noqa: RUF009 - it makes a field; the union hides that from the rule
        "folder whose files arm failpoints; tests only", parse=Path, default=None
    )
    log_level: str = setting(
        "least level logged", parse=one_of("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO"
    )
    log_format: str = setting("json, or plain on a terminal", parse=one_of("json", "plain"), default="json")

    @property
    def limits(self) -> Limits:
        """The ledger's limits that follow from the leases."""
        return Limits.for_leases(self.lease_s, self.dispatch_s)


@dataclass(frozen=True, kw_only=True)
class StageSettings(ServiceSettings):
    """Settings that every stage has."""

    concurrency: int = setting("processes in the worker pool", parse=count, default=os.cpu_count() or 1)
    autoscale: str = setting("MAX,MIN processes instead of a fixed number", parse=_autoscale, default="")
    tasks_per_child: int = setting(
        "messages after which a pool process is replaced", parse=count, default=1_000
    )
    step_ttl_s: float = setting(
        "seconds a step's outcome is known after its last use; longer than a job's results are kept",
        parse=positive,
        default=14 * 86_400.0,
    )

    @property
    def limits(self) -> Limits:
        """The ledger's limits: those of the leases, and how long outcomes are known."""
        return replace(super().limits, step_ttl_ms=round(self.step_ttl_s * 1000))


@dataclass(frozen=True, slots=True)
class Command:
    """A word after the program's name, and what it runs."""

    run: Callable[[Any], None]
    meaning: str


def main(
    program: str, settings: type[ServiceSettings], commands: Mapping[str, Command], argv: Sequence[str]
) -> None:
    """Run a program's command; exit status 2 for a wrong word or setting, with all faults told."""
    word = argv[0] if argv else ""
    if word in {"-h", "--help"} or word not in commands:
        stream = sys.stdout if word in {"-h", "--help"} else sys.stderr
        print(_help(program, settings, commands), file=stream)
        raise SystemExit(0 if stream is sys.stdout else USAGE_STATUS)
    # Read when billiard is imported: SIGTERM then begins Celery's soft shutdown (RELIABILITY section 3).
    os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
    try:
        values = read(settings, argv[1:], os.environ)
        failpoints.enable(values.failpoints, values.env, program)
        commands[word].run(values)
    except CollatioError as error:
        print(f"{program}: {error.reason}: {error.message}", file=sys.stderr)  # noqa: T201 - told before logs exist
        raise SystemExit(USAGE_STATUS) from error


def _help(program: str, settings: type[ServiceSettings], commands: Mapping[str, Command]) -> str:
    words = "\n".join(f"  {word:10} {command.meaning}" for word, command in commands.items())
    return f"usage: python -m {program} COMMAND [--flag VALUE …]\n\n{words}\n\n{describe(settings)}"


def make_telemetry(service: str, settings: ServiceSettings) -> Telemetry:
    """Configure this process's telemetry from OTEL_* and the data folder."""
    from collatio.runtime.telemetry.provider import configure  # noqa: PLC0415 - after the fork in a worker

    return configure(
        service,
        environ=os.environ,
        data_dir=settings.data_dir,
        instance_id=f"{socket.gethostname()}-{os.getpid()}",
        version=version("collatio"),
    )


def set_up_logging(service: str, settings: ServiceSettings) -> None:
    """Send logs to stderr, as JSON lines or for a person."""
    from collatio.runtime.telemetry.logs import configure_logging  # noqa: PLC0415 - settings are read first

    configure_logging(settings.log_level, sys.stderr, service=service, json=settings.log_format == "json")


def run_async(body: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run a server's coroutine; the event it is given is set by SIGTERM or SIGINT."""

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await body(stop)

    with suppress(KeyboardInterrupt):
        asyncio.run(run())
