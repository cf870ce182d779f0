"""The report as a page: what is in it, and how it behaves in a real browser."""

import base64
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from pix2pix_tf import html_report
from pix2pix_tf.data.io import images
from pix2pix_tf.html_report.examples import Example, ExampleImage, choose

NASTY = "<b>run</b><script>boom()</script>"
REPORT = f"""# Evaluation of {NASTY}

Measured on 3 images.

## Table

| run | epoch | SSIM |
| --- | ---: | ---: |
| b | 10 | 0.30 ± 0.01 |
| {NASTY} | 9 | – |
| c | 100 | -0.10 ± 0.01 |

## Comparison

![Mask & target](comparison.png)

![out of the folder](../secret.png) ![from elsewhere](https://example.org/a.png)

## How to read this

- **SSIM** is `1 < 2`.

[metrics.csv](metrics.csv), [no](javascript:boom())
"""


def example(rng, name="patch_1", side=32):
    mask, generated = rng.integers(0, 255, (side, side, 3), np.uint8), rng.integers(0, 255, (side, side), np.uint8)
    scores = {"SSIM": "0.123", NASTY: "1"}
    shown = ExampleImage("mask", mask), ExampleImage(f"orig {NASTY}", generated, scores)
    return Example(("worst SSIM", "best Dice"), name, shown)


@pytest.fixture
def report(tmp_path, rng):
    """A report's folder with a page."""
    folder = tmp_path / "report"
    images.write_png(folder / "comparison.png", rng.integers(0, 255, (900, 600), np.uint8))
    images.write_png(tmp_path / "secret.png", np.zeros((8, 8), np.uint8))
    html_report.write(folder, REPORT, [example(rng), example(rng, NASTY)], "Of all, two.")
    return folder


def pictures(page):
    """The pictures in a page, as Pillow opens them."""
    return [
        Image.open(io.BytesIO(base64.b64decode(data)))
        for data in re.findall(r'src="data:[\w/+]+;base64,([^"]+)"', page)
    ]


def test_the_page_has_text_and_pictures_inside(report, rng):
    page = (report / "report.html").read_text()
    assert (report / "report.md").read_text() == REPORT
    assert [one.size for one in pictures(page)] == [(600, 900), *[(32, 32)] * 4]
    assert (np.asarray(pictures(page)[0]) == np.asarray(Image.open(report / "comparison.png"))).all()
    assert page.index('id="comparison"') < page.index('id="examples"') < page.index('id="how-to-read-this"')
    assert "4 images, uncompressed" in " ".join(page.split())


def test_nothing_in_a_report_becomes_a_tag_or_an_address(report):
    page = (report / "report.html").read_text()
    assert page.count("<script") == 1 and "<b>" not in page
    assert page.count("&lt;script&gt;boom()") > 6
    assert 'href="javascript' not in page and "example.org" not in page
    assert not re.findall(r'(?:src|href)="(?!data:|#|metrics.csv")[^"]*"', page)


def test_a_page_stays_small_and_names_what_it_leaves_out(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(html_report, "ROOM_FOR_EXAMPLES", 9_000)  # a picture of noise has some 3,100 or 1,100 bytes
    monkeypatch.setattr(html_report, "ROOM", 9_000)
    images.write_png(tmp_path / "comparison.png", rng.integers(0, 255, (100, 100), np.uint8))
    html_report.write(tmp_path, REPORT, [example(rng, f"p{i}") for i in range(5)], "")
    page = (tmp_path / "report.html").read_text()
    shown = pictures(page)
    assert 0 < sum(one.size == (32, 32) for one in shown) < 10
    assert f"{len(shown)} images of 10; the page has no room" in " ".join(page.split())
    assert "too large for this page; see comparison.png" in page


def test_large_pictures_are_compressed_and_keep_their_size(tmp_path, rng):
    images.write_png(tmp_path / "comparison.png", rng.integers(0, 255, (900, 900), np.uint8))
    html_report.write(tmp_path, REPORT)
    (picture,) = pictures((tmp_path / "report.html").read_text())
    assert (picture.format, picture.size, picture.mode) == ("JPEG", (900, 900), "L")


def test_a_drawing_is_taken_where_there_is_one(tmp_path):
    images.write_png(tmp_path / "comparison.png", np.zeros((10, 20), np.uint8))
    (tmp_path / "comparison.svg").write_text("<svg/>")
    html_report.write(tmp_path, REPORT)
    page = (tmp_path / "report.html").read_text()
    assert f'src="data:image/svg+xml;base64,{base64.b64encode(b"<svg/>").decode()}"' in page
    assert 'width="20" height="10"' in page


def test_the_worst_the_median_and_the_best_by_hand():
    nan = float("nan")
    values = {"SSIM": np.array([0.3, 0.1, nan, 0.5, 0.4]), "Dice": np.array([0.2, 0.9, nan, 0.1, 0.2])}
    assert choose(values) == {
        1: ("worst SSIM", "best Dice"),
        0: ("median SSIM", "median Dice"),
        3: ("best SSIM", "worst Dice"),
    }
    assert choose({"IoU": np.array([nan, nan])}) == {}


@given(arrays(float, st.integers(1, 30), elements=st.floats(allow_nan=True)))
def test_half_of_the_images_are_no_better_than_the_median_one(values):
    chosen = {reason: place for place, reasons in choose({"x": values}).items() for reason in reasons}
    known = values[~np.isnan(values)]
    assert len(chosen) == (3 if known.size else 0)
    if chosen:
        assert values[chosen["worst x"]] == known.min() and values[chosen["best x"]] == known.max()
        assert 2 * np.sum(known <= values[chosen["median x"]]) >= known.size
        assert 2 * np.sum(known >= values[chosen["median x"]]) >= known.size


# ---- In a browser ----


@pytest.fixture
def page(browser, report):
    """The page from the disk, on a phone; fails where the browser complains or anything is asked for."""
    troubles = []
    context = browser.new_context(viewport={"width": 375, "height": 812})
    page = context.new_page()
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: troubles.append(request.url) if "data:" not in request.url[:5] else None)
    page.goto((report / "report.html").as_uri())
    yield page
    context.close()
    assert troubles == [(report / "report.html").as_uri()]


def test_tables_sort_by_figures_and_words_and_back(page):
    def shown():
        return [text[:1] for text in page.locator("#table tbody td:first-child").all_text_contents()]

    epoch, ssim = (page.locator("#table th", has_text=name) for name in ("epoch", "SSIM"))
    epoch.get_by_role("button").click()
    assert (shown(), epoch.get_attribute("aria-sort")) == (["<", "b", "c"], "ascending")  # 9, 10, 100
    ssim.get_by_role("button").click()
    assert (shown(), epoch.get_attribute("aria-sort")) == (["c", "b", "<"], None)  # what has no figure comes last
    ssim.get_by_role("button").click()
    assert (shown(), ssim.get_attribute("aria-sort")) == (["b", "c", "<"], "descending")
    ssim.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert (shown(), ssim.get_attribute("aria-sort")) == (["b", "<", "c"], None)  # as it was


def test_pictures_enlarge_pixel_by_pixel_and_lead_on_by_keyboard(page):
    page.get_by_role("button", name="Enlarge: mask", exact=True).first.focus()
    page.keyboard.press("Enter")
    viewer, image = page.locator("#viewer"), page.locator("#viewer-image")
    assert viewer.evaluate("one => one.open")
    assert image.evaluate("one => [one.naturalWidth, one.width / 32, getComputedStyle(one).imageRendering]") == [
        32, 11, "pixelated"
    ]  # fmt: skip
    page.keyboard.press("ArrowRight")
    assert "patch_1 (worst SSIM, best Dice)" in viewer.inner_text() and "SSIM 0.123" in viewer.inner_text()
    page.keyboard.press("+")
    assert image.evaluate("one => one.width / 32") == 22
    page.keyboard.press("Escape")
    assert not viewer.evaluate("one => one.open")
    # the browser tells of the closing a moment later
    page.locator("[aria-label^='Enlarge: orig <b>']:focus").wait_for(timeout=5000)


@pytest.mark.parametrize("width", [375, 1600])
def test_the_page_is_never_wider_than_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") == width
