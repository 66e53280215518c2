"""Object stores: against a local S3 (moto), with the operator's settings and nothing of the URI's."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from collatio.plugins.sources import SourceContext
from collatio.plugins.testing.sources import TableHttp, check_source
from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.sources.credentials import library_chain
from fetch_svc.sources.object_stores import Buckets, ObjectSettings
from fetch_svc.sources.objects import ObjectSource, make_az, make_gs, make_s3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "canary-secret"}
KEYS = {"a.txt": b"alpha", "docs/b #?%é.md": b"beta", "docs/sub/c.bin": bytes(3 << 20), "docs/empty": b""}


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """Run an S3 of our own, with a bucket of `KEYS` and one of many keys."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 30
        while server.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        boto3 = pytest.importorskip("boto3", reason="moto brings boto3")
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="canary-secret",
        )
        for bucket in ("acme", "many", "odd", "void"):
            client.create_bucket(Bucket=bucket)
        for key, body in KEYS.items():
            client.put_object(Bucket="acme", Key=key, Body=body)
        client.put_object(Bucket="acme", Key="docs/folder/", Body=b"")
        for number in range(12):
            client.put_object(Bucket="many", Key=f"k/{number:05d}", Body=b"x")
        for key in ("a", "x//y", "z"):
            client.put_object(Bucket="odd", Key=key, Body=b"x")
        yield url
        server.terminate()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Leave the machine's own cloud settings out, and set test credentials."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")) and name != "AWS_CA_BUNDLE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nonexistent")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return ENVIRONMENT


def source(s3_url: str, *, bytes_max: int = 1 << 30, **settings: Any) -> ObjectSource:
    """Return the source as the façade makes it."""
    context = SourceContext(
        http=TableHttp({}),
        settings={"endpoint": s3_url, "region": "us-east-1", **settings},
        bytes_max=bytes_max,
        connect_timeout_s=2,
        idle_timeout_s=5,
    )
    return make_s3(context)


async def refusal(source: ObjectSource, uri: str) -> CollatioError:
    """Return what listing a URI is refused with."""
    with pytest.raises(CollatioError) as caught:
        await source.list(uri)
    return caught.value


async def test_it_keeps_the_promises_of_a_source(s3_url: str) -> None:
    """The suite for authors of sources passes against a real S3 protocol, odd names and empty objects included."""
    files = {
        "s3://acme/docs/b%20%23%3F%25%C3%A9.md": b"beta",
        "s3://acme/docs/sub/c.bin": KEYS["docs/sub/c.bin"],
        "s3://acme/docs/empty": b"",
    }
    missing = "s3://acme/docs/none"
    await check_source(source(s3_url), folder="s3://acme/docs/", files=files, missing=missing)
    await check_source(source(s3_url), folder="s3://acme/docs", files=files, missing=missing)
    whole = {"s3://acme/a.txt": b"alpha", **files}
    await check_source(source(s3_url), folder="s3://acme", files=whole, missing=missing)


async def test_relative_paths_and_validators(s3_url: str) -> None:
    """Paths are relative to the prefix, and the ETag is the validator."""
    listing = await source(s3_url).list("s3://acme/docs/")
    assert [entry.relative_path for entry in listing.entries] == ["b #?%é.md", "empty", "sub/c.bin"]
    assert all((entry.validator or "").startswith('etag:"') for entry in listing.entries)


async def test_a_big_prefix_comes_in_pages(s3_url: str) -> None:
    """A page holds no more keys than it may, and another process goes on from its token."""
    pages: list[list[str]] = []
    token = None
    while token is not None or not pages:
        buckets = Buckets("s3", ObjectSettings(endpoint=s3_url))
        paged = ObjectSource("s3", buckets, bytes_max=9, page_entries=5)
        listing = await paged.list("s3://many/k/", token)
        pages.append([entry.relative_path for entry in listing.entries])
        token = listing.next_page_token
    assert [len(page) for page in pages] == [5, 5, 2]
    assert [name for page in pages for name in page] == [f"{number:05d}" for number in range(12)]


@pytest.mark.parametrize(
    "uri", ["s3://acme/none", "s3://acme/none/", "s3://acme/doc", "s3://nobucket/", "s3://nobucket/a"]
)
async def test_what_is_missing_is_not_found(s3_url: str, uri: str) -> None:
    """A key, a prefix or a bucket that is not there is SOURCE_NOT_FOUND; half a name is no prefix."""
    assert (await refusal(source(s3_url), uri)).reason is Reason.SOURCE_NOT_FOUND


async def test_an_empty_bucket_is_an_empty_listing(s3_url: str) -> None:
    """A bucket without objects is a folder without files."""
    assert (await source(s3_url).list("s3://void")).entries == ()


async def test_a_key_that_cannot_be_read_is_a_failure(s3_url: str) -> None:
    """A key with an empty segment is told as a failure, never passed over in silence."""
    listing = await source(s3_url).list("s3://odd/")
    assert [failure.error.reason for failure in listing.failures] == [Reason.URI_INVALID]


async def test_an_object_above_the_cap_is_not_read(s3_url: str) -> None:
    """An object larger than the cap is SOURCE_TOO_LARGE before its bytes are asked for."""
    with pytest.raises(CollatioError) as caught:
        async with source(s3_url, bytes_max=100).open("s3://acme/docs/sub/c.bin"):
            pass
    assert caught.value.reason is Reason.SOURCE_TOO_LARGE


@pytest.mark.parametrize(
    "uri",
    [
        "s3://acme/a?endpoint=http://127.0.0.1:1",
        "s3://acme/a#x",
        "s3://acme:9000/a",
        "s3://key:canary@acme/a",
        "s3:///a",
    ],
)
async def test_a_uri_cannot_choose_endpoint_or_credentials(s3_url: str, uri: str) -> None:
    """Query, port and user information are refused."""
    error = await refusal(source(s3_url), uri)
    assert error.reason in {Reason.URI_INVALID, Reason.URI_NOT_ALLOWED}
    assert "canary" not in str(error)


async def test_a_store_that_is_gone_is_unavailable() -> None:
    """A dead endpoint is SOURCE_UNAVAILABLE, and its message holds no secret."""
    error = await refusal(source("http://127.0.0.1:1"), "s3://acme/a")
    assert error.reason is Reason.SOURCE_UNAVAILABLE
    assert "canary" not in str(error)


@pytest.mark.parametrize("chain", [lambda _: None, library_chain])
async def test_missing_credentials_are_told_at_once(
    s3_url: str, monkeypatch: pytest.MonkeyPatch, chain: Callable[[str], Any]
) -> None:
    """A metadata service that never answers costs the credentials timeout and no more; the bucket is named."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", address)
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", address)
        settings = ObjectSettings(endpoint=s3_url, credentials_timeout_s=0.3)
        buckets = Buckets("s3", settings, chain=chain)
        before = time.monotonic()
        error = await refusal(ObjectSource("s3", buckets, bytes_max=9), "s3://acme/a.txt")
    assert time.monotonic() - before < 5
    assert error.reason is Reason.SOURCE_CREDENTIALS_MISSING
    assert "s3://acme" in error.message
    assert "AWS_ACCESS_KEY_ID" in error.message


async def test_a_disabled_metadata_service_is_not_waited_for(s3_url: str) -> None:
    """Where the operator says that there is no metadata service, nothing is asked."""
    buckets = Buckets("s3", ObjectSettings(endpoint=s3_url), chain=lambda _: None,
                      environment={"AWS_EC2_METADATA_DISABLED": "true"})  # fmt: skip
    error = await refusal(ObjectSource("s3", buckets, bytes_max=9), "s3://acme/a.txt")
    assert error.reason is Reason.SOURCE_CREDENTIALS_MISSING


async def test_a_profile_is_found_through_the_clouds_library(
    s3_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Credentials that stand in a profile alone are used."""
    pytest.importorskip("boto3", reason="profiles are read by boto3, an extra")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    profile = tmp_path / "credentials"
    profile.write_text("[work]\naws_access_key_id = test\naws_secret_access_key = test\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profile))
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert (await source(s3_url).stat("s3://acme/a.txt")).size_bytes == 5
    monkeypatch.setenv("AWS_PROFILE", "absent")
    assert (await refusal(source(s3_url), "s3://acme/a.txt")).reason is Reason.SOURCE_CREDENTIALS_MISSING


async def test_anonymous_reading_asks_for_no_credentials(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A public bucket is read unsigned; one that is not public refuses."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    chain_asked: list[str] = []
    buckets = Buckets("s3", ObjectSettings(endpoint=s3_url, anonymous=True), chain=chain_asked.append)
    error = await refusal(ObjectSource("s3", buckets, bytes_max=9), "s3://acme/a.txt")
    assert (error.reason, chain_asked) == (Reason.SOURCE_PERMISSION_DENIED, [])


async def test_half_a_credential_is_none(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key without its secret is told as what it is."""
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert (await refusal(source(s3_url), "s3://acme/a.txt")).reason is Reason.SOURCE_CREDENTIALS_MISSING


@pytest.mark.parametrize(("make", "uri"), [(make_az, "az://box/a"), (make_gs, "gs://box/a")])
async def test_other_clouds_follow_the_same_path(
    make: Callable[[SourceContext], ObjectSource], uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without credentials, Azure and Google name the bucket too, whatever answers in place of their metadata."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "")
    context = SourceContext(
        http=TableHttp({}), settings={"credentials_timeout_s": 0.5}, connect_timeout_s=0.3
    )
    error = await asyncio.wait_for(refusal(make(context), uri), 10)
    assert error.reason is Reason.SOURCE_CREDENTIALS_MISSING
    assert uri[:8] in error.message


@pytest.mark.parametrize("settings", [{"endpoint": ("a", "b")}, {"credentials_timeout_s": "soon"}])
def test_faulty_settings_are_told_at_once(settings: dict[str, Any]) -> None:
    """A setting of the wrong kind is a fault of the settings, not of a document."""
    with pytest.raises(CollatioError) as caught:
        make_s3(SourceContext(http=TableHttp({}), settings=settings))
    assert caught.value.reason is Reason.SETTINGS_INVALID
