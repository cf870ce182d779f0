import numpy as np
import pytest

from pix2pix_tf.data import classes, tiling
from pix2pix_tf.data.bounding_box import clip
from pix2pix_tf.data.dataset import Scene
from pix2pix_tf.fronts import scenes
from pix2pix_tf.utils.errors import UserError

HEIGHT, WIDTH, SIZE, OVERLAP = 40, 70, 32, 16  # pixels
FRONT = 30  # the first column of ocean


def zones():
    mask = np.full((HEIGHT, WIDTH), classes.GLACIER, np.uint8)
    mask[:, FRONT:] = classes.OCEAN
    return mask


def predict(patches):
    """A network that reads the zones from the pixels of a patch."""
    return (np.stack(patches)[..., np.newaxis] == np.array(classes.ZONE_VALUES)).astype(np.float32)


def pieces(batch_size=3):
    cut = tiling.cut(zones(), SIZE, OVERLAP)
    places, patches = [piece[:2] for piece in cut], [piece[2] for piece in cut]
    return scenes.predict_patches(predict, places, patches, batch_size, "reader@1")


def test_a_scene_without_labels_becomes_zones_and_a_front_line():
    mask = scenes.mask_of(pieces(), HEIGHT, WIDTH, "zones")
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
    probability = np.full((SIZE, SIZE, 1), np.float32(0.11))
    probability[10] = 0.13
    mask = scenes.mask_of([(0, 0, probability)], SIZE, SIZE, "fronts")
    assert (mask[10] == 255).all() and mask.sum() == 255 * SIZE and mask.dtype == np.uint8
    assert np.count_nonzero(scenes.front_of(mask, "fronts", 10)) >= SIZE - 2


def test_batches_are_no_larger_than_asked_for_and_values_that_are_no_numbers_are_refused():
    assert [piece[:2] for piece in pieces(2)] == [piece[:2] for piece in tiling.cut(zones(), SIZE, OVERLAP)]
    sizes = []

    def spoilt(patches):
        sizes.append(len(patches))
        return predict(patches) * (np.nan if len(sizes) > 1 else 1)

    with pytest.raises(UserError, match="reader@1 gives values that are no numbers"):
        list(scenes.predict_patches(spoilt, [(0, 0)] * 5, [zones()[:SIZE, :SIZE]] * 5, 4, "reader@1"))
    assert sizes == [4, 1]


def test_one_rule_clips_boxes_to_a_scene():
    assert clip((0, 40, 0, 70), HEIGHT, WIDTH) == (0, 40, 0, 70)
    assert clip((-3, 41, 2.5, 99), HEIGHT, WIDTH) == (0, 39, 2, 69)  # beyond the side: side - 1, as published
