"""Loads exports, checks that they take the patches of a data set, and runs them on images of a split."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from pix2pix_tf.data.conditions import condition_text
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.data.io import images
from pix2pix_tf.evaluation import scores
from pix2pix_tf.export import saved_model, versions
from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.utils import files, parallel
from pix2pix_tf.utils.errors import UserError

PngValues = np.ndarray  # uint8, or uint16 where a role has 16 bit, [N, H, W, C]: values as PNGs store them
GeneratedImages = np.ndarray  # float32 [N, H, W, C], [-1, 1]: what a generator returns
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Setting:
    """The images to generate and score, and how."""

    dataset: Dataset  # opened with the roles of all runs
    split: str  # train | val | test
    seed: int  # image i of the split is generated with seed + i
    batch_size: int  # images generated at a time
    outputs: tuple[int, ...] = (1,)  # numbers of images generated from one input, for the error score; 1: no such score
    norm: str = "mae"  # of the error score, a key of metrics' NORMS
    segmenter: Path | None = None  # a run that segments zones, or its export: adds realism and faithfulness
    masks: "Setting | None" = None  # further masks, which have no real images; for realism and faithfulness alone

    @property
    def stems(self) -> tuple[str, ...]:
        """The images of the split, in order."""
        return self.dataset.stems[self.split]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The input of each image of the split; several images may share one."""
        pairs = self.dataset.pairs
        return tuple((pairs[stem].input if stem in pairs else None) or stem for stem in self.stems)

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of the measures of each image."""
        return (*image_metrics.MEASURES, *(scores.error_name(n) for n in self.outputs if max(self.outputs) > 1))


# ---- Exports --------------------------------------------------------------------------------------------------------


def load_model(version: Path, dataset: Dataset) -> saved_model.Model:
    """Load an export, and check that it takes the patches of a data set.

    Args:
      version: the export's folder.
      dataset: with all roles that it takes.

    Raises:
      UserError: it cannot be read, or takes patches of other sides or of another depth.
    """
    model = saved_model.load(version)
    _check_patches(version, dataset, model.inputs, model.bits, model.size, model.divisor)
    return model


def check_export(version: Path, dataset: Dataset) -> None:
    """Check an export without running it: in a second, before hours of scoring.

    Args:
      version: the export's folder.
      dataset: with all roles that it takes.

    Raises:
      UserError: it takes patches of other sides or of another depth, it cannot be read, or a weight is not finite.
    """
    described = files.read_json(version / versions.DESCRIPTION)
    try:
        keys = ("inputs", "bits", "size", "divisor")
        _check_patches(version, dataset, *(described[key] for key in keys))
        saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
        finite = _is_finite(version)
    except (DecodeError, OSError, tf.errors.OpError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"The export {version} cannot be read ({error}). Choose another version.") from None
    if not finite:
        raise _spoilt(version)


def _is_finite(version: Path) -> bool:
    """Return False where an export has a weight that is NaN or infinite."""
    if not (version / "variables" / "variables.index").exists():
        return True  # its weights are constants of its graph
    reader = tf.train.load_checkpoint(str(version / "variables" / "variables"))
    floating = [name for name, dtype in reader.get_variable_to_dtype_map().items() if dtype.is_floating]
    return all(np.isfinite(reader.get_tensor(name)).all() for name in floating)


def _check_patches(
    version: Path, dataset: Dataset, inputs: Sequence[str], bits: Mapping[str, int], size: int, divisor: int
) -> None:
    if dataset.size % divisor:
        raise UserError(
            f"{version} takes patches whose sides are multiples of {divisor} pixels; those of {dataset.root} "
            f"have {dataset.size}. Cut the scenes anew: python -m pix2pix_tf.prepare folder --size {size}."
        )
    for role in inputs:
        if dataset.bits[role] != bits[role]:
            raise UserError(
                f"{version} takes {role} of {bits[role]} bit; {dataset.root} has {dataset.bits[role]} bit. Name "
                "with --data a data set of the depth that the run was trained on."
            )


def _spoilt(version: Path) -> UserError:
    return UserError(f"{version} generates values that are not finite: its weights are spoilt. Remove it.")


# ---- Images ---------------------------------------------------------------------------------------------------------


def generate_outputs(model: saved_model.Model, setting: Setting, places: np.ndarray, count: int) -> np.ndarray:
    """Generate several images from each of some inputs: float32 [N, count, H, W, C], [-1, 1].

    The first image of an input has the seed that it has where only one is generated. For the rest see `generate`.
    """
    several = [generate(model, setting, places, number * len(setting.stems)) for number in range(count)]
    return np.stack(several, axis=1)


def generate(model: saved_model.Model, setting: Setting, places: np.ndarray, seed_offset: int = 0) -> GeneratedImages:
    """Generate images of the split, in one batch.

    Args:
      model: from `load_model`.
      setting: gives the images and their seeds.
      places: int [N], of the images in the split.
      seed_offset: added to the seeds.

    Returns:
      float32 [N, H, W, C], [-1, 1].

    Raises:
      UserError: memory does not hold them, or a value is not finite.
    """
    seeds = (setting.seed + places + seed_offset) % 2**31
    stems = [setting.stems[place] for place in places]
    image = stacked(setting.dataset, setting.split, model.inputs, stems)
    conditions = (
        [condition_text(setting.dataset, model.conditions, stem) for stem in stems] if model.conditions else None
    )
    try:
        generated = model.generate(image, seeds.astype(np.int32), conditions)
    except tf.errors.ResourceExhaustedError:
        raise UserError(f"Memory does not hold {len(places)} images at a time. Take a smaller --batch-size.") from None
    if not np.isfinite(generated).all():
        raise _spoilt(model.folder)
    return generated


def overlapped(measure: Callable[..., Result], batches: Iterable[Sequence[tuple]]) -> Iterator[list[Result]]:
    """Measure images in threads while the networks work on the next batch.

    Args:
      measure: called with the arguments of each image.
      batches: the arguments of each image, a batch at a time; two batches are in memory.

    Yields:
      The results of each batch, in order.
    """
    before: list[Future[Result]] = []
    with ThreadPoolExecutor(parallel.cores()) as pool:
        for batch in batches:
            results = [pool.submit(measure, *arguments) for arguments in batch]
            if before:
                yield [one.result() for one in before]
            before = results
        yield [one.result() for one in before]


def one_ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield the result of each item, in order; a thread works on the next one meanwhile.

    Two networks then share the processor: where one waits for a layer that does not use all cores, the other computes.
    """
    with ThreadPoolExecutor(1) as pool:
        before: Future[Result] | None = None
        for item in items:
            result = pool.submit(work, item)
            if before:
                yield before.result()
            before = result
        if before:
            yield before.result()


def stacked(dataset: Dataset, split: str, roles: Sequence[str], stems: Sequence[str]) -> PngValues:
    """Read some patches, their roles stacked along the channels.

    Args:
      dataset: with these roles.
      split: train, val or test.
      roles: such as ("zones", "elevation").
      stems: N patches.

    Returns:
      uint8, or uint16 where a role has 16 bit, [N, H, W, C].
    """
    return np.concatenate([pixels(dataset, split, role, stems) for role in roles], axis=-1)


def pixels(dataset: Dataset, split: str, role: str, stems: Sequence[str]) -> PngValues:
    """Read one role of some patches; for the rest see `stacked`."""
    pixels = np.stack([images.read_png(dataset.path(split, role, stem)) for stem in stems])
    return pixels if pixels.ndim == 4 else pixels[..., np.newaxis]


def digest(setting: Setting, roles: Iterable[str], facts: Sequence[object]) -> str:
    """Return a key for results: another fact or another file gives another key.

    Args:
      setting: gives the images.
      roles: whose files were read.
      facts: what else the results depend on, each as its text.

    Returns:
      64 hexadecimal digits.
    """
    named = hashlib.sha256(" ".join(map(str, facts)).encode())
    for role in roles:
        for stem in setting.stems:
            status = setting.dataset.path(setting.split, role, stem).stat()
            named.update(f"{role}/{stem} {status.st_size} {status.st_mtime_ns}\n".encode())
    return named.hexdigest()
