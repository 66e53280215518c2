"""Run commands against Valkey, from a server's loop or from a worker.

Every failure of the store becomes one of two typed errors: STATE_STORE_FULL when it refuses for want of
memory, STATE_STORE_UNAVAILABLE for everything else that waiting may mend.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any, TypeVar

import redis
import redis.exceptions

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.ledger.scripts import source

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis as AsyncRedis

    from collatio.runtime.ledger.commands import Command
    from collatio.runtime.ledger.limits import Limits

T = TypeVar("T")
logger = logging.getLogger(__name__)
STORE_ERRORS = (redis.exceptions.RedisError, OSError, TimeoutError)
RETRY_AFTER_S = 2.0


def store_error(error: BaseException) -> CollatioError:
    """Make the typed error for a failure of the store; a fault inside a script of ours is INTERNAL."""
    if isinstance(error, redis.exceptions.OutOfMemoryError) or "OOM command not allowed" in str(error):
        return CollatioError(Reason.STATE_STORE_FULL, retry_after_s=RETRY_AFTER_S)
    if type(error) is redis.exceptions.ResponseError and "user_script" in str(error):
        logger.error("a script failed: %s", error)
        return CollatioError(Reason.INTERNAL)
    return CollatioError(Reason.STATE_STORE_UNAVAILABLE, retry_after_s=RETRY_AFTER_S)


def _server_clock() -> int:
    """Let the script read Valkey's own clock: 0 asks for it."""
    return 0


def wall_ms() -> int:
    """Read this machine's clock, for times shown to people; transitions never use it."""
    return time.time_ns() // 1_000_000


class _Scripts:
    """What both ledgers share: a script's arguments and the reading of its answer."""

    def __init__(self, name: str, limits: Limits, clock: Callable[[], int]) -> None:
        self.name = f"{{collatio:{name}}}"
        self.limits = limits
        self._limits_json = limits.to_json()
        self._clock = clock

    @property
    def event_stream(self) -> str:
        """The stream on which terminal transitions are told."""
        return f"{self.name}:events"

    def _argv(self, command: Command[Any]) -> list[str | bytes]:
        """Write a script's arguments; a name that is no valid Unicode passes through as it is."""
        args = json.dumps(command.args, separators=(",", ":"), ensure_ascii=False)
        return [str(self._clock()), self._limits_json, args.encode("utf-8", "surrogatepass")]

    @staticmethod
    def _answer(raw: Any) -> Any:
        return json.loads(raw.decode("utf-8", "surrogatepass") if isinstance(raw, bytes) else raw)


class Ledger(_Scripts):
    """A stage's ledger, for worker processes. Not for an event loop."""

    def __init__(
        self,
        client: redis.Redis,
        stage: str,
        limits: Limits,
        clock: Callable[[], int] = _server_clock,
    ) -> None:
        super().__init__(stage, limits, clock)
        self._client = client
        self._registered: dict[str, Any] = {}

    def run(self, command: Command[T]) -> T:
        """Run one transition. Errors: STATE_STORE_UNAVAILABLE, STATE_STORE_FULL."""
        script = self._registered.get(command.script)
        if script is None:
            script = self._registered[command.script] = self._client.register_script(source(command.script))
        try:
            raw = script(keys=[self.name], args=self._argv(command))
        except STORE_ERRORS as error:
            raise store_error(error) from error
        return command.read(self._answer(raw))


class AsyncLedger(_Scripts):
    """A stage's ledger, for servers."""

    def __init__(
        self,
        client: AsyncRedis,
        stage: str,
        limits: Limits,
        clock: Callable[[], int] = _server_clock,
    ) -> None:
        super().__init__(stage, limits, clock)
        self.client = client
        self._registered: dict[str, Any] = {}

    async def run(self, command: Command[T]) -> T:
        """Run one transition. Errors: STATE_STORE_UNAVAILABLE, STATE_STORE_FULL."""
        script = self._registered.get(command.script)
        if script is None:
            script = self._registered[command.script] = self.client.register_script(source(command.script))
        try:
            raw = await script(keys=[self.name], args=self._argv(command))
        except STORE_ERRORS as error:
            raise store_error(error) from error
        return command.read(self._answer(raw))
