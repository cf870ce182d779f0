"""Exports at work on a split of a data set: loaded and checked, fed with its patches, and what they paint of them."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.data.conditions import condition_text
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.data.io import images
from pix2pix_tf.evaluation import scores
from pix2pix_tf.export import saved_model
from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.utils.errors import UserError


@dataclass(frozen=True)
class Setting:
    """On what the exports are measured, and how."""

    dataset: Dataset  # opened with the roles of all runs
    split: str  # train | val | test
    seed: int  # image i of the split is painted with seed + i
    batch_size: int  # images painted at a time
    outputs: tuple[int, ...] = (1,)  # how many images an input may be painted, for the error score; 1: no such score
    norm: str = "mae"  # of the error score, a key of metrics.NORMS
    segmenter: Path | None = None  # a run that tells zones, or an export of one: then realism and faithfulness as well

    @property
    def stems(self) -> tuple[str, ...]:
        """The images of the split, in order."""
        return self.dataset.stems[self.split]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The input of each image of the split; several images may share one."""
        rows = self.dataset.pairs
        return tuple((rows[stem].input if stem in rows else None) or stem for stem in self.stems)

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of what is measured of each image."""
        return (*image_metrics.MEASURES, *(scores.error_name(n) for n in self.outputs if max(self.outputs) > 1))


def load_model(version: Path, dataset: Dataset) -> saved_model.Model:
    """Loads an export, and makes sure that it takes the patches of a data set.

    Args:
      version: the export's folder.
      dataset: with all roles that it takes.

    Raises:
      UserError: it takes patches of other sides, or of another depth.
    """
    model = saved_model.load(version)
    if dataset.size % model.divisor:
        raise UserError(
            f"{version} takes patches whose sides are multiples of {model.divisor} pixels; those of {dataset.root} "
            f"have {dataset.size}. Cut the scenes anew: python -m pix2pix_tf.prepare folder --size {model.size}."
        )
    for role in model.inputs:
        if dataset.bits[role] != model.bits[role]:
            raise UserError(
                f"{version} takes {role} of {model.bits[role]} bit; {dataset.root} has {dataset.bits[role]} bit. Name "
                "with --data a data set of the depth that the run was trained on."
            )
    return model


def outputs(model: saved_model.Model, setting: Setting, places: np.ndarray, count: int) -> np.ndarray:
    """What a model paints of some inputs, each `count` times: float32 [N, count, H, W, C], [0, 1].

    The first image of an input has the seed that it has where only one is painted. For the rest see `generated`.
    """
    several = [generated(model, setting, places, number * len(setting.stems)) for number in range(count)]
    return (np.stack(several, axis=1) + 1) / 2


def generated(model: saved_model.Model, setting: Setting, places: np.ndarray, further: int = 0) -> np.ndarray:
    """What a model paints for images of the split, at once.

    Args:
      model: from `load_model`.
      setting: gives the images and their seeds.
      places: int [N], of the images in the split.
      further: added to the seeds.

    Returns:
      float32 [N, H, W, C], [-1, 1].

    Raises:
      UserError: memory does not hold them, or a value is no number.
    """
    seeds = (setting.seed + places + further) % 2**31
    stems = [setting.stems[place] for place in places]
    image = stacked(setting.dataset, setting.split, model.inputs, stems)
    told = [condition_text(setting.dataset, model.conditions, stem) for stem in stems] if model.conditions else None
    try:
        painted = model.generate(image, seeds.astype(np.int32), told)
    except tf.errors.ResourceExhaustedError:
        raise UserError(f"Memory does not hold {len(places)} images at a time. Take a smaller --batch-size.") from None
    if not np.isfinite(painted).all():
        raise UserError(f"{model.folder} paints values that are no numbers: its weights are spoilt. Remove it.")
    return painted


def stacked(dataset: Dataset, split: str, roles: Sequence[str], stems: Sequence[str]) -> np.ndarray:
    """The pixels of some patches, their roles stacked along the channels.

    Args:
      dataset: with these roles.
      split: train, val or test.
      roles: such as ("zones", "elevation").
      stems: N patches.

    Returns:
      uint8, or uint16 where a role has 16 bit, [N, H, W, C].
    """
    return np.concatenate([pixels(dataset, split, role, stems) for role in roles], axis=-1)


def pixels(dataset: Dataset, split: str, role: str, stems: Sequence[str]) -> np.ndarray:
    """One role of some patches, as the PNGs have it: uint8 or uint16 [N, H, W, C]; for the rest see `stacked`."""
    pixels = np.stack([images.read_png(dataset.path(split, role, stem)) for stem in stems])
    return pixels if pixels.ndim == 4 else pixels[..., np.newaxis]


def digest(setting: Setting, roles: Iterable[str], facts: Sequence[object]) -> str:
    """Names all that something measured follows from: another fact or another file gives another name.

    Args:
      setting: gives the images.
      roles: whose files were read.
      facts: what else decides, each as its text.

    Returns:
      64 hexadecimal digits.
    """
    named = hashlib.sha256(" ".join(map(str, facts)).encode())
    for role in roles:
        for stem in setting.stems:
            status = setting.dataset.path(setting.split, role, stem).stat()
            named.update(f"{role}/{stem} {status.st_size} {status.st_mtime_ns}\n".encode())
    return named.hexdigest()
