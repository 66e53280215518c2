"""The façade picks a source by scheme and loads it late."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pytest

from collatio.plugins.testing.sources import MemorySource
from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.sources.config import SourceConfig
from fetch_svc.sources.registry import Sources

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from collatio.plugins.sources import SourceContext

CONTEXTS: list[SourceContext] = []


def make_memory(context: SourceContext) -> MemorySource:
    """Make a plugin's source; the entry point of these tests."""
    CONTEXTS.append(context)
    return MemorySource({"memory:a": b"alpha"})


def with_plugin(shipped: Callable[[], list[EntryPoint]]) -> Callable[[], list[EntryPoint]]:
    """Return the shipped entry points and a plugin's, under two schemes."""
    plugin = [
        EntryPoint(name, f"{__name__}:make_memory", "collatio.sources") for name in ("memory", "recall")
    ]
    return lambda: [*shipped(), *plugin]


async def test_a_plugin_comes_through_the_same_door(entry_points: Callable[[], list[EntryPoint]]) -> None:
    """An allowed plugin gets its settings and the limits, and schemes of one object share one source."""
    CONTEXTS.clear()
    config = SourceConfig(
        schemes=("memory", "recall"), bytes_max=7, plugins={"memory": {"token_file": "/run/t"}}
    )
    sources = Sources(config, entry_points=with_plugin(entry_points))
    async with sources.open("memory:a") as content:
        assert b"".join([chunk async for chunk in content.chunks]) == b"alpha"
    assert (await sources.list("memory:a")).entries[0].uri == "memory:a"
    with pytest.raises(CollatioError):
        await sources.stat("recall:b")
    assert [(c.settings, c.bytes_max) for c in CONTEXTS] == [({"token_file": "/run/t"}, 7)]
    await sources.aclose()


@pytest.mark.parametrize(
    "uri", ["memory:a", "ftp://example.com/a", "blob:sha256:" + "0" * 64, "javascript:alert(1)"]
)
async def test_a_scheme_must_be_allowed(entry_points: Callable[[], list[EntryPoint]], uri: str) -> None:
    """An installed plugin is not used unless the operator names its scheme; unknown schemes are unsupported."""
    sources = Sources(SourceConfig(), entry_points=with_plugin(entry_points))
    for attempt in (sources.list(uri), sources.stat(uri)):
        with pytest.raises(CollatioError) as caught:
            await attempt
        assert caught.value.reason is Reason.URI_SCHEME_UNSUPPORTED


async def test_a_scheme_can_be_forbidden(
    entry_points: Callable[[], list[EntryPoint]], tmp_path: Path
) -> None:
    """Without `file` among the schemes, no file is read, by any door."""
    (tmp_path / "a").write_bytes(b"x")
    sources = Sources(SourceConfig(schemes=("https",), roots=(str(tmp_path),)), entry_points=entry_points)
    with pytest.raises(CollatioError) as caught:
        sources.open_local(f"file://{tmp_path}/a")
    assert caught.value.reason is Reason.URI_SCHEME_UNSUPPORTED


async def test_files_are_read_in_place(entry_points: Callable[[], list[EntryPoint]], tmp_path: Path) -> None:
    """A local file opens without the event loop; any other URI says that it cannot."""
    (tmp_path / "a").write_bytes(b"alpha")
    sources = Sources(SourceConfig(roots=(str(tmp_path),)), entry_points=entry_points)
    local = sources.open_local(f"{tmp_path}/a")
    assert local is not None
    with local:
        assert local.read() == b"alpha"
    assert sources.open_local("https://example.com/a") is None


async def test_settings_reach_the_shipped_sources(
    entry_points: Callable[[], list[EntryPoint]], web: Any
) -> None:
    """Allowed hosts and limits of the configuration hold for http."""
    web.serve("/a", b"alpha")
    for bytes_max, expected in ((5, None), (4, Reason.SOURCE_TOO_LARGE)):
        config = SourceConfig(allow_hosts=(f"127.0.0.1:{web.port}",), bytes_max=bytes_max)
        sources = Sources(config, entry_points=entry_points)
        reason = None
        try:
            async with sources.open(web.url("/a")) as content:
                assert b"".join([chunk async for chunk in content.chunks]) == b"alpha"
        except CollatioError as error:
            reason = error.reason
        assert reason is expected
        await sources.aclose()
    closed = Sources(SourceConfig(), entry_points=entry_points)
    with pytest.raises(CollatioError) as caught:
        await closed.stat(web.url("/a"))
    assert caught.value.reason is Reason.URI_NOT_ALLOWED


def test_versions_come_from_metadata_alone(entry_points: Callable[[], list[EntryPoint]]) -> None:
    """What is served is known without loading a source, and only what is allowed counts."""
    config = SourceConfig(schemes=("file", "s3", "nowhere"))
    assert set(Sources(config, entry_points=entry_points).versions()) == {"file", "s3"}


def test_the_facade_loads_no_library() -> None:
    """Importing the façade, and reading a file with it, loads neither HTTP nor object-store libraries."""
    script = (
        "import sys, fetch_svc.sources.registry, fetch_svc.sources.download, fetch_svc.sources.file\n"
        "print([m for m in ('aiohttp', 'obstore', 'boto3', 'ssl', 'idna', 'grpc', 'celery', 'redis') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() in {"[]", "['ssl']"}
