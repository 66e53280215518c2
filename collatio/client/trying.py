"""When a call is tried again, and what a failed one is called.

Rules. A gateway that has answered this client once is waited for, up to `patience_s`, because gateways are
replaced while jobs run; one that never answered is reported at once. Only what the transport or UNAVAILABLE
broke is tried again: a refusal is an answer. Each wait is a backoff with jitter, at least as long as the
server asked for (AIP-194, RetryInfo).
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
import grpc.aio

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.rpc.status import from_rpc_error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Answer = TypeVar("Answer")
Broken = grpc.aio.AioRpcError | TimeoutError | EOFError

_DETAILS_KEY = "grpc-status-details-bin"
_CAUSE_CHARS_MAX = 120
# What a cut connection or a proxy leaves behind. With details it is the gateway's own word, and final.
_CUT_CODES = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED})
_CUTS_MAX = 5


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from `base_s` up to `cap_s`, each scaled by a jitter from a half to one."""

    base_s: float = 0.2
    cap_s: float = 5.0

    def delay_s(self, tries: int, jitter: float) -> float:
        """Say how long to wait after so many failed tries (from 1), for a jitter of 0..1."""
        full = min(self.cap_s, self.base_s * 2.0 ** min(tries - 1, 16))
        return full * (0.5 + jitter / 2)


@dataclass(slots=True)
class Link:
    """What all calls of a client share: how patient they are, and whether the gateway ever answered."""

    where: str
    patience_s: float = 60.0
    backoff: Backoff = field(default_factory=Backoff)
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random
    reached: bool = False

    async def again(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        """Run an attempt that is safe to repeat until it answers.

        Errors: `CollatioError`, once trying again is of no use.
        """
        trying = Trying(self)
        while True:
            try:
                answer = await attempt()
            except (grpc.aio.AioRpcError, TimeoutError) as error:
                await trying.failed(error)
            else:
                trying.answered()
                return answer

    def error(self, broken: Broken) -> CollatioError:
        """Make the typed error of a broken call, naming the gateway where the gateway itself is missing."""
        if isinstance(broken, TimeoutError):
            return self._missing(f"The gateway at {self.where} fell silent.")
        if isinstance(broken, EOFError):
            return self._missing(f"The gateway at {self.where} ends its streams too early.")
        if broken.code() is not grpc.StatusCode.UNAVAILABLE or _says_why(broken):
            return from_rpc_error(broken)
        cause = (broken.details() or "").rsplit(": ", 1)[-1].strip()[:_CAUSE_CHARS_MAX]
        verb = "no longer answers" if self.reached else "does not answer"
        return self._missing(f"The gateway at {self.where} {verb}{f' ({cause})' if cause else ''}.")

    def _missing(self, message: str) -> CollatioError:
        return CollatioError(Reason.STAGE_UNAVAILABLE, message, metadata={"gateway": self.where})


class Trying:
    """The tries of one call. `answered` after every answer, `failed` after every break."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._tries = 0
        self._until: float | None = None

    def answered(self) -> None:
        """Note an answer: patience begins anew."""
        self._link.reached = True
        self._tries = 0
        self._until = None

    async def failed(self, broken: Broken) -> None:
        """Wait before the next try. EOFError stands for a stream that its server ended too early.

        Errors: `CollatioError` if there should be none.
        """
        link = self._link
        error = link.error(broken)
        self._tries += 1
        now = link.monotonic()
        if self._until is None:
            self._until = now + link.patience_s
        if not self._may_help(broken) or now >= self._until:
            raise error from broken
        await link.sleep(max(link.backoff.delay_s(self._tries, link.jitter()), error.retry_after_s or 0.0))

    def _may_help(self, broken: Broken) -> bool:
        if not isinstance(broken, grpc.aio.AioRpcError):
            return True
        if broken.code() is grpc.StatusCode.UNAVAILABLE:
            return self._link.reached
        return broken.code() in _CUT_CODES and not _says_why(broken) and self._tries < _CUTS_MAX


def _says_why(error: grpc.aio.AioRpcError) -> bool:
    """Tell whether a status carries details, which only a server of ours attaches."""
    trailing: Any = error.trailing_metadata()  # the stubs type it as one pair
    return _DETAILS_KEY in (trailing or ())
