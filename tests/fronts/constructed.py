"""Networks and scenes made by hand: exports that read zones from brightness, and SAR images as GeoTIFFs."""

import numpy as np
import tensorflow as tf
from rasterio.crs import CRS
from rasterio.transform import Affine

from pix2pix_tf.data import classes
from pix2pix_tf.data.io import raster
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.export import versions
from pix2pix_tf.utils import files

SIZE = 64  # pixels of a tile
METRES = 20.0  # a pixel
CORNER = (-1_500_000.0, 600_000.0)  # of a scene, in EPSG:3031: the upper left
STRETCHED = (0.85, 0.4, 0.02)  # the same after the stretch to 8 bit
GREYS = {classes.ROCK: 1.0, classes.GLACIER: 0.5, classes.OCEAN: 0.05}  # amplitude of each zone, [0, 1]


class Reader(tf.Module):
    """Reads zones, or the front between them, from the brightness around each pixel."""

    def __init__(self, target):
        super().__init__()
        self.target = target
        spec = [tf.TensorSpec([None, None, None, 1], tf.uint8, "image"), tf.TensorSpec([None], tf.int32, "seed")]
        self.tensor = tf.function(self.segment, input_signature=spec)

    def segment(self, image, seed):
        around = tf.image.extract_patches(image, [1, 3, 3, 1], [1, 1, 1, 1], [1, 1, 1, 1], "SAME")
        ordered = tf.cast(tf.sort(tf.cast(around, tf.int32), axis=-1), tf.float32)
        grey = ordered[..., 4:5] / 255  # the median, which keeps edges
        missing = tf.where(ordered[..., 8:9] > 0, 9.0, 0.0)
        distance = tf.concat([missing, *((grey - one) * 12 for one in STRETCHED)], axis=-1)
        zones = tf.nn.softmax(-(distance**2))
        if self.target == "zones":
            return {"probabilities": zones}
        near = [tf.nn.max_pool2d(zones[..., i : i + 1], 5, 1, "SAME") for i in (2, 3)]
        return {"probabilities": near[0] * near[1]}


def make_export(run, target="zones", epoch=7, **described):
    version, module = run / "export" / target / str(epoch), Reader(target)
    tf.saved_model.save(module, str(version), {"tensor": module.tensor})
    facts = {"variant": target, "run": run.name, "epoch": epoch, "inputs": ["sar"], "targets": [target], "size": SIZE,
             "divisor": 16, "bits": {"sar": 8, target: 8}, "origin": "simulated"}  # fmt: skip
    files.write_json(version / versions.DESCRIPTION, facts | described)
    return run


def fjord(height=160, width=200, front=110, slope=0.0):
    """A glacier that flows to the right, between rock above and below; its front is a straight line through columns."""
    zones = np.full((height, width), classes.ROCK, np.uint8)
    rows, columns = np.indices(zones.shape)
    inside = slice(height // 8, height - height // 8)
    ice = columns < front + slope * (rows - height / 2)
    zones[inside] = np.where(ice, classes.GLACIER, classes.OCEAN)[inside]
    return zones


def sar_of(zones, seed=0, looks=50):
    """An amplitude image, float32 [H, W]: the brightness of each zone under speckle."""
    means = np.select([zones == value for value in GREYS], list(GREYS.values()), 0.0)
    power = means**2 * np.random.default_rng(seed).gamma(looks, 1 / looks, zones.shape)
    return np.sqrt(power).astype(np.float32)


def grid_of(image, metres=METRES, crs="EPSG:3031", corner=CORNER):
    transform = Affine(metres, 0, corner[0], 0, -metres, corner[1])
    return Grid(image.shape[1], image.shape[0], transform, CRS.from_user_input(crs))


def write_scene(path, zones, seed=0, nodata=None, **place):
    """Write the SAR image of zones as a GeoTIFF; zones of 0 become nodata."""
    sar = sar_of(zones, seed)
    if nodata is not None:
        sar[zones == classes.NOT_AVAILABLE] = nodata
    raster.write_geotiff(path, sar, grid_of(zones, **place), nodata=nodata, descriptions=["amplitude"])
    return path
