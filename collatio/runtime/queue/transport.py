"""The broker transport: kombu's for Redis, without its record of the messages in hand.

The ledger knows what is in hand and sends again what is not heard of. kombu's own record (`unacked`) is a second
opinion that costs two round trips a message, and it fails where an outage is: an acknowledgement that the broker
does not take keeps its place in the worker's credit for good, and what is given back on a connection that was let
go of ends the worker. DECISIONS.md 26.
"""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import redis, virtual

logger = logging.getLogger(__name__)


class InHand(virtual.QoS):
    """Counts the messages in hand, in memory: they bound how many more are taken."""

    def restore_unacked(self) -> list[Any]:  # type: ignore[override]  # the stubs say None
        """Put back what is in hand when the channel closes; what cannot be, the ledger sends again."""
        left: list[Any] = super().restore_unacked() or []
        if left:
            logger.warning("messages in hand were not put back", extra={"fields": {"messages": len(left)}})
        return []


class _Counting:
    """A channel whose acknowledgements stay in the process."""

    ack_emulation = False
    QoS: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.QoS = InHand  # after kombu's constructor, which sets its own


class Channel(_Counting, redis.Channel):
    """To one server."""


class SentinelChannel(_Counting, redis.SentinelChannel):
    """To whichever server is the primary."""


class Transport(redis.Transport):
    """kombu's transport for Redis with these channels."""

    Channel = Channel


class SentinelTransport(redis.SentinelTransport):
    """kombu's transport for Redis with Sentinels, with these channels."""

    Channel = SentinelChannel
