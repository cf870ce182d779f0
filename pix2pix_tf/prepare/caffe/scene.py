"""One scene of the CaFFe benchmark: cut as the benchmark's published code cuts it, and described."""

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
    """A scene that is to be written."""

    source: Source
    split: str  # train | val | test
    size: int  # pixels of a patch's side
    output: Path  # the data set's folder


@dataclass(frozen=True)
class Outcome:
    """What was found in a scene."""

    name: str
    scene: Scene | None  # None: it cannot be used
    patches: int = 0
    has_glacier: bool = True
    problems: tuple[tuple[str, str], ...] = ()  # pairs of problem and file


def overlap_of(split: str, size: int) -> int:
    """Pixels that neighbouring patches share: none for training, half a patch where whole scenes are judged.

    Args:
      split: train, val or test.
      size: pixels of a patch's side.
    """
    return 0 if split == "train" else size // 2


def grid(height: int, width: int, size: int, overlap: int) -> tuple[int, int, int, int]:
    """What `tiling.origins`, `padding` and `stems` are asked with, so that they lie as in the published code.

    Where patches overlap, that code pads even a scene that they cover exactly, by a whole step. This is what a scene
    with one pixel more would get. (A side shorter than a step it leaves without any patch; here it is padded to one.)

    Args:
      height: pixels of the scene.
      width: likewise.
      size: pixels of a patch's side.
      overlap: pixels that neighbouring patches share.

    Returns:
      Height and width of the scene as it is to be cut, size, overlap.
    """
    more = 1 if overlap else 0
    return height + more, width + more, size, overlap


def check_scene(source: Source) -> Outcome:
    """Reads one scene and checks it; nothing is written."""
    try:
        pixels, _ = caffe_source.read(source)
    except BadScene as error:
        return Outcome(source.name, None, problems=tuple(error.problems))
    return Outcome(source.name, None, has_glacier=bool((pixels["zones"] == classes.GLACIER).any()))


def write_scene(job: SceneTask) -> Outcome:
    """Reads one scene, checks it, and writes those of its patches that are not there yet."""
    dataset_writer.expect_begun(job.output)
    name, overlap = job.source.name, overlap_of(job.split, job.size)
    try:
        pixels, box = caffe_source.read(job.source)
    except BadScene as error:
        return Outcome(name, None, problems=tuple(error.problems))
    height, width = pixels["sar"].shape
    cells = grid(height, width, job.size, overlap)
    stems = tiling.stems(name, *cells)
    for role in ROLES:
        folder = front_folder_of(job.output) if role == "fronts" else role  # begun by an earlier version: `lines`
        missing = {stem for stem in stems if dataset_writer.missing(job.output, job.split, [folder], stem)}
        if not missing:
            continue
        image = np.pad(pixels[role], ((0, cells[0] - height), (0, cells[1] - width)))
        for stem, (_, _, patch) in zip(stems, tiling.cut(image, job.size, overlap), strict=True):
            if stem in missing:
                dataset_writer.write(job.output, job.split, stem, {folder: patch})
    bottom, right = tiling.padding(*cells)
    scene = Scene(
        job.split,
        height,
        width,
        padding=(bottom + cells[0] - height, right + cells[1] - width),
        overlap=overlap,
        bounding_box=box,
        **facts_of(name),
    )
    return Outcome(name, scene, len(stems), bool((pixels["zones"] == classes.GLACIER).any()))
