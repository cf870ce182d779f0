"""Scores generated SAR images by a network that segments zones: realism, and faithfulness to the mask.

<output>/scores/real/{key, statistics.npz}   of the real images
         scores/<run>@<epoch>/realism/{key, statistics.npz}   of the images that an export generates for the split
         scores/<run>@<epoch>/masks/{key, statistics.npz}     of those that it generates for further masks

A file of statistics is written when all its images are measured. The next evaluation with the same key takes it as it
is (`resumable.keep_only`).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from pix2pix_tf.data.scene_names import scene_of
from pix2pix_tf.evaluation import inference
from pix2pix_tf.evaluation.inference import PngValues, Setting
from pix2pix_tf.evaluation.realism import statistics
from pix2pix_tf.evaluation.realism.report import OLD_EXPORT, MaskResults, RealismResults
from pix2pix_tf.evaluation.realism.statistics import ImageStatistics, RealismScores
from pix2pix_tf.export import saved_model, versions
from pix2pix_tf.fronts import postprocessing
from pix2pix_tf.metrics import sar_realism
from pix2pix_tf.utils import cli, files, resumable
from pix2pix_tf.utils.errors import UserError

ROLE = "sar"  # the role of the images that are scored
STATISTICS = "statistics.npz"
ByExport: TypeAlias = Mapping[tuple[str, int], RealismScores]  # by run and epoch
FORMAT = 2  # of the file above: one more where the statistics change, so that old files are not taken


def open_segmenter(path: Path, setting: Setting) -> saved_model.Model:
    """Load the network that segments zones in SAR.

    Args:
      path: a run of `--variant zones`, whose newest export is taken, or an export.
      setting: the images.

    Raises:
      UserError: there is none, it returns something else than zones or takes other roles than SAR, it does not take
        these patches, or the images cannot be halved.
    """
    if not versions.all_of(path):
        raise UserError(
            f"--segmenter {path} is neither a run with an export nor an export. Train one: python train.py "
            "--variant zones"
        )
    version = versions.find(path)
    described = files.read_json(version / versions.DESCRIPTION)
    inputs, targets = (", ".join(described.get(key, ())) for key in ("inputs", "targets"))
    if (inputs, targets) != (ROLE, "zones"):
        raise UserError(
            f"--segmenter {path} makes {targets or 'no images'} from {inputs}; the segmenter makes zones from {ROLE}. "
            "Name a run of --variant zones."
        )
    if len({scene_of(stem) for stem in setting.stems}) < 2:
        raise UserError(
            f"--segmenter compares real images with real ones of other scenes, and {setting.dataset.root} has one "
            f"scene in {setting.split}. Name another --split or --data."
        )
    return inference.load_model(version, setting.dataset)


class RealismEvaluator:
    """Measures the statistics of SAR images with a segmenter, and compares them with those of the real images."""

    def __init__(self, segmenter: saved_model.Model, setting: Setting, folder: Path):
        """Measure the real images, or take their statistics from an earlier evaluation.

        Args:
          segmenter: from `open_segmenter`.
          setting: the images.
          folder: of all scores; the statistics of the real images are in <folder>/real.
        """
        self.segmenter, self.setting = segmenter, setting
        self.name = f"{segmenter.run}@{segmenter.epoch}"
        self.key = f"{FORMAT} {versions.fingerprint(segmenter.folder)}"  # of statistics, beside their images' own
        self.scenes = [scene_of(stem) for stem in setting.stems]
        self.halves = sar_realism.halvings(self.scenes, setting.seed)
        self.mask_halves = self._mask_halves(setting.masks) if setting.masks else []
        self.real = self._real(folder / "real")

    def predict(self, images: PngValues) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Run the segmenter on some images, [N, H, W, 1].

        Returns:
          For each image float32 [H, W, 4], the probabilities of the zones, and float32 [C], its features; None where
          the segmenter's export does not return them.
        """
        probabilities, features = self.segmenter.probabilities_and_features(images)
        return list(zip(probabilities, [None] * len(images) if features is None else features, strict=True))

    def image_statistics(
        self, setting: Setting, place: int, image: PngValues, probabilities: np.ndarray, features: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """Measure one image; threads may call it.

        Args:
          setting: has the image's mask: the split, or its further masks.
          place: of the mask in it.
          image: uint8 or uint16 [H, W, 1], generated or real.
          probabilities: float32 [H, W, 4], from `predict`.
          features: float32 [C] or None, from `predict`.
        """
        zones = inference.pixels(setting.dataset, setting.split, "zones", [setting.stems[place]])[0, ..., 0]
        predicted = postprocessing.zones_of(probabilities)
        grey = image[..., 0] / np.iinfo(image.dtype).max
        return statistics.image_statistics(grey, zones, predicted, features)

    def compare(self, images: ImageStatistics) -> RealismScores:
        """Compare images of the split with the real ones of the same masks."""
        return statistics.compare(images, self.real, self.halves)

    def compare_masks(self, images: ImageStatistics) -> RealismScores:
        """Compare images of the further masks with the real ones of the split."""
        return statistics.compare(images, self.real, self.mask_halves)

    def masks_key(self, masks: Setting, roles: Sequence[str]) -> str:
        """Return the key of an export's results on the further masks; the export and the seed are in the folder's key.

        Args:
          masks: of the setting.
          roles: that the export takes.
        """
        return inference.digest(masks, roles, [self.key, masks.split])

    def results(self, generated: ByExport, of_masks: ByExport = MappingProxyType({})) -> RealismResults:
        """Put the scores of all exports beside those of the real images.

        Args:
          generated: scores of the images of the split.
          of_masks: scores of those of the further masks; empty without any.
        """
        has_features = self.real.features.shape[1] > 0
        if not has_features:
            print(OLD_EXPORT.format(segmenter=self.name))
        scenes, control = len(set(self.scenes)), self.compare(self.real)
        further = self.setting.masks
        masks = MaskResults(further.dataset.name, further.dataset.origin, further.seed, of_masks) if further else None
        return RealismResults(self.name, self.segmenter.origin, scenes, has_features, control, generated, masks)

    def _mask_halves(self, masks: Setting) -> statistics.Halves:
        """Return half of the masks and half of the real images for each halving.

        Masks of one scene cannot be halved, and all of them are taken.
        """
        of_masks = sar_realism.halvings([scene_of(stem) for stem in masks.stems], masks.seed)
        return [(one, other) for (one, _), (_, other) in zip(of_masks, self.halves, strict=True)]

    def _real(self, folder: Path) -> ImageStatistics:
        """Return the statistics of the real images."""
        resumable.keep_only(folder, inference.digest(self.setting, ("zones", ROLE), [self.key]))
        cached = statistics.read(folder / STATISTICS)
        if cached:
            print(f"real: cached in {folder}")
            return cached
        print(f"real: {len(self.setting.stems)} images, segmented by {self.name}", flush=True)
        batches = range(0, len(self.setting.stems), self.setting.batch_size)
        results = inference.overlapped(self.image_statistics, self._real_batches(batches))
        measured = [one for batch in cli.progress(results, len(batches), "batches of real images") for one in batch]
        statistics.write(folder / STATISTICS, statistics.stack(measured))
        folder.with_name("real.npz").unlink(missing_ok=True)  # of a report made before these were folders
        return statistics.stack(measured)

    def _real_batches(self, batches: Sequence[int]) -> Iterator[list[tuple]]:
        """Yield the arguments of `image_statistics` for the real images."""
        setting = self.setting
        for first in batches:
            stems = setting.stems[first : first + setting.batch_size]
            images = inference.pixels(setting.dataset, setting.split, ROLE, stems)
            places = range(first, first + len(stems))
            predicted = self.predict(images)
            yield [(setting, *one, *more) for *one, more in zip(places, images, predicted, strict=True)]
