"""Put messages on a stage's queue from a server, without blocking its loop.

One thread holds one producer: kombu's is not thread-safe, and a publish costs 0.3 ms, a connection far more.
Celery is loaded in that thread, so that a server answers before it is.
"""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.queue.names import task_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collatio.runtime.ledger.records import Message


class Publisher(Protocol):
    """Where messages go."""

    async def publish(self, message: Message, headers: Mapping[str, str], time_limit_s: float) -> None:
        """Queue a message. Errors: STATE_STORE_UNAVAILABLE."""

    async def close(self) -> None:
        """Let go of the connection."""


class CeleryPublisher:
    """Publishes to a stage's Celery queue."""

    def __init__(self, stage: str, state_url: str) -> None:
        self._stage, self._url = stage, state_url
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"publish-{stage}")
        self._app: Any = None
        self._producer: Any = None

    async def warm(self) -> None:
        """Load Celery and connect, so that the first message does not wait for it."""
        await self._in_thread(self._connect)

    async def publish(self, message: Message, headers: Mapping[str, str], time_limit_s: float) -> None:
        """Queue a message. Errors: STATE_STORE_UNAVAILABLE."""
        await self._in_thread(self._send, message, dict(headers), time_limit_s)

    async def close(self) -> None:
        """Let go of the connection."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, work: Any, *args: Any) -> None:
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, lambda: context.run(work, *args))

    def _connect(self) -> None:
        from collatio.runtime.queue.app import make_app  # noqa: PLC0415 - Celery loads in this thread

        if self._app is None:
            self._app = make_app(self._stage, self._url)
        if self._producer is None:
            self._producer = self._app.amqp.Producer(self._app.connection_for_write())

    def _send(self, message: Message, headers: dict[str, str], time_limit_s: float) -> None:
        try:
            self._connect()
            self._app.send_task(
                task_name(self._stage),
                args=[message.message, list(message.steps)],
                producer=self._producer,
                headers=headers,
                task_id=message.message,
                time_limit=time_limit_s,
                ignore_result=True,
            )
        except Exception as error:  # kombu raises the transport's own classes, which differ by broker
            self._producer = None
            raise CollatioError(Reason.STATE_STORE_UNAVAILABLE) from error
