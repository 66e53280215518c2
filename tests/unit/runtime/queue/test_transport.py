"""The messages a worker has in hand, with a broker that goes away."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from kombu import Consumer

from collatio.runtime.queue.app import make_app
from collatio.runtime.queue.names import queue_name
from tests.support.valkey import valkey_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.valkey import ValkeyServer

logger = logging.getLogger(__name__)
STAGE = "extract"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Valkey that this test may kill."""
    with valkey_server(tmp_path) as server:
        yield server


@contextmanager
def consuming(url: str) -> Iterator[tuple[Any, list[Any]]]:
    """Consume a stage's queue with credit for one message: the channel, and what came."""
    app = make_app(STAGE, url)
    taken: list[Any] = []
    with app.connection_for_read() as connection:
        channel: Any = connection.channel()
        channel.basic_qos(0, 1, False)
        queue = app.amqp.queues[queue_name(STAGE)]
        with Consumer(channel, [queue], on_message=taken.append, accept=["json"]):
            connection.drain_events(timeout=5)
        yield channel, taken


def publish(url: str) -> None:
    """Put a message on the stage's queue."""
    app = make_app(STAGE, url)
    with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
        producer.publish({"message": "m"}, routing_key=queue_name(STAGE), serializer="json")


def test_a_message_acknowledged_to_nobody_gives_its_credit_back(server: ValkeyServer) -> None:
    """A worker whose acknowledgements met an outage took nothing ever after it."""
    publish(server.url)
    with consuming(server.url) as (channel, taken):
        assert not channel.qos.can_consume()
        server.process.kill()
        server.process.wait()
        (message,) = taken
        message.ack_log_error(logger, channel.connection_errors)
        assert channel.qos.can_consume()


def test_what_is_in_hand_goes_back_when_a_worker_leaves(server: ValkeyServer) -> None:
    """Another worker takes it at once, where the ledger would wait for D."""
    publish(server.url)
    with consuming(server.url):
        pass
    with consuming(server.url) as (_, taken):
        assert [message.payload for message in taken] == [{"message": "m"}]


def test_what_cannot_go_back_is_told(server: ValkeyServer, caplog: pytest.LogCaptureFixture) -> None:
    """A channel closes without its broker, and without an error or a file of its own."""
    publish(server.url)
    with caplog.at_level(logging.WARNING), consuming(server.url):
        server.process.kill()
        server.process.wait()
    assert [record.message for record in caplog.records] == ["messages in hand were not put back"]
