"""Scores the exports of runs in one pass each: every image of a split is generated once and measured by all measures.

<output>/scores/<run>@<epoch>/key         what the results follow from: export, images, seed, measures
                              scores.csv  the values of each image
                              realism/    the statistics of each image, where a segmenter is named
                              masks/      the same of images of further masks, where some are named
                              pictures/   generated images that the report shows

The folder is emptied where its key is another one (`resumable.keep_only`). scores.csv is written last, when all images
are scored; the next evaluation takes the results as they are, so an interrupted evaluation resumes where it stopped.
"""

import csv
import functools
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.data.io import images
from pix2pix_tf.evaluation import inference
from pix2pix_tf.evaluation.inference import GeneratedImages, Setting
from pix2pix_tf.evaluation.realism import statistics
from pix2pix_tf.evaluation.realism.evaluation import ROLE, STATISTICS, RealismEvaluator
from pix2pix_tf.evaluation.realism.statistics import ImageStatistics
from pix2pix_tf.evaluation.runs import Run
from pix2pix_tf.evaluation.scores import Scores, error_name
from pix2pix_tf.evaluation.translation import pictures
from pix2pix_tf.export import saved_model, versions
from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.utils import files, resumable

SCORES, REALISM, MASKS, PICTURES = "scores.csv", "realism", "masks", "pictures"  # in an export's folder


@dataclass(frozen=True)
class Export:
    """An exported epoch of a run, and the folder of its results."""

    run: Run
    epoch: int
    version: Path  # the SavedModel
    folder: Path  # <output>/scores/<run>@<epoch>

    @property
    def name(self) -> str:
        """The run and the epoch in one word."""
        return f"{self.run.name}@{self.epoch}"

    def key(self, setting: Setting) -> str:
        """Return the key of its results: another export, image, seed or measure gives another key."""
        facts = [list(setting.measures), setting.norm, setting.split, setting.seed]
        roles = self.run.inputs + self.run.targets
        return inference.digest(setting, roles, [*facts, versions.fingerprint(self.version)])


@dataclass(frozen=True)
class Results:
    """The results of one pass."""

    scores: Scores
    statistics: ImageStatistics | None  # where a segmenter is named
    masks: ImageStatistics | None = None  # of the images of further masks, where some are named


def exports_of(run: Run, folder: Path) -> list[Export]:
    """Return the exports of a run by ascending epoch; `folder` holds the results of all."""
    epochs = versions.all_of(run.folder).items()
    return [Export(run, epoch, version, folder / f"{run.name}@{epoch}") for epoch, version in epochs]


def is_scored(export: Export, setting: Setting) -> bool:
    """Return True where an earlier evaluation has scored the same. Writes nothing."""
    key = export.folder / resumable.KEY
    known = key.is_file() and key.read_text(encoding="utf-8", errors="replace") == export.key(setting)
    return known and _read_scores(export, setting) is not None


def score(
    export: Export, setting: Setting, realism: RealismEvaluator | None = None, keep_pictures: bool = False
) -> Results:
    """Score one export, or return what an earlier evaluation has measured.

    Args:
      export: what to score.
      setting: the images, and how.
      realism: measures statistics as well.
      keep_pictures: keeps all generated images, for `pictures.read`; the caller removes those that it does not need.

    Raises:
      UserError: the export takes other patches than these, or generates values that are not finite.
    """
    resumable.keep_only(export.folder, export.key(setting))
    load = functools.cache(functools.partial(inference.load_model, export.version, setting.dataset))
    scores, measured = _score_split(export, setting, realism, keep_pictures, load)
    of_masks = _score_masks(export, setting.masks, realism, load) if realism and setting.masks else None
    load.cache_clear()
    gc.collect()  # a loaded model is a cycle of references, and the next one needs its memory
    return Results(scores, measured, of_masks)


def _score_split(
    export: Export,
    setting: Setting,
    realism: RealismEvaluator | None,
    keep_pictures: bool,
    load: Callable[[], saved_model.Model],
) -> tuple[Scores, ImageStatistics | None]:
    """Score the images of the split, or read the results; `load` returns the model and is called where it is needed."""
    folder = export.folder
    if realism:
        resumable.keep_only(folder / REALISM, realism.key)
    values = _read_scores(export, setting)
    measured = statistics.read(folder / REALISM / STATISTICS) if realism else None
    if values and (measured or not realism):
        print(f"{export.name}: cached in {folder}")
        return _scores(export, setting, values), measured

    print(f"{export.name}: {len(setting.stems)} images", flush=True)
    values, measured = _measure(load(), setting, realism, folder / PICTURES if keep_pictures else None)
    scores = _scores(export, setting, values)
    if measured:
        statistics.write(folder / REALISM / STATISTICS, measured)
    _write_scores(folder / SCORES, scores)
    for suffix in (".csv", ".npz"):
        folder.with_name(folder.name + suffix).unlink(missing_ok=True)  # of a report made before this was a folder
    return scores, measured


def _score_masks(
    export: Export, masks: Setting, realism: RealismEvaluator, load: Callable[[], saved_model.Model]
) -> ImageStatistics:
    """Measure the images of the further masks, as `_score_split`; without a target they have no other scores."""
    folder = export.folder / MASKS
    resumable.keep_only(folder, realism.masks_key(masks, export.run.inputs))
    measured = statistics.read(folder / STATISTICS)
    if measured:
        print(f"{export.name}: cached in {folder}")
        return measured

    print(f"{export.name}: {len(masks.stems)} masks", flush=True)
    _, of_masks = _pass(load(), masks, realism, lambda place, outputs: {})
    measured = statistics.stack(of_masks)
    statistics.write(folder / STATISTICS, measured)
    return measured


# ---- The pass -------------------------------------------------------------------------------------------------------


def _measure(
    model: saved_model.Model, setting: Setting, realism: RealismEvaluator | None, kept: Path | None
) -> tuple[dict[str, np.ndarray], ImageStatistics | None]:
    """Generate each image of the split once and measure it: the values of each measure, float64 [n], and statistics.

    One image is generated from an input for all its targets, and as many more as the error score needs; the other
    measures are of the first one. They compare images as the model returns them, not rounded as in a PNG.
    """
    bits = [(setting.dataset.bits[role], CHANNELS[role]) for role in model.targets]
    white = np.concatenate([np.full(channels, 2.0**depth - 1) for depth, channels in bits])  # [C]

    def compare(place: int, outputs: GeneratedImages) -> dict[str, float]:
        stem = setting.stems[place]
        target = inference.stacked(setting.dataset, setting.split, model.targets, [stem])[0] / white
        if kept:
            pictures.write(kept, setting.inputs[place], outputs)
        return _compare(setting, (outputs + 1) / 2, target)

    results, measured = _pass(model, setting, realism, compare)
    values = {name: np.array([one[name] for one in results]) for name in setting.measures}
    return values, statistics.stack(measured) if realism else None


def _pass(
    model: saved_model.Model,
    setting: Setting,
    realism: RealismEvaluator | None,
    compare: Callable[[int, GeneratedImages], dict[str, float]],
) -> tuple[list[dict[str, float]], list[dict[str, np.ndarray]]]:
    """Generate each image of a setting once: returns the results of `compare`, in order, and those of `realism`.

    `compare` gets the image's place and its outputs, float32 [K, H, W, C], [-1, 1]; threads call it.
    """

    def measure(
        place: int, outputs: GeneratedImages, *segmented: np.ndarray
    ) -> tuple[int, dict[str, float], dict[str, np.ndarray]]:
        values = compare(place, outputs)
        return place, values, realism.image_statistics(setting, place, *segmented) if realism else {}

    results: list[dict[str, float]] = [{} for _ in setting.stems]
    measured: list[dict[str, np.ndarray]] = [{} for _ in setting.stems]
    bar = tf.keras.utils.Progbar(len(results), verbose=int(sys.stdout.isatty()), unit_name="image")
    for batch in inference.overlapped(measure, _generated(model, setting, realism)):
        for place, values, of_image in batch:
            results[place], measured[place] = values, of_image
        shown = [name for name in ("dice", "ssim") if name in batch[0][1]]
        bar.add(len(batch), [(name, np.mean([values[name] for _, values, _ in batch])) for name in shown])
    return results, measured


def _generated(model: saved_model.Model, setting: Setting, realism: RealismEvaluator | None) -> Iterator[list[tuple]]:
    """Yield a batch at a time, for each image of a setting, its place, the outputs and the segmenter's results.

    The outputs are float32 [K, H, W, C], [-1, 1]. The segmenter gets the first one, with the grey steps of a PNG as
    real images have them.
    """
    places_of: dict[str, list[int]] = {}
    for place, name in enumerate(setting.inputs):
        places_of.setdefault(name, []).append(place)
    groups = list(places_of.values())  # images that share an input
    batches = [groups[first : first + setting.batch_size] for first in range(0, len(groups), setting.batch_size)]

    def outputs_of(batch: list[list[int]]) -> GeneratedImages:
        return inference.generate_outputs(model, setting, np.array([group[0] for group in batch]), max(setting.outputs))

    for batch, outputs in zip(batches, inference.one_ahead(outputs_of, batches), strict=True):
        segmented: Sequence[tuple] = [()] * len(batch)
        if realism:
            grey = images.to_pixels(outputs[:, 0], setting.dataset.bits[ROLE])
            segmented = [(image, *one) for image, one in zip(grey, realism.predict(grey), strict=True)]
        yield [
            (place, of_input, *one)
            for of_input, one, group in zip(outputs, segmented, batch, strict=True)
            for place in group
        ]


def _compare(setting: Setting, outputs: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """Compare the outputs of an input, float32 [K, H, W, C], with one target, [H, W, C]; all in [0, 1]."""
    values = {name: measure(outputs[0], target) for name, measure in image_metrics.MEASURES.items()}
    if max(setting.outputs) > 1:
        errors = [image_metrics.NORMS[setting.norm](output, target) for output in outputs]
        values |= {error_name(n): min(errors[:n]) for n in setting.outputs}
    return values


# ---- Files ----------------------------------------------------------------------------------------------------------


def _scores(export: Export, setting: Setting, values: dict[str, np.ndarray]) -> Scores:
    return Scores(export.run.name, export.run.variant, export.epoch, setting.stems, setting.inputs, values)


def _write_scores(path: Path, scores: Scores) -> None:
    with files.atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["run", "variant", "epoch", "stem", *scores.values])
        for stem, *values in zip(scores.stems, *scores.values.values(), strict=True):
            writer.writerow([scores.run, scores.variant, scores.epoch, stem, *map(float, values)])


def _read_scores(export: Export, setting: Setting) -> dict[str, np.ndarray] | None:
    """Read the values of each measure; None where there is no such file, or it is damaged."""
    path = export.folder / SCORES
    if not path.is_file():
        return None
    rows = list(csv.DictReader(path.read_text(encoding="utf-8", errors="replace").split("\n")))
    if [row.get("stem") for row in rows] != list(setting.stems):
        return None
    try:
        return {name: np.array([float(row[name]) for row in rows]) for name in setting.measures}
    except (KeyError, TypeError, ValueError):
        return None
