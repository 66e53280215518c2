"""Drive a headless Chromium through its DevTools protocol, as far as the report's tests need."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--remote-debugging-port=0"),
)
START_TIMEOUT_S = 60.0


def find() -> str | None:
    """Find a Chromium on this machine."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Tab:
    """One page. `events` are what the browser told, as (method, params)."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self.events: list[tuple[str, dict[str, Any]]] = []

    async def listen(self) -> None:
        """Take in what the browser says, until it is closed. A dialog is noted and dismissed."""
        async for message in self._socket:
            row = json.loads(message.data)
            if "id" in row:
                self._waiting.pop(row["id"]).set_result(row)
                continue
            self.events.append((row["method"], row.get("params", {})))
            if row["method"] == "Page.javascriptDialogOpening":
                await self._socket.send_json(
                    {"id": 0, "method": "Page.handleJavaScriptDialog", "params": {"accept": False}}
                )
                self._waiting[0] = asyncio.get_running_loop().create_future()
            if row["method"] == "Page.loadEventFired":
                self._loaded.set()

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        row = await answer
        assert "error" not in row, row
        return dict(row["result"])

    async def open(self, page: Path, fragment: str = "") -> None:
        """Open a file and wait until it has loaded."""
        self._loaded.clear()
        await self.call("Page.navigate", url=page.as_uri() + fragment)
        await self._loaded.wait()

    async def run(self, script: str) -> Any:
        """Run a script from outside the page and give its value."""
        result = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def press(self, key: str) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            text = key if len(key) == 1 and kind == "keyDown" else ""
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, text=text)

    def told(self, *methods: str) -> list[dict[str, Any]]:
        """List what was told by these methods."""
        return [params for method, params in self.events if method in methods]


@asynccontextmanager
async def browser(binary: str, profile: Path) -> AsyncIterator[Tab]:
    """Run a browser with one empty tab, for as long as the context lasts."""
    process = await asyncio.create_subprocess_exec(
        binary,
        *FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            port = await _port(process)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/json/list") as tabs,
        ):
            target = next(tab for tab in await tabs.json() if tab["type"] == "page")
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(socket)
                listening = asyncio.create_task(tab.listen())
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await tab.call(f"{domain}.enable")
                try:
                    yield tab
                finally:
                    listening.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _port(process: asyncio.subprocess.Process) -> str:
    """Read the port that the browser chose from what it says first."""
    assert process.stderr is not None
    async for line in process.stderr:
        text = line.decode()
        if "DevTools listening on" in text:
            return text.partition("127.0.0.1:")[2].partition("/")[0]
    raise AssertionError("the browser ended before it listened")
