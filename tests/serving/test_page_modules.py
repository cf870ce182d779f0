"""The page's modules without its controls, in a real browser: files byte by byte, drawing beside NumPy and SciPy."""

import io
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from pix2pix_tf.data import classes


@pytest.fixture(scope="module")
def js(browser, page_server):
    """Run `body`, the inside of an async function of `given`, with the modules' names at hand."""
    page = browser.new_page()
    page.goto(page_server.url)
    names = ["crc32", "png", "zip", "mask", "store", "upload", "choices", "painter", "pairs"]
    imports = " ".join(f'const {name} = await import("/page/{name}.js");' for name in names)

    yield lambda body, given=None: page.evaluate(f"async (given) => {{ {imports} {body} }}", given)
    page.close()


MASK = "{ width: given.width, height: given.height, cells: Uint8Array.from(given.cells) }"


def cells_of(array: np.ndarray) -> dict:
    return {"width": array.shape[1], "height": array.shape[0], "cells": array.ravel().tolist()}


def test_zones_are_those_of_the_data(js):
    zones = js("return mask.ZONES.map(({name, grey, colour}) => [name, grey, colour])")
    known = zip(classes.ZONE_NAMES, classes.ZONE_VALUES, map(list, classes.ZONE_COLOURS), strict=True)
    assert zones == [list(one) for one in known]


def test_checksums(js, rng):
    data = rng.integers(0, 256, 1000).tolist()
    assert js('return crc32.crc32(new TextEncoder().encode("123456789"))') == 0xCBF43926  # the standard's check value
    assert js("return crc32.crc32(Uint8Array.from(given))", data) == zlib.crc32(bytes(data))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 300), (64, 64)])
def test_pngs_are_grey_and_exact(js, rng, shape):
    values = rng.integers(0, 256, shape, dtype=np.uint8)
    made = js(
        "return [...await png.encodeGrey(given.width, given.height, Uint8Array.from(given.cells))]", cells_of(values)
    )
    image = Image.open(io.BytesIO(bytes(made)))
    assert (image.format, image.mode, image.info) == ("PNG", "L", {})
    image.verify()  # the checksums of the chunks
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(bytes(made)))), values)


def test_zips_hold_what_was_put_in(js):
    files = {"README.txt": b"", "zones/mélange.png": bytes(range(256)), "sar/a.png": b"\x00" * 5000}
    made = js(
        """const entries = given.map(([name, data]) => ({ name, data: Uint8Array.from(data) }));
           return [...zip.makeZip(entries, new Date(2026, 10, 20, 14, 30, 58))]""",
        [[name, list(data)] for name, data in files.items()],
    )
    with zipfile.ZipFile(io.BytesIO(bytes(made))) as read:
        assert read.testzip() is None
        assert {name: read.read(name) for name in read.namelist()} == files
        assert {info.date_time for info in read.infolist()} == {(2026, 11, 20, 14, 30, 58)}


def test_a_line_is_all_pixels_near_a_segment(js, rng):
    for _ in range(20):
        ends, diameter = rng.integers(-5, 45, (2, 2)), int(rng.integers(0, 8)) * 2 + 1
        drawn = js(
            """const made = mask.blank(40, 30, 0);
               mask.drawLine(made, ...given.ends, given.diameter, 2);
               return [...made.cells]""",
            {"ends": ends.tolist(), "diameter": diameter},
        )
        pixels = np.stack(np.meshgrid(np.arange(40), np.arange(30)), axis=-1).astype(float)
        along = ends[1] - ends[0]
        share = np.clip((pixels - ends[0]) @ along / max(1, along @ along), 0, 1)[..., None]
        near = np.linalg.norm(pixels - ends[0] - share * along, axis=-1) <= diameter / 2
        np.testing.assert_array_equal(np.reshape(drawn, (30, 40)) == 2, near)


def test_a_fill_takes_the_connected_region(js, rng):
    cells = rng.integers(0, 2, (20, 30))
    for x, y in ((0, 0), (29, 19), (15, 10)):
        filled = js(
            f"const made = {MASK}; mask.fill(made, given.start, 3); return [...made.cells]",
            cells_of(cells) | {"start": [x, y]},
        )
        regions = ndimage.label(cells == cells[y, x])[0]  # 4 neighbours
        np.testing.assert_array_equal(np.reshape(filled, cells.shape), np.where(regions == regions[y, x], 3, cells))
    assert js("const made = mask.blank(2, 2, 1); mask.fill(made, [2, 0], 3); return [...made.cells]") == [1, 1, 1, 1]


def test_history_is_bounded_and_walks_both_ways(js):
    seen = js(
        """const history = new mask.History(3, 1000);
           let now = mask.blank(1, 1, 0);
           for (const zone of [1, 2, 3, 2, 1]) { history.add(mask.copy(now)); now.cells[0] = zone; }
           const seen = [];
           while (history.canUndo) seen.push((now = history.undo(now)).cells[0]);
           while (history.canRedo) seen.push((now = history.redo(now)).cells[0]);
           const large = new mask.History(100, 50);
           for (let i = 0; i < 9; i++) large.add(mask.blank(4, 5, 0));
           let steps = 0;
           for (; large.canUndo; steps++) large.undo(now);
           return [seen, steps]"""
    )
    assert seen == [[2, 3, 2, 3, 2, 1], 2]  # 3 steps of 5; masks of 20 bytes, two of which are not above 50


def test_runs_give_the_drawing_back_and_damage_gives_nothing(js, rng):
    cells = np.repeat(rng.integers(0, 4, 40), rng.integers(1, 9, 40)).tolist()
    assert js("return [...store.unpackRuns(store.packRuns(Uint8Array.from(given)), given.length)]", cells) == cells
    for damaged in ([], [0, 3], [0, 4, 1], [4, 4], [0, -4, 1, 8], [0, 2.5, 1, 1.5], ["0", 4]):
        assert js("return store.unpackRuns(given, 4)", damaged) is None


def test_only_the_newest_request_counts(js):
    results = js(
        """const results = [], waiting = [];
           const send = (signal) => new Promise((done) => waiting.push({ done, signal }));
           const on = { started() {}, ended() {}, busy() {}, failed: (error) => results.push(error.message),
                          painted: (answer) => results.push(answer) };
           const made = new painter.Painter(send, on);
           const runs = [made.now(), made.now(), made.now()];
           waiting[2].done("third"); waiting[0].done("first"); waiting[1].done("second");
           await Promise.all(runs);
           return [results, waiting.map(({ signal }) => signal.aborted)]"""
    )
    assert results == [["third"], [True, True, False]]


def test_a_busy_server_is_asked_again(js):
    results = js(
        """const { Refused } = await import("/page/api.js");
           const results = [];
           return new Promise((done) => {
             const send = async () => { if (!results.length) throw new Refused("full", 503); return "painted"; };
             const on = { started() {}, ended() {}, busy: () => results.push("busy"),
                          failed: () => results.push("failed"), painted: (answer) => done([...results, answer]) };
             new painter.Painter(send, on).now();
           })"""
    )
    assert results == ["busy", "painted"]


def test_models_that_cannot_be_used_say_why(js):
    model = {"inputs": ["zones"], "targets": ["sar"], "versions": [1]}
    others = [
        {"inputs": ["sar"], "targets": ["zones"]},
        {"inputs": ["zones", "elevation"]},
        {"targets": []},
        {"versions": []},
    ]
    assert js("return given.map(choices.whyNot)", [model, *({**model, **other} for other in others)]) == [
        "",
        "takes sar, not zones",
        "takes zones, elevation, not zones",
        "paints nothing, not SAR",
        "has no version yet",
    ]


def test_a_condition_is_in_the_order_of_the_models_keys(js):
    results = js(
        """const parts = {};
           for (const name of ["model", "version"]) parts[name] = document.createElement("select");
           for (const name of ["conditions", "origin"]) parts[name] = document.createElement("div");
           const made = new choices.Choices(parts, {}, () => {});
           const model = { name: "m", run: "r", variant: "v", versions: [3, 20], labels: { stable: 3 },
                           inputs: ["zones"], targets: ["sar"], size: 32, origin: "real", conditions: {} };
           made.offer([model]);
           const results = [made.condition, made.version];
           made.offer([{ ...model, conditions: { sensor: ["ERS", "TSX"], season: ["winter"] } }]);
           const [sensor, season] = parts.conditions.querySelectorAll("select");
           results.push(made.condition);
           for (const [index, value] of [[1, "winter"], [0, "TSX"]]) {
             const select = parts.conditions.querySelectorAll("select")[index];
             select.value = value;
             select.dispatchEvent(new Event("change"));
             results.push(made.condition);
           }
           made.offer([{ ...model, versions: [3, 20, 40] }]);
           return [...results, made.version, [...parts.version.options].map((option) => option.text)]"""
    )
    assert results == [None, 20, ",", ",winter", "TSX,winter", 40, ["newest (40)", "40", "20", "3 · stable"]]


def test_a_style_is_offered_where_the_model_has_styles(js):
    results = js(
        """const parts = {};
           for (const name of ["model", "version"]) parts[name] = document.createElement("select");
           for (const name of ["conditions", "origin"]) parts[name] = document.createElement("div");
           const made = new choices.Choices(parts, {}, () => {});
           const model = { name: "m", run: "r", variant: "v", versions: [3], labels: {},
                           inputs: ["zones"], targets: ["sar"], size: 32, origin: "real", conditions: {} };
           made.offer([model]);
           const results = [made.style];
           made.offer([{ ...model, styles: ["A", "B"] }]);
           results.push(made.style);
           for (const value of ["random", "scene:B"]) {
             const select = parts.conditions.querySelector("select");
             select.value = value;
             select.dispatchEvent(new Event("change"));
             results.push(made.style);
           }
           made.offer([{ ...model, styles: ["A"] }]);
           return [...results, made.style]"""
    )
    assert results == [None, "", "random", "scene:B", ""]


def test_names_of_pairs_tell_drawings_apart_and_hold_no_scene_mark(js):
    names = js(
        """const pair = { mask: mask.blank(4, 4, 1), model: "my__model", version: 20, seed: 7, condition: null };
           return [pair, { ...pair, seed: 8 }, { ...pair, mask: mask.blank(4, 4, 2) }, { ...pair, condition: "TSX," },
                   { ...pair, mask: mask.blank(4, 4, 1) }].map(pairs.nameOf)"""
    )
    assert len(set(names)) == 4 and names[0] == names[4]
    assert all("_" not in name for name in names)
    assert names[3].startswith("painted-my-model-20-seed7-TSX-")
