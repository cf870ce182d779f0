import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.data import classes, visualization


def patches(count, size=16, seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (count, size, size), np.uint8))


def read(path):
    return np.asarray(Image.open(path).convert("RGB"))


def find(sheet, patch, zoom):
    """Rows and columns where a patch lies on a sheet, each of its pixels a square; it must be there once."""
    patch = patch if patch.ndim == 3 else np.stack([patch] * 3, axis=-1)
    expected = patch.repeat(zoom, 0).repeat(zoom, 1)
    height, width = expected.shape[:2]
    corners = np.argwhere((sheet == expected[0, 0]).all(-1))
    places = [(y, x) for y, x in corners if np.array_equal(sheet[y : y + height, x : x + width], expected)]
    assert len(places) == 1
    return places[0]


def test_patches_are_enlarged_by_whole_numbers_and_stand_in_rows_and_columns(tmp_path):
    left, right = patches(2, seed=1), patches(2, seed=2)
    visualization.grid(tmp_path / "sheet.png", [("a", left), ("b\nc", right)], "title", legend=False)
    sheet = read(tmp_path / "sheet.png")
    (y0, x0), (y1, x1) = find(sheet, left[0], 16), find(sheet, left[1], 16)
    assert (y1 - y0, x1 - x0) == (16 * 16 + visualization.GAP, 0)
    assert find(sheet, right[0], 16) == (y0, x0 + 16 * 16 + visualization.GAP)
    assert find(sheet, right[1], 16) == (y1, x0 + 16 * 16 + visualization.GAP)


def test_patches_of_256_pixels_are_shown_one_to_one(tmp_path):
    (patch,) = patches(1, 256)
    visualization.grid(tmp_path / "sheet.png", [("a", [patch])], "title", legend=False)
    find(read(tmp_path / "sheet.png"), patch, 1)


def test_legend_shows_all_classes_whether_or_not_a_mask_has_them(tmp_path):
    ocean = classes.colour_zones(np.full((16, 16), classes.OCEAN, np.uint8))
    for legend in (False, True):
        visualization.grid(tmp_path / "sheet.png", [("mask", [ocean])], "title", legend)
        colours = {tuple(colour) for colour in np.unique(read(tmp_path / "sheet.png").reshape(-1, 3), axis=0)}
        assert (set(classes.ZONE_COLOURS) <= colours) == legend


def test_a_long_text_is_made_to_fit(tmp_path):
    long = "a name that nobody should give to a run, and somebody will " * 5
    for title, heading, caption in (("t", "h", "c"), (long, long, long)):
        path = tmp_path / f"{len(title)}.png"
        visualization.grid(path, [(heading, patches(1)), ("other", patches(1, seed=1))], title, False, [caption])
    short, full = read(tmp_path / "1.png"), read(tmp_path / f"{len(long)}.png")
    assert short.shape == full.shape
    assert find(full, patches(1)[0], 16) == find(short, patches(1)[0], 16)
    assert (full[:, -visualization.MARGIN :] == 255).all()


@pytest.mark.parametrize("columns", [[], [("a", [])], [("a", patches(2)), ("b", patches(1))],
                                     [("a", patches(1)), ("b", patches(1, 32))]])  # fmt: skip
def test_columns_that_make_no_grid_are_refused(tmp_path, columns):
    with pytest.raises(ValueError, match="A grid takes"):
        visualization.grid(tmp_path / "sheet.png", columns, "title", legend=False)
    assert not list(tmp_path.iterdir())


def test_a_sample_sheet_has_input_generated_and_target_from_left_to_right(tmp_path):
    zones = np.random.default_rng(3).choice(np.array(classes.ZONE_VALUES, np.uint8), (2, 32, 32, 1))
    generated, target = np.stack(patches(2, 32, 4)), np.stack(patches(2, 32, 5))
    visualization.sample_grid(
        tmp_path / "s.png", {"zones": zones}, {"sar": generated}, {"sar": target}, "orig", ["a", "b"]
    )
    sheet = read(tmp_path / "s.png")
    for row in range(2):
        shown = (classes.colour_zones(zones[row, ..., 0]), generated[row], target[row])
        places = [find(sheet, patch, 8) for patch in shown]
        assert [y for y, _ in places] == [places[0][0]] * 3
        assert [x for _, x in places] == sorted(x for _, x in places)


def test_a_sample_sheet_gives_each_role_a_column(tmp_path):
    rng = np.random.default_rng(6)
    grey, colour = (rng.integers(0, 256, (1, 32, 32, channels), np.uint8) for channels in (1, 3))
    deep = rng.integers(0, 2**16, (1, 32, 32, 1), np.uint16)
    visualization.sample_grid(
        tmp_path / "s.png", {"sar_vv": grey, "sar_vh": deep}, {"optical": colour}, {"sar": grey}, "t"
    )
    sheet = read(tmp_path / "s.png")
    assert find(sheet, (deep[0, ..., 0] // 256).astype(np.uint8), 8)[1] < find(sheet, colour[0], 8)[1]
