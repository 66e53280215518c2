"""The two stores of a mesh, Valkey and the blobs, and the check that they belong together.

A Valkey with Sentinels is asked for anew at each connect: a client follows its primary through a failover.

What was sent and not answered in time is not sent again: a store that was frozen does it all when it goes on, and
whoever asked twice hears the second answer alone. A connection that is closed or refused is another matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.ledger.ledger import STORE_ERRORS, store_error
from collatio.runtime.state_url import sentinels_of

if TYPE_CHECKING:
    import redis
    from redis.asyncio import Redis as AsyncRedis

    from collatio.runtime.state_url import Sentinels

STORE_ID_KEY = "{collatio}:store-id"
TIMEOUT_S = 5.0
CONNECTIONS_MAX = 64
PATIENCE_S = 60
"""How long a worker tries to connect with a message in hand: given up, the message is sent again no sooner (D)."""


def connect_async(state_url: str, *, timeout_s: float = TIMEOUT_S) -> AsyncRedis:
    """Open a server's connections to Valkey, with bounded waits; who finds all of them in use waits for one."""
    from redis.asyncio import BlockingConnectionPool, Redis, Sentinel  # noqa: PLC0415 - workers do not load it
    from redis.asyncio.retry import Retry  # noqa: PLC0415 - same
    from redis.asyncio.sentinel import SentinelConnectionPool  # noqa: PLC0415 - same
    from redis.backoff import NoBackoff  # noqa: PLC0415 - same
    from redis.exceptions import ConnectionError  # noqa: A004, PLC0415 - same; the client's, not the system's

    class WatchedPool(SentinelConnectionPool, BlockingConnectionPool):
        """A pool that waits as the other does, of connections to whichever server is the primary."""

    waits = _waits(timeout_s)
    options: dict[str, Any] = {
        **waits,
        "timeout": timeout_s,
        "max_connections": CONNECTIONS_MAX,
        "retry": Retry(NoBackoff(), 1, (ConnectionError,)),  # what was closed while idle is opened anew
    }
    pool: Any
    if sentinels := sentinels_of(state_url):
        once = {**waits, "retry": Retry(NoBackoff(), 0)}  # there are others to ask
        watch: Any = Sentinel(sentinels.nodes, sentinel_kwargs=once)  # type: ignore[no-untyped-call] # redis-py
        pool = WatchedPool(sentinels.primary, watch, **_login(sentinels), **options)  # type: ignore[no-untyped-call] # redis-py
    else:
        pool = BlockingConnectionPool.from_url(state_url, **options)
    client: AsyncRedis = Redis.from_pool(pool)
    return client


def connect(state_url: str, *, timeout_s: float = TIMEOUT_S, patience_s: int = PATIENCE_S) -> redis.Redis:
    """Open a worker's connection to Valkey, with bounded waits: it is tried again each second for `patience_s`."""
    from redis import Redis, Sentinel  # noqa: PLC0415 - servers do not need it
    from redis.backoff import ConstantBackoff, NoBackoff  # noqa: PLC0415 - same
    from redis.exceptions import ConnectionError  # noqa: A004, PLC0415 - same; the client's, not the system's
    from redis.retry import Retry  # noqa: PLC0415 - same

    waits = _waits(timeout_s)
    options = {**waits, "retry": Retry(ConstantBackoff(1.0), patience_s, (ConnectionError,))}
    if sentinels := sentinels_of(state_url):
        from collatio.runtime.primary_connection import PrimaryConnection  # noqa: PLC0415 - few have Sentinels

        once = {**waits, "retry": Retry(NoBackoff(), 0)}  # there are others to ask
        watch: Any = Sentinel(sentinels.nodes, sentinel_kwargs=once)  # type: ignore[no-untyped-call] # redis-py
        login = _login(sentinels)
        client: redis.Redis = watch.master_for(
            sentinels.primary, connection_class=PrimaryConnection, **login, **options
        )
        return client
    return Redis.from_url(state_url, **options)


def _waits(timeout_s: float) -> dict[str, Any]:
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }


def _login(sentinels: Sentinels) -> dict[str, Any]:
    return {"username": sentinels.username, "password": sentinels.password, "db": sentinels.db}


async def check_store_id(client: AsyncRedis, blob_store_id: str) -> None:
    """Pair Valkey with a blob store at their first meeting; after that they must match.

    Errors: BLOB_STORE_MISMATCH; STATE_STORE_UNAVAILABLE.
    """
    try:
        await client.set(STORE_ID_KEY, blob_store_id, nx=True)
        known = await client.get(STORE_ID_KEY)
    except STORE_ERRORS as error:
        raise store_error(error) from error
    if known is not None and (known.decode() if isinstance(known, bytes) else known) != blob_store_id:
        raise CollatioError(Reason.BLOB_STORE_MISMATCH)
