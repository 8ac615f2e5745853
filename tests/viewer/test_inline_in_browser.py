"""The page of `.view()` in a headless Chromium, in the frame of a notebook (`make test-browser`)."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

import sayre

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.interop, pytest.mark.slow]

SIZE = (16, 30, 40)


@pytest.fixture(scope="module")
def pattern():
    z, y, x = (np.arange(n) - n // 2 for n in SIZE)
    amplitude = np.sinc(z / 4)[:, None, None] * np.sinc(y / 5)[None, :, None] * np.sinc(x / 4)
    counts = np.random.default_rng(7).poisson(4e4 * amplitude**2 + 3).astype(np.float32)
    mask = np.zeros(SIZE, bool)
    mask[:, :, 24:26] = True
    return sayre.Pattern.from_counts(counts, mask)


@pytest.fixture
def shown(tmp_path):
    """Opens a view as a notebook does, and returns its frame; nothing may fail or be asked for on the way."""
    with playwright.sync_playwright() as driver:
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        try:
            browser = driver.chromium.launch(executable_path=found, args=options)
        except playwright.Error as error:
            pytest.skip(f"Chromium does not start: {str(error).splitlines()[0]}")
        page, wrong = browser.new_page(bypass_csp=True, viewport={"width": 1000, "height": 700}), []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url))

        def show(view):
            notebook = tmp_path / "notebook.html"
            notebook.write_text(
                f"<!DOCTYPE html><meta charset='utf-8'>{view._repr_html_()}", encoding="utf-8"
            )
            page.goto(notebook.as_uri())
            frame = page.frames[1]
            frame.wait_for_selector("#place:not(:empty)", state="attached")
            wrong.remove(notebook.as_uri())
            return page, frame

        yield show
        browser.close()
        assert [text for text in wrong if not text.startswith("about:srcdoc")] == []


def place(frame, row, column):
    """Pixels of the page where a voxel of the slice is drawn."""
    script = """([i, j]) => {
        const inside = canvas.getBoundingClientRect(), place = state.places[0];
        return [inside.x + toX(place, j + 0.5), inside.y + toY(place, i + 0.5)];
    }"""
    x, y = frame.evaluate(script, [int(row), int(column)])
    outer = frame.frame_element().bounding_box()
    return outer["x"] + x, outer["y"] + y


def drag(page, frame, first, last):
    page.mouse.move(*place(frame, *first))
    page.mouse.down()
    page.mouse.move(*place(frame, *last), steps=4)
    page.mouse.up()


def test_a_pointer_shows_the_counts(shown, pattern):
    page, frame = shown(pattern.view())
    peak = np.unravel_index(np.argmax(pattern.intensity), SIZE)
    page.mouse.move(*place(frame, *peak[1:]))
    stated = frame.inner_text("#under").partition("row 15, column 20: counts ")[2]
    assert float(stated) == pytest.approx(pattern.intensity.max(), rel=5e-3)
    frame.evaluate("(n) => { part('index').value = n; part('index').oninput({ target: part('index') }); }", 3)
    assert frame.inner_text("#place") == "rocking 3 (4 of 16)"
    page.mouse.move(*place(frame, 14, 11))
    assert frame.inner_text("#under").endswith(f" counts {int(pattern.intensity[3, 14, 11])}")
    page.mouse.move(*place(frame, 14, 24))
    assert frame.inner_text("#under").endswith(" not known")


def test_boxes_are_the_code_that_makes_them(shown, pattern):
    """On slices of every axis: the code, run, gives the voxels that were drawn."""
    page, frame = shown(pattern.view())
    drag(page, frame, (4, 6), (9, 12))
    frame.check("#across label:nth-of-type(2) input")
    frame.check("#one")
    drag(page, frame, (2, 30), (5, 20))
    expected = np.zeros(SIZE, bool)
    expected[:, 4:10, 6:13] = True
    expected[2:6, 15, 20:31] = True
    names = {"np": np, "pattern": pattern}
    exec(frame.inner_text("#mask"), names)
    np.testing.assert_array_equal(names["mask"], expected)
    part = eval(f"pattern{frame.inner_text('#region')}", names)
    assert part == pattern.crop(np.s_[2:6, 15:16, 20:31])
    frame.click("#undo")
    exec(frame.inner_text("#mask"), names)
    assert names["mask"].sum() == 16 * 6 * 7
    frame.click("#clear")
    assert frame.is_hidden("#code")


def test_a_part_is_shown_larger_and_all_of_it_again(shown, pattern):
    page, frame = shown(pattern.view())
    drag(page, frame, (10, 15), (19, 24))
    before = frame.evaluate("state.places[0]")
    frame.click("#zoom")
    zoomed = frame.evaluate("state.places[0]")
    assert [zoomed[end] for end in ("top", "bottom", "left", "right")] == [10, 20, 15, 25]
    page.mouse.move(*place(frame, 15, 20))
    assert frame.inner_text("#under").startswith("row 15, column 20: ")
    frame.click("#whole")
    assert frame.evaluate("state.places[0]") == before


def test_filled_voxels_can_be_taken_away(shown, pattern):
    filled = sayre.inpaint(pattern, method="linear")
    page, frame = shown(filled.view(pattern))
    page.mouse.move(*place(frame, 15, 25))
    texts = frame.inner_text("#under").partition(": ")[2].split(" | ")
    stated = float(texts[0].removeprefix("filled counts "))
    assert stated == pytest.approx(filled.intensity[8, 15, 25], rel=5e-3)
    assert texts[1] == "counts not known"
    frame.uncheck("#filled")
    page.mouse.move(*place(frame, 14, 25))
    assert frame.inner_text("#under").partition(": ")[2] == "filled counts not known | counts not known"


def test_colours_are_those_of_the_map(shown, pattern):
    """The brightest voxel has the last colour, what was not measured the grey-blue of all pictures."""
    from matplotlib import colormaps

    _, frame = shown(pattern.view())
    read = """([i, j]) => {
        const ratio = window.devicePixelRatio || 1, place = state.places[0];
        const at = [toX(place, j + 0.5) * ratio, toY(place, i + 0.5) * ratio].map(Math.round);
        return [...canvas.getContext("2d").getImageData(...at, 1, 1).data];
    }"""
    last = np.rint(255 * np.array(colormaps["magma"](1.0))).astype(int).tolist()
    assert frame.evaluate(read, [15, 20]) == last
    assert frame.evaluate(read, [15, 24]) == [0x9F, 0xB3, 0xC8, 255]


def test_a_surface_can_be_turned(shown):
    """From above it has the colour of the first rows, from below that of the last."""
    place = np.indices((24, 24, 24)) - 12
    inside = (np.abs(place) < 8).all(0)
    crystal = sayre.Crystal(
        object=inside.astype(np.complex64),
        support=inside,
        strain=np.where(inside, 1e-3 * place[1], np.nan).astype(np.float32),
    )
    page, frame = shown(crystal.view())
    frame.select_option("#quantity", label="strain (%)")
    frame.check("#across label:nth-of-type(4) input")
    assert frame.inner_text("#place") == "drag to turn it"
    read = """(turn) => {
        state.turn = turn; draw();
        const side = Math.min(canvas.clientHeight - TOP - 10, canvas.clientWidth - 20 - BAR - 20);
        const ratio = window.devicePixelRatio || 1;
        const at = [10 + side / 2, TOP + side / 2].map((x) => Math.round(x * ratio));
        return [...canvas.getContext("2d").getImageData(...at, 1, 1).data];
    }"""
    above = frame.evaluate(read, [[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    below = frame.evaluate(read, [[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    assert above[2] > 2 * above[0]  # blue: negative
    assert below[0] > 2 * below[2]  # red: positive
    before = np.array(frame.evaluate("state.turn"))
    box = frame.frame_element().bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 250)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 220, steps=4)
    page.mouse.up()
    after = np.array(frame.evaluate("state.turn"))
    assert np.abs(after - before).max() > 0.1
    np.testing.assert_allclose(after @ after.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(after) == pytest.approx(1)
