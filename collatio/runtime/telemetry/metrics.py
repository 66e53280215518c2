"""Every instrument the mesh records, made once from the meter that is handed in.

Levels (depth, age, workers) are observed from a stage's ledger, not from the length of a Redis list, which the
dispatch window keeps short. No attribute ever names a job or a document: their number is unbounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.metrics import NoOpMeter, Observation

from collatio.runtime.telemetry.names import (
    ERROR_TYPE,
    MESSAGING_DESTINATION_NAME,
    MESSAGING_OPERATION_NAME,
    MESSAGING_SYSTEM,
    RPC_METHOD,
    RPC_RESPONSE_STATUS_CODE,
    RPC_SYSTEM_NAME,
    STAGE,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter

# Boundaries in seconds. The first row is the conventions' advice for call durations.
_CALL_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_WAIT_S = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_MIB = (1, 4, 16, 32, 64, 128, 256, 512, 1024, 2048)
_JOB_S = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14400.0)


@dataclass(frozen=True, slots=True)
class StageLevels:
    """How one stage stands now, as its ledger counts it. Ages are in seconds, the rest are counts."""

    depth: int
    oldest_age_s: float
    workers: int
    quarantined: int
    inflight: int


@dataclass(frozen=True, slots=True)
class Instruments:
    """The instruments, named as dashboards expect them. All durations are seconds."""

    meter: Meter
    rpc_server_call_duration: Histogram
    rpc_client_call_duration: Histogram
    messaging_process_duration: Histogram
    queue_wait: Histogram
    job_duration: Histogram
    sandbox_memory: Histogram
    steps_completed: Counter
    steps_failed: Counter

    @classmethod
    def create(cls, meter: Meter) -> Instruments:
        """Make every instrument from one meter; call it once a meter."""

        def seconds(name: str, description: str, boundaries: tuple[float, ...]) -> Histogram:
            return meter.create_histogram(
                name, "s", description, explicit_bucket_boundaries_advisory=boundaries
            )

        return cls(
            meter=meter,
            rpc_server_call_duration=seconds("rpc.server.call.duration", "Incoming calls.", _CALL_S),
            rpc_client_call_duration=seconds("rpc.client.call.duration", "Outgoing calls.", _CALL_S),
            messaging_process_duration=seconds("messaging.process.duration", "Work on a message.", _WAIT_S),
            queue_wait=seconds("collatio.queue.wait", "From a message's sending to its work.", _WAIT_S),
            job_duration=seconds("collatio.job.duration", "From a job's acceptance to its end.", _JOB_S),
            sandbox_memory=meter.create_histogram(
                "collatio.sandbox.memory",
                "By",
                "What a sandbox took at its peak, beyond the memory it was forked with.",
                explicit_bucket_boundaries_advisory=[size << 20 for size in _MIB],
            ),
            steps_completed=meter.create_counter(
                "collatio.steps.completed", "{step}", "Steps that succeeded."
            ),
            steps_failed=meter.create_counter(
                "collatio.steps.failed", "{step}", "Steps that failed for good."
            ),
        )

    @classmethod
    def noop(cls) -> Instruments:
        """Make instruments that record nothing."""
        return cls.create(NoOpMeter("collatio"))

    def record_server_call(self, method: str, status: str, duration_s: float, error: str | None) -> None:
        """Record one incoming call; `error` is its `error.type` where the server is at fault."""
        self.rpc_server_call_duration.record(duration_s, _call(method, status, error))

    def record_client_call(self, method: str, status: str, duration_s: float, error: str | None) -> None:
        """Record one outgoing call."""
        self.rpc_client_call_duration.record(duration_s, _call(method, status, error))

    def record_process(
        self, queue: str, duration_s: float, wait_s: float | None, error: str | None = None
    ) -> None:
        """Record the work on one message, and how long it had waited where that is known."""
        attributes = {
            MESSAGING_SYSTEM: "celery",
            MESSAGING_OPERATION_NAME: "process",
            MESSAGING_DESTINATION_NAME: queue,
        }
        if wait_s is not None:
            self.queue_wait.record(wait_s, {MESSAGING_DESTINATION_NAME: queue})
        self.messaging_process_duration.record(
            duration_s, attributes if error is None else {**attributes, ERROR_TYPE: error}
        )

    def record_step_completed(self, stage: str, count: int = 1) -> None:
        """Count steps that succeeded."""
        self.steps_completed.add(count, {STAGE: stage})

    def record_step_failed(self, stage: str, reason: str, count: int = 1) -> None:
        """Count steps that failed for good, by reason (a word of the catalogue)."""
        self.steps_failed.add(count, {STAGE: stage, "reason": reason})

    def record_sandbox(self, stage: str, memory_bytes: int) -> None:
        """Record what a sandbox took at its peak."""
        self.sandbox_memory.record(memory_bytes, {STAGE: stage})

    def record_job(self, duration_s: float, state: str) -> None:
        """Record a job's end; `state` is its final state."""
        self.job_duration.record(duration_s, {"state": state})

    def observe_stage(self, stage: str, levels: Callable[[], StageLevels | None]) -> None:
        """Report a stage's levels at each collection.

        `levels` is called from the exporter's thread, once for each of five gauges: it answers from a value the
        caller refreshes itself, and None while there is none. Call it once a stage.
        """

        def gauge(name: str, unit: str, description: str, pick: Callable[[StageLevels], float]) -> None:
            def observe(_: CallbackOptions) -> Iterable[Observation]:
                now = levels()
                return [] if now is None else [Observation(pick(now), {STAGE: stage})]

            self.meter.create_observable_gauge(name, [observe], unit, description)

        gauge("collatio.queue.depth", "{step}", "Steps that wait.", lambda now: now.depth)
        gauge(
            "collatio.queue.oldest_age", "s", "Age of the oldest waiting step.", lambda now: now.oldest_age_s
        )
        gauge("collatio.workers", "{worker}", "Workers with a beat.", lambda now: now.workers)
        gauge("collatio.quarantine", "{step}", "Steps in quarantine.", lambda now: now.quarantined)
        gauge("collatio.stage.inflight", "{step}", "Steps being worked on.", lambda now: now.inflight)


def _call(method: str, status: str, error: str | None) -> dict[str, str]:
    attributes = {RPC_SYSTEM_NAME: "grpc", RPC_METHOD: method, RPC_RESPONSE_STATUS_CODE: status}
    return attributes if error is None else {**attributes, ERROR_TYPE: error}
