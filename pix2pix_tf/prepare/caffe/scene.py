"""Cut one scene of the CaFFe benchmark into patches, as the benchmark's published code does."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.data import classes, tiling
from pix2pix_tf.data.dataset import Scene, front_folder_of
from pix2pix_tf.data.scene_names import facts_of
from pix2pix_tf.prepare import dataset_writer
from pix2pix_tf.prepare.caffe import source as caffe_source
from pix2pix_tf.prepare.caffe.source import Source
from pix2pix_tf.prepare.own_scenes.source import BadScene

ROLES = ("zones", "fronts", "sar")


@dataclass(frozen=True)
class SceneTask:
    """One scene to write."""

    source: Source
    split: str  # train | val | test
    size: int  # pixels of a patch's side
    output: Path  # the data set's folder


@dataclass(frozen=True)
class Outcome:
    """The result for one scene."""

    name: str
    scene: Scene | None  # None: it cannot be used
    patches: int = 0
    has_glacier: bool = True
    problems: tuple[tuple[str, str], ...] = ()  # (problem, file) pairs


def overlap_of(split: str, size: int) -> int:
    """Return the pixels that neighbouring patches share: 0 in train, half a patch where whole scenes are evaluated.

    Args:
      split: train, val or test.
      size: pixels of a patch's side.
    """
    return 0 if split == "train" else size // 2


def grid(height: int, width: int, size: int, overlap: int) -> tuple[int, int, int, int]:
    """Return the arguments for `tiling.origins`, `padding` and `stems` that give the patches of the published code.

    Where patches overlap, that code pads even a scene that they cover exactly, by a whole step, as if the scene had one
    pixel more. (It drops a side shorter than a step; here it is padded to one patch.)

    Args:
      height: pixels of the scene.
      width: likewise.
      size: pixels of a patch's side.
      overlap: pixels that neighbouring patches share.

    Returns:
      Height and width to cut, size, overlap.
    """
    more = 1 if overlap else 0
    return height + more, width + more, size, overlap


def check_scene(source: Source) -> Outcome:
    """Read one scene and check it. Write nothing."""
    try:
        pixels, _ = caffe_source.read(source)
    except BadScene as error:
        return Outcome(source.name, None, problems=tuple(error.problems))
    return Outcome(source.name, None, has_glacier=bool((pixels["zones"] == classes.GLACIER).any()))


def write_scene(task: SceneTask) -> Outcome:
    """Read and check one scene, and write its missing patches."""
    dataset_writer.expect_begun(task.output)
    name, overlap = task.source.name, overlap_of(task.split, task.size)
    try:
        pixels, box = caffe_source.read(task.source)
    except BadScene as error:
        return Outcome(name, None, problems=tuple(error.problems))
    height, width = pixels["sar"].shape
    cells = grid(height, width, task.size, overlap)
    stems = tiling.stems(name, *cells)
    for role in ROLES:
        folder = front_folder_of(task.output) if role == "fronts" else role  # begun by an earlier version: `lines`
        missing = {stem for stem in stems if dataset_writer.missing(task.output, task.split, [folder], stem)}
        if not missing:
            continue
        image = np.pad(pixels[role], ((0, cells[0] - height), (0, cells[1] - width)))
        for stem, (_, _, patch) in zip(stems, tiling.cut(image, task.size, overlap), strict=True):
            if stem in missing:
                dataset_writer.write(task.output, task.split, stem, {folder: patch})
    bottom, right = tiling.padding(*cells)
    scene = Scene(
        task.split,
        height,
        width,
        padding=(bottom + cells[0] - height, right + cells[1] - width),
        overlap=overlap,
        bounding_box=box,
        **facts_of(name),
    )
    return Outcome(name, scene, len(stems), bool((pixels["zones"] == classes.GLACIER).any()))
