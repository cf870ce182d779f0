"""Exports that copy the brightness of their input, and a data set whose SAR images are its masks: scores by hand."""

import shutil

import numpy as np
import tensorflow as tf

from pix2pix_tf.data import classes
from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.data.dataset import Dataset, save
from pix2pix_tf.data.io import images
from pix2pix_tf.evaluation import command
from pix2pix_tf.export import versions
from pix2pix_tf.utils import cli, files

SIZE, COUNT = 32, 5  # pixels; images in the split


class Painter(tf.Module):
    """A model that paints its last input channel, `weight` times as bright; or, of negative weight, its seed / 100."""

    def __init__(self, weight, channels, outputs, dtype):
        super().__init__()
        self.weight = tf.Variable(weight, dtype=tf.float32)
        self.outputs, self.white = outputs, float(dtype.max)
        spec = [tf.TensorSpec([None, None, None, channels], dtype, "image"), tf.TensorSpec([None], tf.int32, "seed")]
        self.tensor = tf.function(self.paint, input_signature=spec)

    def paint(self, image, seed):
        grey = self.weight * tf.cast(image[..., -1:], tf.float32) / self.white
        flat = tf.zeros_like(grey) + tf.cast(seed, tf.float32)[:, None, None, None] / 100
        return {"output": tf.repeat(tf.where(self.weight < 0, flat, grey) * 2 - 1, self.outputs, axis=-1)}


def make_export(run, epoch, weight, inputs=("zones",), targets=("sar",), **described):
    bits = {role: 16 if role == "elevation" else 8 for role in inputs + targets}
    dtype = tf.uint16 if "elevation" in inputs else tf.uint8
    counts = [sum(CHANNELS[role] for role in roles) for roles in (inputs, targets)]
    painter, version = Painter(weight, *counts, dtype), run / "export" / "orig" / str(epoch)
    shutil.rmtree(version, ignore_errors=True)
    tf.saved_model.save(painter, str(version), {"tensor": painter.tensor})
    facts = {"variant": "orig", "run": run.name, "epoch": epoch, "inputs": inputs, "targets": targets, "size": SIZE,
             "divisor": 32, "bits": bits, "origin": "simulated"}  # fmt: skip
    files.write_json(version / versions.DESCRIPTION, facts | described)


def make_run(run, exports, inputs=("zones",), targets=("sar",), data="data", **described):
    """A run whose exports are {epoch: weight}."""
    settings = {"variant": "orig", "data": {"inputs": inputs, "targets": targets}}
    files.write_json(run / "config.json", {"config": settings, "data": {"path": str(data), "origin": "simulated"}})
    for epoch, weight in exports.items():
        make_export(run, epoch, weight, inputs, targets, **described)


def make_data(root, size=SIZE, splits=("val",), count=COUNT):
    """Zones of random blocks, and a SAR image that is its zone mask: what Painter paints with weight 1."""
    rng = np.random.default_rng(0)
    for split in splits:
        for i in range(count):
            zones = rng.choice(np.array(classes.ZONE_VALUES[1:], np.uint8), (4, 4)).repeat(size // 4, 0)
            zones = zones.repeat(size // 4, 1)
            elevation = rng.integers(0, 2**16, (size, size), np.uint16)
            optical = np.repeat((elevation >> 8).astype(np.uint8)[..., None], 3, axis=-1)
            roles = {"zones": zones, "sar": zones, "elevation": elevation, "optical": optical}
            for role, pixels in roles.items():
                images.write_png(root / split / role / f"patch_{i}.png", pixels)
    save(Dataset(root, root.name, "simulated", size, {"zones": 8, "sar": 8, "elevation": 16, "optical": 8}, {}))


def run_command(*arguments):
    return cli.run(command.main, list(map(str, arguments)))
