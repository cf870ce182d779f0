import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix_tf.data import classes
from pix2pix_tf.data.bounding_box import clip
from pix2pix_tf.data.dataset import Scene
from pix2pix_tf.export.inference import ArrayReader
from pix2pix_tf.fronts import scenes
from pix2pix_tf.utils.errors import UserError

HEIGHT, WIDTH, SIZE = 40, 70, 32  # pixels
FRONT = 30  # the first column of ocean


def zones():
    mask = np.full((HEIGHT, WIDTH), classes.GLACIER, np.uint8)
    mask[:, FRONT:] = classes.OCEAN
    return mask


def predict(tiles):
    """A network that reads the zones from the pixels of a tile."""
    return (tiles == np.array(classes.ZONE_VALUES)).astype(np.float32)


def predicted(predict=predict, target="zones", image=None, batch_size=3, **options):
    image = zones() if image is None else image
    network = scenes.Network("reader@1", target, SIZE, predict, batch_size)
    return scenes.predict_scene(network, ArrayReader(image[..., np.newaxis]).read, *image.shape, **options)


def test_a_scene_without_labels_becomes_zones_and_a_front_line():
    mask = predicted().mask
    assert np.array_equal(mask, zones())
    front = scenes.front_of(mask, "zones", 10)
    assert np.array_equal(np.argwhere(front), [[row, FRONT] for row in range(HEIGHT)])
    assert np.count_nonzero(scenes.front_of(mask, "zones", 10, (5, 20, 0, WIDTH))) == 15
    assert not scenes.front_of(mask, "zones", HEIGHT).any()
    scene = Scene("test", HEIGHT, WIDTH, glacier="COL", bounds=(0.0, 0.0, 700.0, 400.0), crs="EPSG:3413")
    (feature,) = scenes.geojson(front, scene, {"scene": "a"})["features"]
    assert feature["geometry"]["coordinates"][0] == [305, 395]
    assert feature["properties"] == {"scene": "a", "glacier": "COL", "coordinates": "x and y in EPSG:3413"}


def test_pixels_above_the_threshold_are_front():
    probability = np.full((SIZE, SIZE), 11, np.uint8)
    probability[10] = 13
    one = predicted(lambda tiles: tiles.astype(np.float32) / 100, "fronts", probability)
    assert (one.mask[10] == 255).all() and one.mask.sum() == 255 * SIZE and one.mask.dtype == np.uint8
    assert np.array_equal(one.confidence, probability)  # in percent
    assert np.count_nonzero(scenes.front_of(one.mask, "fronts", 10)) >= SIZE - 2


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([8, 16, 32]), st.integers(1, 9), st.booleans())
def test_any_size_comes_back_as_a_network_that_copies_gives_it(height, width, size, batch_size, flips):
    image = np.random.default_rng(height * width).choice(np.array(classes.ZONE_VALUES, np.uint8), (height, width))
    network = scenes.Network("reader@1", "zones", size, predict, batch_size)
    strips = []
    read = ArrayReader(image[..., np.newaxis]).read
    one = scenes.predict_scene(network, read, height, width, None, flips, strips.extend)
    assert np.array_equal(one.mask, image) and (one.confidence == 100).all()
    assert len(strips) == scenes.strip_count(network, height)
    assert np.allclose(np.concatenate(strips), image[..., None] == np.array(classes.ZONE_VALUES))
    assert len(one.of_flips) == 4 * flips and all(np.array_equal(mask, image) for mask in one.of_flips)


def test_tiles_overlap_by_half_and_the_middle_of_a_tile_counts_most():
    """A network that sees the front only in the middle of its tile: blending hides its blind rim."""

    def short_sighted(tiles):
        result = np.full((*tiles.shape[:3], 4), 0.25, np.float32)
        middle = slice(SIZE // 4, 3 * SIZE // 4)
        result[:, middle, middle] = predict(tiles)[:, middle, middle]
        return result

    inner = slice(SIZE // 4, HEIGHT - SIZE // 4), slice(SIZE // 4, WIDTH - SIZE // 4)
    assert np.array_equal(predicted(short_sighted).mask[inner], zones()[inner])


def test_flips_average_and_keep_what_each_saw():
    """A network that gives each pixel the class of the tile's left half, so that mirrored images differ."""

    def sided(tiles):
        left = predict(tiles[:, :, :1])
        return np.repeat(left, SIZE, axis=2)

    image = zones()[:SIZE, FRONT - SIZE // 2 : FRONT + SIZE // 2]
    one = predicted(sided, image=image, flips=True)
    left, right = (image[:, side] for side in (0, -1))
    for mask, (_, columns) in zip(one.of_flips, scenes.FLIPS, strict=True):
        assert (mask == (right if columns else left)[:, None]).all()
    assert (one.confidence == 50).all()


def test_where_a_scene_has_no_data_there_are_neither_zones_nor_a_front():
    valid = np.ones((HEIGHT, WIDTH), bool)
    valid[:10] = False
    for target, network in (("zones", predict), ("fronts", lambda tiles: np.ones(tiles.shape, np.float32))):
        one = predicted(network, target, valid=valid, flips=True)
        for image in (one.mask, one.confidence, *one.of_flips):
            assert not image[:10].any() and image[10:].all()
        assert not scenes.front_of(one.mask, target, 1)[:9].any()


def test_batches_are_no_larger_than_asked_for_and_values_that_are_no_numbers_are_refused():
    sizes = []

    def spoilt(tiles):
        sizes.append(len(tiles))
        return predict(tiles) * (np.nan if len(sizes) > 1 else 1)

    with pytest.raises(UserError, match="reader@1 gives values that are no numbers"):
        predicted(spoilt, batch_size=3)
    assert sizes == [3, 1]  # four tiles in a row


def test_one_rule_clips_boxes_to_a_scene():
    assert clip((0, 40, 0, 70), HEIGHT, WIDTH) == (0, 40, 0, 70)
    assert clip((-3, 41, 2.5, 99), HEIGHT, WIDTH) == (0, 39, 2, 69)  # beyond the side: side - 1, as published
