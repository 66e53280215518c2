"""A worker's connection to the primary that Sentinels name.

redis-py's own stays open after a time-out, with an answer still to come that the next command would read as its own;
and a command that is tried again goes to the address of before, where a failover has left nothing to find.
"""

from __future__ import annotations

from typing import Any

from redis.sentinel import SentinelManagedConnection
from redis.utils import SENTINEL


class PrimaryConnection(SentinelManagedConnection):
    """A connection that closes when an answer fails, and asks the Sentinels anew whenever it opens."""

    def read_response(
        self,
        disable_decoding: bool = False,
        *,
        timeout: Any = SENTINEL,
        disconnect_on_error: bool | None = True,
        push_request: bool | None = False,
    ) -> Any:
        """Read an answer."""
        return super().read_response(
            disable_decoding,
            timeout=timeout,
            disconnect_on_error=disconnect_on_error,
            push_request=push_request,
        )

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send a command, over a new connection where the last one is closed."""
        self._connect_retry()  # type: ignore[no-untyped-call] # redis-py
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call] # redis-py
