"""The worker's consumer: Celery's, for which a loss of the broker costs no message, no worker and little time."""

from __future__ import annotations

import logging
import time
from typing import Any

from celery.worker import consumer
from celery.worker.state import maybe_shutdown

logger = logging.getLogger(__name__)
RETRY_S = 0.5
RETRY_MAX_S = 2.0


class Consumer(consumer.Consumer):
    """Works again within seconds of the broker's return, however long it was away."""

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Let go of a connection that broke. What is in hand runs on here, so it is not put back for others."""
        transport: Any = self.connection.transport if self.connection else None
        for channel in transport.channels if transport else ():
            channel.do_restore = False
        super().on_connection_error_after_connected(exc)
        time.sleep(RETRY_S)  # a broker that answers and refuses would be asked again at once

    def ensure_connected(self, conn: Any) -> Any:
        """Wait for the broker; Celery's own waits grow to half a minute between two attempts."""
        conn.ensure_connection(
            _tell,
            self.app.conf.broker_connection_max_retries,
            interval_start=RETRY_S,
            interval_step=RETRY_S,
            interval_max=RETRY_MAX_S,
            callback=maybe_shutdown,
        )
        self.first_connection_attempt = False
        return conn


def _tell(error: Exception, wait_s: float) -> None:
    logger.warning("the broker is away: %s", error, extra={"fields": {"retry_s": wait_s}})
