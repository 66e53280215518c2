"""The report in a headless Chromium: what documents say never runs, what the page says works (RELIABILITY row 32)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from collatio.cli.output.reports import publish
from tests.unit.report import browser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.unit.report.browser import Tab

CHROMIUM = browser.find()
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on PATH; install it to test the page in it"
)


@pytest_asyncio.fixture
async def tab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tab]:
    """Open a browser."""
    assert CHROMIUM is not None
    async with browser.browser(CHROMIUM, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def complaints(tab: Tab) -> list[dict[str, Any]]:
    """List what the console was told: errors, refusals of the policy, exceptions."""
    return tab.told("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")


def requested(tab: Tab) -> set[str]:
    """Name what the page asked for."""
    return {each["request"]["url"].partition("#")[0] for each in tab.told("Network.requestWillBeSent")}


async def use_everything(tab: Tab) -> None:
    """Open all that opens, switch all views, hover over the map, filter, follow every link within the page."""
    await tab.run(
        """(() => {
        document.querySelectorAll('details').forEach(each => each.open = true);
        document.querySelectorAll('input').forEach(each => each.click());
        const heat = document.getElementById('heat');
        if (heat) for (let y = 0; y < 400; y += 9) for (let x = 0; x < y; x += 9)
          heat.dispatchEvent(new PointerEvent('pointermove', {clientX: heat.getBoundingClientRect().left + x,
            clientY: heat.getBoundingClientRect().top + y, bubbles: true}));
        document.querySelectorAll('*').forEach(each => { each.focus && each.focus();
          each.dispatchEvent(new Event('mouseover', {bubbles: true})); });
        document.querySelectorAll('a[href^="#"]').forEach(each =>
          each.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true})));
        const box = document.getElementById('filter');
        if (box) { box.value = '<script>alert(9)</script>'; box.dispatchEvent(new Event('input')); }
        document.activeElement.blur();
        return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
        })()"""
    )
    for key in ("n", "p", "/"):
        await tab.press(key)


async def test_hostile_texts_and_names_run_nothing(tab: Tab, hostile: Path) -> None:
    """No dialog, no word on the console, no request but the file itself, no element that was not ours."""
    publish(hostile)
    further = sorted((hostile / "report").glob("*.html"))
    for page in (hostile / "report.html", *further):
        await tab.open(page)
        await use_everything(tab)
        assert tab.told("Page.javascriptDialogOpening") == []
        assert complaints(tab) == []
        assert await tab.run("document.querySelectorAll('img,iframe,object,embed,form,link').length") == 0
        assert (
            await tab.run("document.querySelector('[onerror],[onload],[onfocus],[style],[autofocus]')")
            is None
        )
    assert requested(tab) == {page.as_uri() for page in (hostile / "report.html", *further)}


async def test_the_policy_holds_even_if_markup_came_through(tab: Tab, small: Path) -> None:
    """The second wall: a page that had let everything through would still run nothing and load nothing."""
    publish(small)
    page = small / "report.html"
    attack = "<script>window.owned=1</script><img src='http://192.0.2.1/x' onerror='window.owned=2'>"
    attack += "<p style='color:red' id=styled onclick='window.owned=3'>x</p>"
    page.write_text(page.read_text().replace("<main", f"{attack}<main", 1))
    await tab.open(page)
    await tab.run("document.getElementById('styled').click()")
    assert await tab.run("window.owned") is None
    assert await tab.run("getComputedStyle(document.getElementById('styled')).color") != "rgb(255, 0, 0)"
    assert tab.told("Network.responseReceived") != []
    assert not [
        each for each in tab.told("Network.responseReceived") if "192.0.2.1" in each["response"]["url"]
    ]


async def test_the_page_works(tab: Tab, small: Path) -> None:
    """Filter, keys and the map do what they say, and the console stays silent."""
    publish(small)
    await tab.open(small / "report.html")
    await tab.press("n")
    assert await tab.run("document.querySelectorAll('.now').length") == 1
    first = await tab.run("document.querySelector('.now').dataset.c")
    await tab.press("n")
    assert await tab.run("document.querySelector('.now').dataset.c") != first
    await tab.run(
        "(() => { const box = document.getElementById('filter'); box.value = 'broken';"
        " box.dispatchEvent(new Event('input')); return new Promise(requestAnimationFrame); })()"
    )
    visible = "[...document.querySelectorAll('#documents tbody tr')].filter(row => !row.hidden).length"
    assert await tab.run(visible) == 1
    await tab.run("document.getElementById('heat').focus()")
    await tab.press("ArrowDown")
    assert "%" in await tab.run("document.getElementById('heat-says').textContent")
    assert complaints(tab) == []


async def test_the_page_can_be_read_without_its_script(tab: Tab, small: Path) -> None:
    """Views switch by style alone, and what needs the script is not offered."""
    publish(small)
    await tab.call("Emulation.setScriptExecutionDisabled", value=True)
    await tab.open(small / "report.html")
    shown = "document.querySelector('.pair[open] {}').getClientRects().length"
    assert await tab.run(shown.format(".side")) == 1
    await tab.run("document.querySelector('.s-inline').click()")
    assert await tab.run(shown.format(".side")) == 0
    assert await tab.run(shown.format(".inline")) == 1
    assert await tab.run("document.querySelector('.filter').getClientRects().length") == 0


async def test_a_phone_shows_one_text_and_never_scrolls_sideways(tab: Tab, small: Path) -> None:
    """On a narrow screen the inline view stands in for two columns, and only the map may be wider than the page."""
    publish(small)
    await tab.call(
        "Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True
    )
    await tab.open(small / "report.html")
    shown = "document.querySelector('.pair[open] {}').getClientRects().length"
    assert await tab.run(shown.format(".side")) == 0
    assert await tab.run(shown.format(".inline")) == 1
    assert await tab.run("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_has_contrast_enough(tab: Tab, small: Path, scheme: str) -> None:
    """Running text, changes, quiet words and names of folders reach 4.5 : 1 (WCAG 2.2, 1.4.3)."""
    publish(small)
    await tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    await tab.open(small / "report.html")
    ratios = await tab.run(
        """(() => {
        const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
          return .2126 * r + .7152 * g + .0722 * b; };
        const rgb = text => text.match(/[\\d.]+/g).map(Number);
        const ground = node => { for (; node; node = node.parentElement) { const c = rgb(getComputedStyle(node).backgroundColor);
          if (c.length === 3 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
        const ratio = selector => { const node = document.querySelector(selector);
          const [a, b] = [light(rgb(getComputedStyle(node).color).slice(0, 3)), light(ground(node))].sort((x, y) => y - x);
          return (a + .05) / (b + .05); };
        return Object.fromEntries(['main', '.lead', 'del', 'ins', '.note', '.tile dt', 'a', '.chip', 'code', '.folder', '.list th', '.nil', '.k-in', '.k-out', '.k-mv', '.k-rp']
          .filter(each => document.querySelector(each)).map(each => [each, ratio(each)]));
        })()"""
    )
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}
