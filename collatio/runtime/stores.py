"""The two stores of a mesh, Valkey and the blobs, and the check that they belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.ledger.ledger import STORE_ERRORS, store_error

if TYPE_CHECKING:
    import redis
    from redis.asyncio import Redis as AsyncRedis

STORE_ID_KEY = "{collatio}:store-id"
TIMEOUT_S = 5.0
CONNECTIONS_MAX = 64


def connect_async(state_url: str) -> AsyncRedis:
    """Open a server's connections to Valkey, with bounded waits; who finds all of them in use waits for one."""
    from redis.asyncio import BlockingConnectionPool, Redis  # noqa: PLC0415 - workers do not load it
    from redis.asyncio.retry import Retry  # noqa: PLC0415 - same
    from redis.backoff import NoBackoff  # noqa: PLC0415 - same

    pool = BlockingConnectionPool.from_url(
        state_url,
        timeout=TIMEOUT_S,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        socket_keepalive=True,
        health_check_interval=10,
        max_connections=CONNECTIONS_MAX,
        retry=Retry(NoBackoff(), 1),  # a connection the server closed while idle is opened anew once
    )
    client: AsyncRedis = Redis.from_pool(pool)
    return client


def connect(state_url: str) -> redis.Redis:
    """Open a worker's connection to Valkey, with bounded waits."""
    from redis import Redis  # noqa: PLC0415 - servers do not need it

    return Redis.from_url(
        state_url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        socket_keepalive=True,
        health_check_interval=10,
    )


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
