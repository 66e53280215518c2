"""A stage's Celery application, with settings under which the ledger's promises hold.

The ledger owns retries, results and time limits; Celery carries ids. Why each setting stands:
RELIABILITY section 3; DECISIONS.md 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import Celery, Task
from kombu import Queue

from collatio.runtime.queue.names import queue_name, task_name
from collatio.runtime.state_url import sentinels_of

if TYPE_CHECKING:
    from collections.abc import Callable

SOCKET_TIMEOUT_S = 5
CONNECT_TIMEOUT_S = 3
HEALTH_CHECK_S = 10


def make_app(stage: str, state_url: str, *, soft_shutdown_s: float = 25) -> Celery:
    """Make a stage's Celery application. Its broker is Valkey, under a key prefix of the stage's own."""
    sentinels = sentinels_of(state_url)
    broker = sentinels.broker_url if sentinels else state_url
    app = Celery(queue_name(stage), broker=broker, set_as_current=False)
    app.conf.update(
        task_queues=[Queue(queue_name(stage), routing_key=queue_name(stage))],
        task_default_queue=queue_name(stage),
        task_create_missing_queues=False,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_acks_late=True,
        task_acks_on_failure=True,
        task_acks_on_timeout=True,
        task_reject_on_worker_lost=False,
        task_retry_on_worker_lost=False,
        task_publish_retry=False,
        task_send_sent_event=False,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_consumer="collatio.runtime.queue.consumer:Consumer",
        worker_soft_shutdown_timeout=soft_shutdown_s,
        worker_enable_soft_shutdown_on_idle=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_transport=f"collatio.runtime.queue.transport:{'SentinelTransport' if sentinels else 'Transport'}",
        broker_channel_error_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "global_keyprefix": f"{{collatio:{stage}}}:celery:",
            "socket_timeout": SOCKET_TIMEOUT_S,
            "socket_connect_timeout": CONNECT_TIMEOUT_S,
            "socket_keepalive": True,
            "health_check_interval": HEALTH_CHECK_S,
            **({"master_name": sentinels.primary} if sentinels else {}),
        },
    )
    return app


def register(app: Celery, stage: str, run: Callable[[str, list[str], dict[str, str]], None]) -> None:
    """Give a stage's app its one task: `run(message, steps, headers)`."""

    @app.task(name=task_name(stage), bind=True)
    def _run(task: Task[Any, Any], message: str, steps: list[str]) -> None:
        headers = task.request.headers or {}
        run(message, steps, {str(k): str(v) for k, v in headers.items()})
