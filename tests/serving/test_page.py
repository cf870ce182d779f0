"""The page to paint glaciers, in a real browser before the real server with a real export."""

import base64
import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from PIL import Image
from rasterio.crs import CRS
from scipy import ndimage

from pix2pix_tf.data import classes
from pix2pix_tf.data.io import raster
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.export import saved_model
from pix2pix_tf.prepare import __main__ as prepare
from pix2pix_tf.utils import cli
from tests.helpers import SIZE, wait_until
from tests.serving import server as serving_server  # skips these tests where requirements-serve.txt is not installed

BLANK = np.full((SIZE, SIZE), classes.OCEAN, np.uint8)
NAMES = {name: value for name, value in zip(classes.ZONE_NAMES, classes.ZONE_VALUES, strict=True)}

# ---- The page in a browser ----


@pytest.fixture
def troubles() -> list[str]:
    """The errors in the browser's console; the list must be empty when a test ends."""
    return []


@pytest.fixture
def open_page(browser, page_server, troubles):
    """Open the page in a browser that has never seen it, and wait for the first image."""
    contexts = []

    def open_in(url=page_server.url, **settings):
        contexts.append(browser.new_context(**settings))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)  # milliseconds; a busy machine is no fault of the page
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: troubles.append(request.url) if not own(request.url, url) else None)
        page.goto(url)
        page.locator("#image:not([hidden])").wait_for()
        return page

    def own(asked, url):
        return asked.startswith((url, "blob:", "data:"))

    yield open_in
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture
def page(open_page):
    return open_page(viewport={"width": 1280, "height": 900})


@pytest.fixture
def artefacts() -> Path:
    """The folder for screenshots; git ignores it."""
    folder = Path(__file__).parents[1] / "artefacts"
    folder.mkdir(exist_ok=True)
    return folder


# ---- What tests do with it ----


def zones_on(page) -> np.ndarray:
    """The mask on the canvas as grey values, uint8 [H, W]; fails where a pixel has no zone's colour."""
    width, rgba = page.evaluate(
        """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
             const canvas = document.getElementById("mask");
             const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
             done([canvas.width, [...data]]);
           })))"""
    )
    pixels = np.array(rgba, np.uint8).reshape(-1, width, 4)
    same = (pixels[..., None, :3] == np.array(classes.ZONE_COLOURS, np.uint8)).all(axis=-1)
    assert (same.sum(axis=-1) == 1).all() and (pixels[..., 3] == 255).all()
    return np.array(classes.ZONE_VALUES, np.uint8)[same.argmax(axis=-1)]


def place(page, column: float, row: float) -> tuple[float, float]:
    """Return the window's coordinates of the middle of a mask's pixel."""
    box = page.locator("#mask").bounding_box()
    return box["x"] + (column + 0.5) * box["width"] / SIZE, box["y"] + (row + 0.5) * box["height"] / SIZE


def stroke(page, *pixels: tuple[int, int]) -> None:
    """Draw with the mouse, in one jump from each pixel to the next."""
    page.mouse.move(*place(page, *pixels[0]))
    page.mouse.down()
    for pixel in pixels[1:]:
        page.mouse.move(*place(page, *pixel))
    page.mouse.up()


def choose(page, zone: str, tool: str = "brush", size: int = 1) -> None:
    page.locator("#zones").get_by_label(zone).check()
    page.check(f"input[value={tool}]")
    page.locator("#brush").fill(str(size))


def painting(page, act, *arguments):
    """Do something and wait for the image that the page asks for: the mask that was sent, the seed, the image."""
    with page.expect_response(re.compile(":predict$")) as waited:
        act(*arguments)
    answer = waited.value
    sent = answer.request.post_data_json["inputs"]
    png = base64.b64decode(answer.json()["outputs"][0]["b64"])
    page.locator("#image-facts", has_text=f"seed {sent['seed'][0]}").wait_for()
    return base64.b64decode(sent["image_bytes"][0]["b64"]), sent["seed"][0], png


def mask_of(png: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(png))
    assert (image.format, image.mode) == ("PNG", "L")
    return np.asarray(image)


def png_of(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, kind)
    return data.getvalue()


def upload(page, name: str, data: bytes) -> str:
    """Uploads a file and gives what the page says of it."""
    page.evaluate("document.getElementById('status').textContent = ''")
    page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": data})
    page.wait_for_function("name => document.getElementById('status').textContent.includes(name)", arg=name)
    return page.locator("#status").inner_text()


def quiet(page) -> None:
    """No image after each stroke: what is tested is the drawing."""
    page.locator("#live").uncheck()
    page.locator("#blank").click()


# ---- Drawing ----


def test_it_begins_with_a_mask_of_the_gallery_and_its_image(page):
    assert page.locator("#gallery button").count() == 3
    assert page.locator("#image").evaluate("image => [image.naturalWidth, image.naturalHeight]") == [SIZE, SIZE]
    assert len(np.unique(zones_on(page))) > 1
    assert page.locator("#model option").all_inner_texts() == ["orig (tiny)"]
    assert page.locator("#version option").all_inner_texts()[0] == "newest (2)"


def test_what_is_drawn_is_what_the_model_paints(page, tiny_run):
    painting(page, page.locator("#blank").click)
    choose(page, "glacier", size=5)
    sent, seed, png = painting(page, stroke, page, (8, 16), (24, 16))
    mask = BLANK.copy()
    mask[15:18, 6:27] = NAMES["glacier"]  # five pixels wide, with round ends: within 2.5 pixels of the middle line
    mask[14:19, 7:26] = NAMES["glacier"]
    np.testing.assert_array_equal(mask_of(sent), mask)
    np.testing.assert_array_equal(zones_on(page), mask)
    assert saved_model.load(tiny_run / "export" / "orig").generate_pngs([[sent]], [seed]) == [[png]]


def test_a_fast_stroke_has_no_gaps(page):
    quiet(page)
    choose(page, "rock")
    stroke(page, (2, 2), (29, 16), (4, 30))
    drawn = zones_on(page) == NAMES["rock"]
    assert ndimage.label(drawn, np.ones((3, 3)))[1] == 1  # one piece
    assert drawn[2, 2] and drawn[16, 29] and drawn[30, 4] and drawn.sum() < 70


def test_lines_and_fills(page):
    quiet(page)
    choose(page, "rock", "line", 3)
    stroke(page, (16, 0), (10, 10), (16, 31))  # only the ends of a line count
    mask = BLANK.copy()
    mask[:, 15:18] = NAMES["rock"]
    np.testing.assert_array_equal(zones_on(page), mask)
    choose(page, "glacier", "fill")
    stroke(page, (25, 5))
    mask[:, 18:] = NAMES["glacier"]
    np.testing.assert_array_equal(zones_on(page), mask)


def test_undo_and_redo(page):
    quiet(page)
    choose(page, "rock", size=3)
    states = [zones_on(page)]
    for row in (5, 15, 25):
        stroke(page, (4, row), (28, row))
        states.append(zones_on(page))
    page.locator("#undo").click()
    np.testing.assert_array_equal(zones_on(page), states[2])
    page.keyboard.press("Control+z")
    np.testing.assert_array_equal(zones_on(page), states[1])
    page.keyboard.press("Control+y")
    page.keyboard.press("Control+Shift+Z")
    np.testing.assert_array_equal(zones_on(page), states[3])
    assert page.locator("#redo").is_disabled()
    page.locator("#undo").click()
    stroke(page, (10, 10))
    assert page.locator("#redo").is_disabled()  # what was undone is gone once something else is drawn


def test_keyboard_alone(page):
    page.locator("#live").uncheck()
    page.locator("#blank").focus()
    page.keyboard.press("Enter")
    page.locator("#mask").focus()
    for key in ("2", "b", *"[" * 10, *"]", "ArrowUp", "ArrowUp", "ArrowLeft"):  # rock, 3 pixels wide
        page.keyboard.press(key)
    page.keyboard.down("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.up("Space")
    mask = BLANK.copy()
    mask[13:16, 14:19] = NAMES["rock"]  # the cursor began in the middle, at 16, 16, and went to 15, 14, then to 17, 14
    np.testing.assert_array_equal(zones_on(page), mask)
    for key in ("4", "f", "Enter"):  # ocean again, by filling
        page.keyboard.press(key)
    np.testing.assert_array_equal(zones_on(page), BLANK)
    sent, _, _ = painting(page, page.keyboard.press, "p")
    np.testing.assert_array_equal(mask_of(sent), BLANK)
    page.get_by_text("column 17, row 14: ocean").wait_for(state="attached")  # for a screen reader


def test_every_control_has_a_name(page):
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, #mask, img")].filter((element) =>
             !(element.labels?.length || element.ariaLabel || element.innerText || element.alt || element.title)
             && element.getAttribute("alt") !== "").map((element) => element.outerHTML)"""
    )
    assert nameless == []


# ---- Painting ----


def test_another_seed_is_another_image_and_the_same_seed_the_same(page):
    def to(seed):
        page.locator("#seed").fill(seed)
        page.locator("#seed").press("Enter")

    first = painting(page, to, "7")
    other = painting(page, page.locator("#dice").click)
    again = painting(page, to, "7")
    assert first[0] == other[0] and first[1] == again[1] == 7 != other[1]
    assert first[2] == again[2] != other[2]


def test_an_older_epoch_can_be_chosen(page):
    with page.expect_request(re.compile("/v1/models/orig/versions/1:predict$")):
        page.locator("#version").select_option("1")
    page.locator("#image-facts", has_text="epoch 1").wait_for()


def test_without_live_an_old_image_says_so(page):
    quiet(page)
    choose(page, "rock", size=9)
    stroke(page, (16, 16))
    assert "of an earlier mask" in page.locator("#image-facts").inner_text()
    assert page.locator("#save").is_disabled()
    painting(page, page.locator("#paint").click)
    assert "earlier" not in page.locator("#image-facts").inner_text()
    assert page.locator("#save").is_enabled()


def test_a_recent_image_brings_back_its_mask_and_seed(page):
    first = painting(page, page.locator("#paint").click)
    painting(page, page.locator("#dice").click)
    page.locator("#blank").click()
    page.locator("#image-facts", has_text="earlier").wait_for(state="detached")
    page.locator("#recent button").last.click()
    np.testing.assert_array_equal(zones_on(page), mask_of(first[0]))
    assert page.locator("#seed").input_value() == str(first[1])


def test_comparing_lays_the_image_over_the_mask_and_one_draws_through_it(page):
    page.check("input[value=over]")
    mask, image = (page.locator(name).bounding_box() for name in ("#mask", "#image"))
    assert mask == pytest.approx(image)
    quiet(page)
    choose(page, "rock", size=3)
    stroke(page, (28, 16))  # on the half where the image is seen
    assert zones_on(page)[16, 28] == NAMES["rock"]


# ---- Zoom ----


def test_zoomed_in_the_brush_still_draws_where_it_is(page):
    quiet(page)
    choose(page, "rock")
    frame = page.locator("#drop").bounding_box()
    page.locator("#larger").click()
    assert page.locator("#factor").inner_text() == "2 ×"
    for part in ("#mask", "#image"):
        assert page.locator(part).bounding_box()["width"] == pytest.approx(2 * frame["width"], abs=1)
    stroke(page, (12, 13), (12, 13))
    mask = BLANK.copy()
    mask[13, 12] = NAMES["rock"]
    np.testing.assert_array_equal(zones_on(page), mask)


def test_the_wheel_zooms_at_the_pointer_and_moves_up_to_the_border(page):
    frame = page.locator("#drop").bounding_box()
    corner = frame["x"] + frame["width"] / 4, frame["y"] + frame["height"] / 4
    page.mouse.move(*corner)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    box = page.locator("#mask").bounding_box()
    assert box["width"] > 1.5 * frame["width"]
    assert (corner[0] - box["x"]) / box["width"] == pytest.approx(0.25, abs=0.01)  # the same place is under it
    page.mouse.wheel(0, 1e5)
    page.mouse.wheel(0, 0)
    box = page.locator("#mask").bounding_box()
    assert box["y"] + box["height"] == pytest.approx(frame["y"] + frame["height"], abs=1)
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert page.locator("#mask").bounding_box() == pytest.approx(frame, abs=1)
    assert page.locator("#smaller").is_disabled()


@pytest.mark.parametrize(("tool", "frame"), [("brush", "#drop"), ("fill", "#drop"), ("brush", "#image")])
def test_two_fingers_zoom_and_draw_nothing(open_page, tool, frame):
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True)
    quiet(page)
    choose(page, "rock", tool, 3)
    page.locator(frame).scroll_into_view_if_needed()
    box = page.locator(frame).bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    browser = page.context.new_cdp_session(page)

    def touch(kind, *distances):  # of the fingers from the middle, to the right
        points = [{"x": middle[0] + d, "y": middle[1], "id": n} for n, d in enumerate(distances)]
        browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", -20)
    touch("touchStart", -20, 20)
    for spread in (25, 30, 40):
        touch("touchMove", -spread, spread)
    touch("touchEnd")
    assert page.locator("#factor").inner_text() == "2 ×"
    assert page.evaluate("visualViewport.scale") == 1  # the page itself is as large as before
    np.testing.assert_array_equal(zones_on(page), BLANK)


# ---- Files in and out ----


def test_what_is_no_mask_is_refused_with_a_reason(page, mask_png, troubles):
    quiet(page)
    strange = np.full((SIZE, SIZE), classes.ROCK, np.uint8)
    strange[3, 7] = 200
    said = {
        "photo.jpg": upload(page, "photo.jpg", png_of(strange, "JPEG")),
        "strange.png": upload(page, "strange.png", png_of(strange)),
        "deep.png": upload(page, "deep.png", png_of(strange.astype(np.uint16))),
        "cut.png": upload(page, "cut.png", mask_png[:60]),
        "strange.tif": upload(page, "strange.tif", png_of(strange, "TIFF")),
        "soft.png": upload(page, "soft.png", png_of(np.full((4, 4, 4), 127, np.uint8))),
    }
    assert "neither PNG nor TIFF" in said["photo.jpg"]
    assert "1 pixels (0.1 %)" in said["strange.png"] and "grey 200 in column 7, row 3" in said["strange.png"]
    assert "16 bits" in said["deep.png"]
    assert "damaged" in said["cut.png"]
    assert "half transparent in column 0, row 0" in said["soft.png"]
    assert "row 3, column 7: grey value 200" in said["strange.tif"]
    np.testing.assert_array_equal(zones_on(page), BLANK)  # the drawing is as it was
    assert len(troubles) == 1 and "400" in troubles.pop()  # the server's refusal of the TIFF


def test_masks_near_the_classes_and_in_the_zones_colours_are_taken(page, mask_png, rng):
    quiet(page)
    mask = mask_of(mask_png)
    near = np.clip(mask + rng.integers(-6, 7, mask.shape), 0, 255).astype(np.uint8)
    assert "as the nearest zone" in upload(page, "near.png", png_of(near))
    np.testing.assert_array_equal(zones_on(page), mask)
    page.locator("#blank").click()
    coloured = np.dstack([classes.colour_zones(mask), np.where(mask == classes.ROCK, 0, 255).astype(np.uint8)])
    assert upload(page, "coloured.png", png_of(coloured)) == "coloured.png."
    np.testing.assert_array_equal(zones_on(page), np.where(mask == classes.ROCK, classes.NOT_AVAILABLE, mask))


def test_a_geotiff_is_read_as_its_zones(page, mask_png, tmp_path):
    quiet(page)
    path, mask = tmp_path / "zones.tif", mask_of(mask_png)
    grid = Grid(SIZE, SIZE, Affine(100, 0, 0, 0, -100, 0), CRS.from_epsg(3413))
    raster.write_geotiff(path, mask[..., np.newaxis], grid)
    assert upload(page, "zones.tif", path.read_bytes()) == "zones.tif."
    np.testing.assert_array_equal(zones_on(page), mask)


def test_a_mask_of_another_size_is_scaled_and_it_says_so(page):
    large = np.full((2 * SIZE, 3 * SIZE), classes.GLACIER, np.uint8)
    large[:, : SIZE // 2] = classes.ROCK  # cut away with the left border: the middle square is kept
    large[:SIZE, SIZE // 2 :] = classes.OCEAN
    said = upload(page, "large.png", png_of(large))
    assert said == "large.png: 96 × 64 pixels, its middle square, scaled to 32 × 32."
    np.testing.assert_array_equal(
        zones_on(page), np.repeat([classes.OCEAN, classes.GLACIER], SIZE // 2)[:, None].repeat(SIZE, 1)
    )


def test_a_mask_can_be_dropped_anywhere(page, mask_png):
    quiet(page)
    page.evaluate(
        """(bytes) => {
             const dataTransfer = new DataTransfer();
             dataTransfer.items.add(new File([Uint8Array.from(bytes)], "dropped.png", { type: "image/png" }));
             for (const type of ["dragover", "drop"])
               document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
           }""",
        list(mask_png),
    )
    page.locator("#status", has_text="dropped.png").wait_for()
    np.testing.assert_array_equal(zones_on(page), mask_of(mask_png))


def test_downloaded_pairs_become_a_data_set(page, tmp_path, capsys):
    def download(button):
        with page.expect_download() as waited:
            page.locator(button).click()
        waited.value.save_as(tmp_path / waited.value.suggested_filename)
        return zipfile.ZipFile(tmp_path / waited.value.suggested_filename)

    first, second = (painting(page, page.locator(button).click) for button in ("#paint", "#dice"))
    one = download("#save")
    name = Path(one.filename).stem
    assert one.testzip() is None
    assert sorted(one.namelist()) == ["README.txt", f"sar/{name}.png", "scenes.json", f"zones/{name}.png"]
    assert (one.read(f"zones/{name}.png"), one.read(f"sar/{name}.png")) == (second[0], second[2])
    assert f"epoch 2, seed {second[1]}" in one.read("README.txt").decode()
    both = download("#save-all")
    assert {both.read(f) for f in both.namelist() if f.startswith("sar/")} >= {first[2], second[2]}
    both.extractall(tmp_path / "unpacked")
    command = re.search(r"python -m pix2pix_tf.prepare (.*)", both.read("README.txt").decode())[1]
    command = command.replace("FOLDER", str(tmp_path / "unpacked")).replace(
        "datasets/painted", str(tmp_path / "painted")
    )
    assert cli.run(prepare.main, command.split()) == 0, capsys.readouterr().err
    assert json.loads((tmp_path / "painted" / "dataset.json").read_text())["origin"] == "generated: tiny@2"
    for role, data in (("zones", second[0]), ("sar", second[2])):
        (written,) = (tmp_path / "painted").glob(f"*/{role}/{name}.png")
        np.testing.assert_array_equal(mask_of(written.read_bytes()), mask_of(data))


# ---- When things go wrong ----


def test_a_reload_keeps_drawing_and_settings(page):
    quiet(page)
    choose(page, "rock", "line", 5)
    stroke(page, (3, 3), (28, 20))
    page.locator("#seed").fill("4711")
    page.locator("#seed").press("Enter")
    before = zones_on(page)
    page.reload()
    page.locator("#version option").first.wait_for(state="attached")
    np.testing.assert_array_equal(zones_on(page), before)
    assert page.locator("#seed").input_value() == "4711"
    assert page.locator("#brush").input_value() == "5"
    assert page.locator("input[value=line]").is_checked() and not page.locator("#live").is_checked()


def test_a_damaged_memory_does_not_stop_the_page(page):
    page.evaluate("""() => {
        localStorage.setItem("pix2pix_tf.drawing", '{"width": 32, "height": 32, "runs": [9, 1024]}');
        localStorage.setItem("pix2pix_tf.settings", '{"size": "large", "kind": 7');
    }""")
    page.reload()
    page.locator("#image:not([hidden])").wait_for()
    assert zones_on(page).shape == (SIZE, SIZE)


def test_the_server_goes_and_comes_back(page, page_server, troubles):
    painting(page, page.locator("#blank").click)
    choose(page, "rock", size=5)
    page_server.stop()
    with page.expect_event("requestfailed", lambda request: ":predict" in request.url):
        stroke(page, (4, 4), (20, 20))
    page.locator("#banner").wait_for(state="visible")
    drawn = zones_on(page)
    assert (drawn == NAMES["rock"]).any()  # one can go on drawing
    troubles.clear()  # the browser's own "connection refused"
    page_server.start()
    page.locator("#banner").wait_for(state="hidden")
    page.locator("#image-figure:not(.stale)").wait_for()  # the image that was owed
    np.testing.assert_array_equal(zones_on(page), drawn)
    troubles.clear()


def test_a_new_epoch_is_taken_when_the_old_one_is_gone(open_page, tiny_run, tiny_data, tmp_path, troubles):
    shutil.copytree(tiny_run / "export" / "orig" / "1", tmp_path / "orig" / "1")
    with serving_server.running({"orig": tmp_path / "orig"}) as server:
        server.service.gallery.add_folder(tiny_data / "val" / "zones")
        page = open_page(server.url + "/")
        page.locator("#image-facts", has_text="epoch 1").wait_for()
        shutil.copytree(tiny_run / "export" / "orig" / "2", tmp_path / "coming")
        (tmp_path / "coming").rename(tmp_path / "orig" / "2")
        wait_until(lambda: server.ask("/v1/models/orig/versions/1")[0] == 404)
        page.locator("#dice").click()
        page.locator("#image-facts", has_text="epoch 2").wait_for()
        page.close()  # else it may ask once more when the server is gone
        troubles.clear()  # the browser's own "404"


# ---- How it looks ----


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1600])
def test_it_fits_the_window(open_page, artefacts, width, scheme):
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=width < 600)
    page.screenshot(path=artefacts / f"page-{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    box = page.locator("#mask").bounding_box()
    assert box["width"] == pytest.approx(box["height"]) and box["y"] + box["height"] <= 900  # seen without scrolling
    image, below = page.locator("#image").bounding_box(), 900
    if width < 600:
        below = page.locator(".actions").bounding_box()["y"]
    assert image["width"] == box["width"] > 180 and image["y"] + image["height"] <= below


def test_a_finger_draws(open_page):
    page = open_page(viewport={"width": 375, "height": 812}, has_touch=True)
    quiet(page)
    choose(page, "rock", size=3)
    page.locator("#mask").scroll_into_view_if_needed()
    page.touchscreen.tap(*place(page, 10, 12))
    mask = BLANK.copy()
    mask[11:14, 9:12] = NAMES["rock"]
    np.testing.assert_array_equal(zones_on(page), mask)
