"""Every method of every service answers every odd request with a typed status, and soon."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2, status_pb2

from collatio.runtime.errors import Reason
from collatio.runtime.rpc.status import DETAILS_KEY, DOMAIN, STATUS_BYTES_MAX
from collatio.v1 import common_pb2 as common
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import extract_pb2 as extract
from collatio.v1 import fetch_pb2 as fetch
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.journal import Entries, Finish
from gateway.journal.record import JobRef
from tests.support.served_mesh import ServedMesh
from tests.wire.mesh.odd_requests import odd_requests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from google.protobuf.descriptor import Descriptor, MethodDescriptor
    from google.protobuf.message import Message

SERVICES = {
    "gateway": pb.DESCRIPTOR,
    "fetch": fetch.DESCRIPTOR,
    "extract": extract.DESCRIPTOR,
    "compare": compare.DESCRIPTOR,
}
METHODS = {
    method.full_name.removeprefix("collatio.v1."): (server, method)
    for server, file in SERVICES.items()
    for service in file.services_by_name.values()
    for method in service.methods
}
TIMEOUT_S = 10.0
AT_ONCE = 8
DATABASE = 9
HEX = "0" * 64
NAME = "jobs/ended"
SPEC = pb.JobSpec(sources=[common.Source(uri="file:///a", key="a")])
REFUSED = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
}
GOOD: dict[str, Message] = {
    "CreateJob": pb.CreateJobRequest(job=pb.Job(spec=SPEC)),
    "UploadBlob": pb.UploadBlobRequest(header=pb.UploadHeader()),
    "ReadBlob": pb.ReadBlobRequest(sha256=HEX),
    "ReplayQuarantine": common.ReplayQuarantineRequest(stage=common.STAGE_FETCH),
    "Fetch": fetch.FetchRequest(items=[fetch.FetchItem(item_id="a", source=common.Source(uri="file:///a"))]),
    "Extract": extract.ExtractRequest(items=[extract.ExtractItem(item_id="a", inline=b"text")]),
    "Compare": compare.CompareRequest(documents=[compare.CompareDocument(document_id="a", text="text")]),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServedMesh]:
    """The four servers, and one job that has ended."""
    url = f"{valkey_url.rpartition('/')[0]}/{DATABASE}"
    async with ServedMesh(url, tmp_path_factory.mktemp("walk"), jobs_run=False) as running:
        arguments: dict[str, Any] = {"request_id": "", "body": "", "trace": "", "retry_of": "", "jobs_max": 9}
        await running.journal.create(JobRef("default", "ended"), SPEC, **arguments)
        (held,) = await running.journal.lease("a", 1000, 1)
        await running.journal.write(held, Entries(), Finish("SUCCEEDED", 3_600_000, pb.JobEvent()))
        yield running


def good_request(method: MethodDescriptor) -> Any:
    """Return a request that nothing is wrong with; of most methods, one that names the ended job."""
    if method.name in GOOD:
        return GOOD[method.name]
    made = _class_of(method.input_type)()
    if "name" in method.input_type.fields_by_name:
        made.name = NAME
    return made


def _class_of(descriptor: Descriptor) -> Any:
    modules = (pb, common, fetch, extract, compare)
    return next(getattr(module, descriptor.name) for module in modules if hasattr(module, descriptor.name))


async def call(channel: grpc.aio.Channel, method: MethodDescriptor, request: bytes) -> None:
    """Make a call with a request's bytes and read all it answers. A stage's stream is cancelled after it."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    if not method.client_streaming and not method.server_streaming:
        await channel.unary_unary(path)(request, timeout=TIMEOUT_S)
        return
    if not method.client_streaming:
        async for _ in channel.unary_stream(path)(request, timeout=TIMEOUT_S):
            pass
        return
    requests = [request]
    if "cancel" in method.input_type.fields_by_name:
        requests.append(_class_of(method.input_type)(cancel=True).SerializeToString())
    if not method.server_streaming:
        await channel.stream_unary(path)(iter(requests), timeout=TIMEOUT_S)
        return
    async for _ in channel.stream_stream(path)(iter(requests), timeout=TIMEOUT_S):
        pass


async def error_of(
    channel: grpc.aio.Channel, method: MethodDescriptor, request: bytes
) -> grpc.aio.AioRpcError | None:
    """Make a call; return its error, if it has one.

    A server that answers while a stream's next request is being written makes gRPC's core show INTERNAL, without
    trailers, in place of the answer: then it is asked again.
    """
    while True:
        try:
            await call(channel, method, request)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.INTERNAL or error.trailing_metadata():
                return error
        else:
            return None


async def fault_of(channel: grpc.aio.Channel, method: MethodDescriptor, request: bytes) -> str:
    """Make a call; return what is wrong with its status, nothing where it is as it should be."""
    error = await error_of(channel, method, request)
    return "; ".join(_faults(error, method.input_type)) if error else ""


def _faults(error: grpc.aio.AioRpcError, request: Descriptor) -> Iterator[str]:
    if error.code() not in REFUSED:
        yield f"{error.code().name}: {error.details()}"
    trailers: Any = error.trailing_metadata() or ()
    raw = next((value for key, value in trailers if key == DETAILS_KEY), b"")
    if len(raw) > STATUS_BYTES_MAX:
        yield f"{len(raw)} bytes of status"
    status = status_pb2.Status.FromString(raw)
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        for message in (info, bad):
            if detail.Is(message.DESCRIPTOR):
                detail.Unpack(message)
    if info.domain != DOMAIN or info.reason not in Reason.__members__:
        yield f"no ErrorInfo of ours: {error.code().name} {error.details()}"
    paths = [violation.field for violation in bad.field_violations]
    if info.reason == Reason.INVALID_REQUEST and not paths and "no message" not in status.message:
        yield f"no field violation: {status.message}"
    yield from (f"{path!r} is no field" for path in paths if not _is_path(path, request))


def _is_path(path: str, descriptor: Descriptor) -> bool:
    """Tell whether a violation's path leads to a field of the request, in proto names."""
    at: Descriptor | None = descriptor
    for part in path.split("."):
        found = re.fullmatch(r"([a-z0-9_]+)((?:\[\d+\])?)", part)
        if found is None or at is None or found[1] not in at.fields_by_name:
            return False
        field = at.fields_by_name[found[1]]
        if found[2] and not field.is_repeated:
            return False
        at = field.message_type
    return True


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", METHODS)
async def test_odd_requests_get_typed_statuses(mesh: ServedMesh, name: str) -> None:
    """Never INTERNAL, UNKNOWN or a hang; always our ErrorInfo; violations name fields of the request."""
    server, method = METHODS[name]
    channel = mesh.channel(server)
    room = asyncio.Semaphore(AT_ONCE)

    async def judge(what: str, request: bytes) -> str:
        async with room:
            fault = await fault_of(channel, method, request)
            return f"{what}: {fault}" if fault else ""

    odd = list(odd_requests(good_request(method)))
    faults = await asyncio.gather(*(judge(*one) for one in odd))
    assert not "\n".join(fault for fault in faults if fault)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", METHODS)
async def test_bytes_that_are_no_message_are_refused(mesh: ServedMesh, name: str) -> None:
    """What cannot be parsed is INVALID_ARGUMENT, wherever it comes in."""
    server, method = METHODS[name]
    error = await error_of(mesh.channel(server), method, b"\xff\xff\xff\xff")
    assert error is not None
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
