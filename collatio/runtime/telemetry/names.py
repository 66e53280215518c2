"""The words telemetry writes: span names, attributes, baggage entries, message headers.

RPC and messaging attributes are OpenTelemetry's semantic conventions (1.44); `collatio.*` are our own. A name
is written here once, so that a dashboard and a test can be searched for its only source.
"""

from __future__ import annotations

# Baggage (W3C Baggage): what travels with a job from process to process.
BAGGAGE_JOB_ID = "collatio.job.id"
BAGGAGE_ANCHOR = "collatio.anchor"

# Message headers beside the propagator's own.
HEADER_ENQUEUED_AT = "enqueued_at"

# Attributes of our own.
JOB_ID = "collatio.job.id"
DOCUMENT_ID = "collatio.document.id"
DOCUMENT_COUNT = "collatio.document.count"
PAIR_COUNT = "collatio.pair.count"
STAGE = "collatio.stage"
STEP_COUNT = "collatio.step.count"
QUEUE_WAIT = "collatio.queue.wait"
ATTEMPT = "collatio.attempt"
PROGRESS_DONE = "collatio.progress.done"
PROGRESS_FAILED = "collatio.progress.failed"
PROGRESS_TOTAL = "collatio.progress.total"

ERROR_TYPE = "error.type"

# Semantic conventions, rpc/grpc.
RPC_SYSTEM_NAME = "rpc.system.name"
RPC_METHOD = "rpc.method"
RPC_METHOD_ORIGINAL = "rpc.method_original"
RPC_RESPONSE_STATUS_CODE = "rpc.response.status_code"
# The name our own conventions use; written beside the one above, which the published conventions ask for.
RPC_STATUS_CODE = "rpc.status_code"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"

# Semantic conventions, messaging.
MESSAGING_SYSTEM = "messaging.system"
MESSAGING_OPERATION_NAME = "messaging.operation.name"
MESSAGING_OPERATION_TYPE = "messaging.operation.type"
MESSAGING_DESTINATION_NAME = "messaging.destination.name"
MESSAGING_MESSAGE_ID = "messaging.message.id"
MESSAGING_BATCH_MESSAGE_COUNT = "messaging.batch.message_count"

# Span names.
SPAN_JOB_ACCEPTED = "job.accepted"
SPAN_JOB_RUN = "job.run"
SPAN_JOB_PROGRESS = "job.progress"
SPAN_STAGE_OPENED = "stage.opened"
SPAN_STEP_REUSED = "step.reused"
SPAN_DOCUMENT = "document"
SPAN_TILE = "tile"

SIGNPOSTS = (SPAN_JOB_ACCEPTED, SPAN_STAGE_OPENED, SPAN_JOB_PROGRESS)
"""Spans others stand under or look for while a job runs: they leave the process at once."""

LINKS_MAX = 128
"""A span keeps only its last 128 links (OTEL_SPAN_LINK_COUNT_LIMIT's default)."""
