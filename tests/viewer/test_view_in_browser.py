"""The page in a headless Chromium: drawn, masked, saved, filled as a user does it (`make test-browser`)."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from served import TOKEN, serving

import sayre

pytest.importorskip("dash")
playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.interop, pytest.mark.slow]

SIZE = (16, 30, 40)


@pytest.fixture
def scan(tmp_path):
    z, y, x = (np.arange(n) - n // 2 for n in SIZE)
    amplitude = np.sinc(z / 4)[:, None, None] * np.sinc(y / 5)[None, :, None] * np.sinc(x / 4)
    counts = np.random.default_rng(7).poisson(4e4 * amplitude**2 + 3).astype(np.float32)
    mask = np.zeros(SIZE, bool)
    mask[:, :, 24:26] = True
    np.savez(tmp_path / "scan.npz", data=np.where(mask, 0, counts), mask=mask)
    return tmp_path / "scan.npz"


@pytest.fixture
def page():
    with playwright.sync_playwright() as driver:
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        try:
            browser = driver.chromium.launch(executable_path=found, args=options)
        except playwright.Error as error:
            pytest.skip(f"Chromium does not start: {str(error).splitlines()[0]}")
        yield browser.new_page(viewport={"width": 1400, "height": 860})
        browser.close()


def drag(page, first, last):
    """From the centre of one pixel of the slice to that of another, (row, column) each."""
    place = """([row, column]) => {
        const graph = document.querySelector('#picture .js-plotly-plot');
        const {xaxis, yaxis} = graph._fullLayout, box = graph.getBoundingClientRect();
        return [box.x + xaxis._offset + xaxis.d2p(column), box.y + yaxis._offset + yaxis.d2p(row)];
    }"""
    start, end = page.evaluate(place, list(first)), page.evaluate(place, list(last))
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    page.mouse.up()
    page.wait_for_function("document.querySelector('#picture .js-plotly-plot').layout.shapes.length == 1")
    page.wait_for_timeout(500)


def test_a_mask_a_region_and_a_filling(scan, page, tmp_path):
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    with serving(scan) as port:
        page.goto(f"http://127.0.0.1:{port}/{TOKEN}/")
        page.wait_for_selector("#picture .heatmaplayer image", state="attached")
        page.wait_for_timeout(1000)
        drag(page, (2.6, 3.6), (6.4, 9.4))
        page.click("#mask")
        page.wait_for_function(
            "document.querySelector('#masked').innerText == 'drawn: 24 pixels of every frame'"
        )
        page.fill("#name", "drawn.npy")
        page.click("#save")
        page.wait_for_function("document.querySelector('#masked').innerText.startsWith('written')")
        drag(page, (4.6, 11.6), (25.4, 35.4))
        page.click("#take")
        page.wait_for_function("document.querySelector('#option').innerText == '--roi :,5:26,12:36'")
        page.click("#method")
        page.get_by_role("option", name="linear").click()
        page.click("#fill")
        page.wait_for_function("document.querySelector('#filling').innerText.includes('filled by linear')")
        page.wait_for_function("document.querySelector('#quantity').innerText.includes('filled counts')")
    expected = sayre.load(scan).mask[0].copy()
    expected[3:7, 4:10] = True
    np.testing.assert_array_equal(np.load(tmp_path / "drawn.npy"), expected)
    assert wrong == []
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {f"127.0.0.1:{port}"}
