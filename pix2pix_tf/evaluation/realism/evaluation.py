"""Judges what exports paint by a network that tells zones: are the zones there again, and do the images look real?

<output>/scores/real.npz           the traits of the real images
         scores/<run>@<epoch>.npz  the traits of what an export paints

A file is written when all its images are read, and the next evaluation of the same takes it as it is.
"""

import gc
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.data.io import images
from pix2pix_tf.data.scene_names import scene_of
from pix2pix_tf.evaluation import inference
from pix2pix_tf.evaluation.inference import Setting
from pix2pix_tf.evaluation.realism import statistics
from pix2pix_tf.evaluation.realism.report import OLD_EXPORT, RealismResults
from pix2pix_tf.evaluation.realism.statistics import ImageStatistics
from pix2pix_tf.evaluation.runs import Run
from pix2pix_tf.export import saved_model, versions
from pix2pix_tf.fronts import postprocessing
from pix2pix_tf.metrics import sar_realism
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.errors import UserError

READ = "sar"  # the role that is read
FORMAT = 1  # of the files: one more where the measures of realism change, so that old files are not taken


def open_segmenter(path: Path, setting: Setting) -> saved_model.Model:
    """Loads the network that reads zones in SAR.

    Args:
      path: a run of `--variant zones`, whose newest export is taken, or an export.
      setting: on what it is to read.

    Raises:
      UserError: there is none, it tells other things than zones or from other roles than SAR, it does not take these
        patches, or the images cannot be halved.
    """
    if not (versions.epochs(path) or versions.versions(path) or (path / "saved_model.pb").exists()):
        raise UserError(
            f"--segmenter {path} is neither a run with an export nor an export. Train one: python train.py "
            "--variant zones"
        )
    version = versions.find(path)
    described = files.read_json(version / saved_model.DESCRIPTION)
    inputs, targets = (", ".join(described.get(key, ())) for key in ("inputs", "targets"))
    if (inputs, targets) != (READ, "zones"):
        raise UserError(
            f"--segmenter {path} makes {targets or 'no images'} from {inputs}; zones are to be read from {READ}. Name "
            "a run of --variant zones."
        )
    if len({scene_of(stem) for stem in setting.stems}) < 2:
        raise UserError(
            f"--segmenter compares real images with real ones of other scenes, and {setting.dataset.root} has one "
            f"scene in {setting.split}. Name another --split or --data."
        )
    return inference.load_model(version, setting.dataset)


def score_realism(runs: Sequence[Run], setting: Setting, segmenter: saved_model.Model, folder: Path) -> RealismResults:
    """Judges every export of the runs; what was read before is taken from its file.

    Args:
      runs: that paint SAR from zones.
      setting: on what.
      segmenter: from `open_segmenter`.
      folder: where the traits are and go.

    Raises:
      UserError: a model takes other patches than these, or paints what is no image.
    """
    reader, by = f"{segmenter.run}@{segmenter.epoch}", versions.fingerprint(segmenter.folder)
    scenes = [scene_of(stem) for stem in setting.stems]
    halves = sar_realism.halvings(scenes, setting.seed)

    def seen(
        name: str, facts: Sequence[object], inputs: Sequence[str], images: Iterable[np.ndarray]
    ) -> ImageStatistics:
        key = inference.digest(setting, dict.fromkeys(("zones", *inputs)), [FORMAT, by, *facts])
        return statistics.kept(folder / f"{name}.npz", key, lambda: _read(segmenter, setting, images, name, reader))

    real = seen("real", (), (READ,), _real(setting))
    generated = {}
    for run in runs:
        for epoch, version in versions.epochs(run.folder).items():
            facts = [setting.split, setting.seed, versions.fingerprint(version)]
            traits = seen(f"{run.name}@{epoch}", facts, run.inputs, _painted(version, setting))
            generated[run.name, epoch] = statistics.compare(traits, real, halves)
            gc.collect()  # as in evaluation: a loaded model is a ring of references
    control = statistics.compare(real, real, halves)
    judged = RealismResults(reader, segmenter.origin, len(set(scenes)), real.features.shape[1] > 0, control, generated)
    if not judged.features:
        print(OLD_EXPORT.format(segmenter=reader))
    return judged


def _read(
    segmenter: saved_model.Model, setting: Setting, images: Iterable[np.ndarray], name: str, reader: str
) -> list[dict[str, np.ndarray]]:
    """The traits of images that come in batches, uint8 or uint16 [N, H, W, 1], in the order of the split."""
    print(f"{name}: {len(setting.stems)} images, read by {reader}", flush=True)
    found: list[dict[str, np.ndarray]] = []
    batches = math.ceil(len(setting.stems) / setting.batch_size)
    for image in cli.progress(images, batches, f"batches of {name} read"):
        probabilities, features = segmenter.probabilities_and_features(image)
        stems = setting.stems[len(found) : len(found) + len(image)]
        zones = inference.pixels(setting.dataset, setting.split, "zones", stems)[..., 0]
        read = np.stack([postprocessing.zones_of(one) for one in probabilities])
        found += statistics.image_statistics(image[..., 0] / np.iinfo(image.dtype).max, zones, read, features)
    return found


def _real(setting: Setting) -> Iterator[np.ndarray]:
    """The real images, a batch at a time."""
    for first in range(0, len(setting.stems), setting.batch_size):
        stems = setting.stems[first : first + setting.batch_size]
        yield inference.pixels(setting.dataset, setting.split, READ, stems)


def _painted(version: Path, setting: Setting) -> Iterator[np.ndarray]:
    """What an export paints, a batch at a time, as its PNGs have it: so it has the same steps of grey as a real one."""
    model = inference.load_model(version, setting.dataset)
    first_of: dict[str, int] = {}
    for place, name in enumerate(setting.inputs):
        first_of.setdefault(name, place)
    places = np.array([first_of[name] for name in setting.inputs])  # an input has one image, whoever shares it
    bits = setting.dataset.bits[READ]
    for first in range(0, len(places), setting.batch_size):
        painted = inference.generated(model, setting, places[first : first + setting.batch_size])
        yield images.to_pixels(painted, bits)
