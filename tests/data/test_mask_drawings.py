"""Hand-drawn masks: the files of drawing programs, smoothed edges, and errors for ambiguous pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pix2pix_tf.data.classes import GLACIER, NOT_AVAILABLE, OCEAN, ROCK, ZONE_COLOURS, ZONE_VALUES, colour_zones
from pix2pix_tf.data.io import images, mask_drawings
from pix2pix_tf.data.io.mask_drawings import read_mask

PAINT = {
    "grey": lambda zones: Image.fromarray(zones),
    "grey as colour": lambda zones: Image.fromarray(zones).convert("RGB"),
    "grey with alpha": lambda zones: Image.fromarray(zones).convert("LA"),
    "colours": lambda zones: Image.fromarray(colour_zones(zones)),
    "colours with alpha": lambda zones: Image.fromarray(colour_zones(zones)).convert("RGBA"),
    "palette": lambda zones: Image.fromarray(colour_zones(zones)).quantize(4),
    "palette of greys": lambda zones: Image.fromarray(zones).quantize(4),
}


def scene(size: int = 40) -> np.ndarray:
    """uint8 [N, N]: all four zones, with curved borders and specks of one pixel."""
    y, x = np.mgrid[:size, :size]
    zones = np.where(np.hypot(y - 5, x - 30) < 25, OCEAN, GLACIER).astype(np.uint8)
    zones[x + y > 1.5 * size] = ROCK
    zones[: size * 6 // 40, : size * 9 // 40] = NOT_AVAILABLE
    zones[20, 3] = zones[10, 30] = ROCK
    return zones


def saved(path, image):
    image.save(path)
    return path


def smoothed(large: np.ndarray, kind: str) -> Image.Image:
    """A drawing with soft rims, as of a brush: zones of four times the size, made smaller with smoothing."""
    picture = PAINT[kind](large)
    return picture.resize((len(large) // 4, len(large) // 4), Image.Resampling.BOX)


def shares(large: np.ndarray) -> np.ndarray:
    """float64 [4, N, N]: how much of each small pixel each class has."""
    side = len(large) // 4
    return np.stack([(large == value).reshape(side, 4, side, 4).mean(axis=(1, 3)) for value in ZONE_VALUES])


@pytest.mark.parametrize("kind", PAINT)
def test_every_way_of_saving_gives_the_zones_back(tmp_path, kind):
    path = saved(tmp_path / "mask.png", PAINT[kind](scene()))
    found = read_mask(path)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, scene())


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), colour=st.booleans(), tolerance=st.integers(9, 31))
def test_colours_may_be_off_by_the_tolerance(tmp_path_factory, seed, colour, tolerance):
    rng = np.random.default_rng(seed)
    zones = rng.choice(np.array(ZONE_VALUES, np.uint8), (12, 12))
    clean = (colour_zones(zones) if colour else zones).astype(int)
    drift = rng.integers(-tolerance, tolerance + 1, clean.shape)
    picture = Image.fromarray(np.clip(clean + drift, 0, 255).astype(np.uint8))
    path = saved(tmp_path_factory.mktemp("drawn") / "mask.png", picture)
    np.testing.assert_array_equal(read_mask(path, tolerance), zones)


@pytest.mark.parametrize("kind", ["grey", "colours"])
def test_the_soft_edge_of_a_brush_takes_the_nearer_class(tmp_path, kind):
    # Rock beside ocean: in grey, a rim from 64 to 254 passes glacier's 127.
    y, x = np.mgrid[:256, :256]
    large = np.where(y > 100 + 0.3 * x, OCEAN, ROCK).astype(np.uint8)
    picture = smoothed(large, kind)
    assert len(np.unique(np.asarray(picture).reshape(64 * 64, -1), axis=0)) > 4  # there are rims
    found = read_mask(saved(tmp_path / "mask.png", picture))
    expected = np.where(shares(large)[3] > 0.5, OCEAN, ROCK)
    assert (found == expected)[np.abs(shares(large)[3] - 0.5) > 0.1].all()
    assert set(np.unique(found)) == {ROCK, OCEAN}


@pytest.mark.parametrize("kind", ["grey", "colours"])
def test_a_whole_drawing_with_soft_rims(tmp_path, kind):
    large = scene(160)
    found = read_mask(saved(tmp_path / "mask.png", smoothed(large, kind)))
    share = shares(large)
    of_found = np.take_along_axis(share, np.searchsorted(ZONE_VALUES, found)[None], axis=0)[0]
    assert (of_found >= 0.25).all()  # nothing that is not there
    assert np.mean(found == np.array(ZONE_VALUES)[share.argmax(axis=0)]) > 0.99


@pytest.mark.parametrize(
    ("kind", "colour", "words"),
    [
        ("grey", 190, r"9 pixels are no class, the first at row 22, column 2 \(grey 190\). Paint with not available 0"),
        ("colours", (255, 0, 255), r"9 pixels .* row 22, column 2 \(colour #ff00ff\). .*glacier #96cdf0"),
    ],
)
def test_an_invalid_colour_is_refused_with_its_position(tmp_path, kind, colour, words):
    picture = PAINT[kind](scene())
    picture.paste(colour, (2, 22, 5, 25))
    with pytest.raises(images.BadImage, match=words):
        read_mask(saved(tmp_path / "mask.png", picture))


def test_a_thin_line_in_a_strange_colour_is_no_rim(tmp_path):
    picture = PAINT["colours"](scene())
    picture.paste((255, 255, 0), (0, 25, 40, 26))  # a note in yellow, one pixel thin
    with pytest.raises(images.BadImage, match=r"40 pixels are no class, the first at row 25, column 0"):
        read_mask(saved(tmp_path / "mask.png", picture))


def test_transparent_pixels_are_not_available(tmp_path):
    picture = PAINT["colours with alpha"](scene())
    alpha = np.full((40, 40), 255, np.uint8)
    alpha[20:30] = 0
    alpha[30] = 90
    picture.putalpha(Image.fromarray(alpha))
    expected = scene()
    expected[20:31] = NOT_AVAILABLE
    np.testing.assert_array_equal(read_mask(saved(tmp_path / "mask.png", picture)), expected)


def test_other_files_than_pngs_of_8_bit_are_refused(tmp_path):
    deep = saved(tmp_path / "deep.png", Image.fromarray(scene().astype(np.uint16) << 8))
    with pytest.raises(images.BadImage, match="16 bit"):
        read_mask(deep)
    half = saved(tmp_path / "half.png", PAINT["grey"](scene()))
    half.write_bytes(half.read_bytes()[:-20])
    with pytest.raises(images.BadImage, match="not a whole PNG"):
        read_mask(half)


def test_the_display_colours_are_far_enough_apart_for_any_tolerance_below_half():
    colours = np.array(ZONE_COLOURS)
    for number, one in enumerate(colours):
        assert all(np.abs(one - other).max() > 64 for other in colours[:number])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(["grey", "colours"]), strip=st.integers(1, 40))
def test_strips_of_a_drawing_give_the_same_as_the_whole(tmp_path_factory, seed, kind, strip):
    rng = np.random.default_rng(seed)
    cells = rng.choice(np.array(ZONE_VALUES, np.uint8), (6, 6))
    large = np.kron(cells, np.ones((27, 27), np.uint8))[:160, :160]  # borders between the small pixels
    large[rng.random(large.shape) < 0.002] = ROCK  # specks thinner than a pixel
    path = saved(tmp_path_factory.mktemp("drawn") / "mask.png", smoothed(large, kind))
    results = []
    for rows in (strip, 1000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mask_drawings, "STRIP", rows)
            try:
                results.append(read_mask(path).tolist())
            except images.BadImage as error:
                results.append(str(error))
    assert results[0] == results[1]
