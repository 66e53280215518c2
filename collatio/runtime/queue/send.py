"""Send messages of one job under one PRODUCER span, its context and the time of sending in each message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError
from collatio.runtime.failpoints import reach
from collatio.runtime.telemetry.messages import sending
from collatio.runtime.telemetry.traceparent import context_from
from collatio.runtime.telemetry.tracing import mark_failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collatio.runtime.ledger.records import Message
    from collatio.runtime.queue.publish import Publisher
    from collatio.runtime.telemetry.tracing import Tracing

HEADER_TENANT = "collatio-tenant"
HEADER_JOB = "collatio-job"


class Sender:
    """Publishes for one stage. `time_limit_s` is a message's hard limit in Celery."""

    def __init__(self, publisher: Publisher, queue: str, tracing: Tracing, time_limit_s: float) -> None:
        self._publisher = publisher
        self._queue = queue
        self._tracing = tracing
        self._time_limit_s = time_limit_s

    async def send(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Publish messages of one job, in order; return those that could not be published."""
        first = messages[0]
        parent = context_from(first.traceparent, first.job)
        with sending(self._tracing, self._queue, message_count=len(messages), parent=parent) as batch:
            for index, message in enumerate(messages):
                headers = {**batch.headers(), HEADER_TENANT: message.tenant, HEADER_JOB: message.job}
                try:
                    reach("dispatcher.publish.before")
                    await self._publisher.publish(message, headers, self._time_limit_s)
                except CollatioError as error:
                    mark_failed(batch.span, error)
                    return messages[index:]
        reach("dispatcher.publish.after")
        return ()

    async def close(self) -> None:
        """Let go of the connection."""
        await self._publisher.close()
