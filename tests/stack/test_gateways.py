"""Two gateways behind one address list: callers go on when either dies, and miss nothing."""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from collatio.client import Client, JobSpec, JobState, Source
from collatio.local.ready import wait_serving
from collatio.local.services import GATEWAY_SERVICE, service_programs
from tests.support import example_clients
from tests.support.jobs import EXTRACTED, told_again, watching
from tests.support.places import SAMPLES
from tests.support.running_mesh import running_mesh
from tests.support.site import serving_papers
from tests.support.valkey import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.support.running_mesh import RunningMesh
    from tests.support.site import Site

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

COUNT, HELD_FROM = 40, 20
URIS = range(2)
FILES = sorted(str(path) for path in (SAMPLES / "notes").iterdir())
ENDED = re.compile(r"ended JOB_STATE_SUCCEEDED after (\d+) events: (\d+) documents, 0 failed")


@dataclass
class Gateways:
    """A mesh with a second gateway, which is this test's own process."""

    mesh: RunningMesh
    second: str

    @property
    def targets(self) -> str:
        """Both addresses."""
        return f"{self.mesh.target},{self.second}"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run the second gateway for the time of the block, or until it is killed."""
        program = service_programs(self.mesh.layout)[0]
        env = {**program.env, "COLLATIO_LISTEN": self.second, "PATH": os.environ.get("PATH", "")}
        process = await asyncio.create_subprocess_exec(
            *program.argv, env=env, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await wait_serving(self.second, ("", GATEWAY_SERVICE))
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Papers on the web, the later half held back at will."""
    with serving_papers() as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateways(site: Site) -> AsyncIterator[Gateways]:
    """A mesh of these tests' own."""
    async with running_mesh(environ={"COLLATIO_FETCH_ALLOW_HOSTS": site.host}) as mesh:
        yield Gateways(mesh, f"127.0.0.1:{free_port()}")


@pytest.mark.parametrize("victim", ["first", "second"])
async def test_a_watch_goes_on_when_either_gateway_dies(gateways: Gateways, site: Site, victim: str) -> None:
    """The sequence is gapless, each event comes once, and the watch is what the journal tells afterwards."""
    site.gate.close_from(HELD_FROM)
    spec = JobSpec(sources=[Source(uri=uri) for uri in site.uris(f"watch-{victim}", COUNT)])
    async with (
        gateways.serving() as second,
        Client(gateways.targets) as client,
        watching(client, spec) as watched,
    ):
        await watched.until(lambda w: w.count(EXTRACTED) >= HELD_FROM // 2)
        if victim == "first":
            await gateways.mesh.kill("gateway")
        else:
            second.kill()
        site.gate.open()
        job = await watched.end()
    assert (job.state, job.documents.extracted) == (JobState.JOB_STATE_SUCCEEDED, COUNT)
    assert [event.sequence for event in watched.events] == list(range(1, job.sequence + 1))
    await gateways.mesh.whole()
    assert watched.events == await told_again(gateways.mesh.target, job.name)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def survivors(
    gateways: Gateways, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """What each example printed, all run through one kill of the gateway they watched."""
    commands = {
        "python": example_clients.python_client(),
        **example_clients.available(tmp_path_factory.mktemp("go")),
    }
    await gateways.mesh.whole()
    site.gate.close_from(0)
    target, uris = gateways.mesh.target, site.uris("restart", len(URIS))
    running = {
        name: await example_clients.start([*argv, target, *name.split()[1:], "run", *FILES, *uris])
        for name, argv in commands.items()
    }
    for ran in running.values():
        await ran.until("watching")
    await gateways.mesh.kill("gateway")
    site.gate.open()
    return {name: await ran.end() for name, ran in running.items()}


@pytest.mark.parametrize("language", ["python", "node", "node --reflect", "go"])
async def test_the_examples_survive_a_gateway_restart(
    gateways: Gateways, survivors: dict[str, list[str]], language: str
) -> None:
    """Each uploads, submits, watches through the kill without a gap, pages, and knows an absent job by its reason."""
    lines = survivors.get(language)
    if lines is None:
        pytest.skip(f"{language.split(maxsplit=1)[0]} is not installed: its example is not run")
    ended = next(found for line in lines if (found := ENDED.fullmatch(line)))
    events = await told_again(gateways.mesh.target, lines[0].removeprefix("job "))
    assert (int(ended[1]), int(ended[2])) == (len(events), len(FILES) + len(URIS))
    pairs = [line for line in lines if line.startswith("pair ")]
    assert len(pairs) == 6
    assert any("kick-off.txt" in pair for pair in pairs)
    assert lines[-1] == "absent true"


async def test_an_address_list_serves_node_too(gateways: Gateways, site: Site) -> None:
    """With a gateway of two gone, calls and watches go to the other."""
    argv = example_clients.node_client()
    await gateways.mesh.whole()
    site.gate.close_from(0)
    async with gateways.serving() as second:
        ran = await example_clients.start(
            [*argv, f"ipv4:{gateways.targets}", "run", *FILES, *site.uris("list", 1)]
        )
        await ran.until("watching")
        second.kill()
        await second.wait()
        site.gate.open()
        lines = await ran.end()
    assert any(ENDED.fullmatch(line) for line in lines)
