"""Build a data set from CaFFe patches that are cut already, as torchgeo and the benchmark's own script write them.

    <patches>/{sar_images,zones,fronts}/{train,val,test}/<stem>[_zones|_front]__<bottom>_<right>_<n>_<row>_<column>.png

`bottom` and `right` are the padding of the scene, `n` counts its patches, and row and column are the position of the
patch's upper left pixel (Gourmelon et al. 2022, published code: data_preprocessing.py).
"""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

from pix2pix_tf.data import dataset, scene_names, validation
from pix2pix_tf.data.dataset import SPLITS, Dataset, Scene
from pix2pix_tf.data.io import images
from pix2pix_tf.data.scene_names import Facts
from pix2pix_tf.prepare import dataset_writer
from pix2pix_tf.prepare.caffe import source as caffe_source
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import visible_files
from pix2pix_tf.utils.parallel import parallel_map

SIZE = 256  # pixels of a patch's side in both
_PLACE = re.compile(r"(.+)__(\d+)_(\d+)_\d+_(\d+)_(\d+)")
_SOLID = np.ones((3, 3))  # a front one pixel wide holds no such square


@dataclass(frozen=True)
class PatchScene:
    """The patches of one scene."""

    name: str
    split: str
    padding: tuple[int, int]
    places: Mapping[tuple[int, int], Mapping[str, Path]]  # row and column: the file of each folder
    output: Path  # the data set's folder

    @property
    def stems(self) -> dict[tuple[int, int], str]:
        """The stem of each patch; the only one of a scene has the scene's name."""
        if len(self.places) == 1:
            return dict.fromkeys(self.places, self.name)
        return {place: scene_names.patch_stem(self.name, *place) for place in self.places}


def prepare(folder: Path, output: Path, workers: int = 1, scheduler: str | None = None) -> None:
    """Build a data set from patches, or resume an interrupted one. Their splits are kept.

    Args:
      folder: the folder that holds sar_images/, or one that holds it.
      output: the data set's folder.
      workers: number of processes.
      scheduler: address of a Dask scheduler, whose cluster does the work instead.

    Raises:
      UserError: names, files or the output folder are not usable; nothing is written then.
    """
    root = caffe_source.root_of(folder)
    if output.resolve().is_relative_to(root.resolve()):
        raise UserError(f"--output {output} lies inside {root}. Choose a folder outside it.")
    found = find(root, output)
    paths = [path for one in found for files in one.places.values() for path in files.values()]
    signature = validation.fingerprint((caffe_source.display_path(path), path) for path in paths)
    record = {"command": "caffe --patches", "input": f"{len(paths)} files {signature}"}
    if dataset_writer.is_finished(output, record):
        return
    checked = parallel_map(check_scene, found, workers, "scenes checked", scheduler)
    if problems := [problem for one in checked for problem in one]:
        raise validation.validation_error(f"Patches in {root} cannot be used", problems)
    dataset_writer.begin(output, record)
    thinned = sum(parallel_map(write_scene, found, workers, "scenes written", scheduler))
    scenes = _scenes(root, found)
    dataset.save(Dataset(output, output.resolve().name, "real", SIZE, dict.fromkeys(_ROLES, 8), scenes))
    print(f"{len(found)} scenes, {len(paths) // len(_ROLES)} patches of {SIZE} x {SIZE} pixels: {', '.join(_ROLES)}")
    counts = Counter(one.split for one in found)
    print("; ".join(f"{split}: {counts[split]} scenes" for split in SPLITS if counts[split]))
    if thinned:
        print(f"fronts of {thinned} scenes were dilated, and became lines one pixel wide again")


_ROLES = tuple(sorted(caffe_source.ROLES.values()))


def find(root: Path, output: Path) -> list[PatchScene]:
    """Find the patches by the names of their files, and group them into scenes.

    Args:
      root: the folder that holds sar_images/.
      output: the data set's folder.

    Raises:
      UserError: folders or partners are missing, or names follow another rule; one message names them all.
    """
    problems: list[tuple[str, str]] = []
    places: dict[tuple[str, str], dict[tuple[int, int], dict[str, Path]]] = defaultdict(lambda: defaultdict(dict))
    padding: dict[tuple[str, str], tuple[int, int]] = {}
    for folder, end in caffe_source.ENDS.items():
        for split in [one for one in SPLITS if (root / folder / one).is_dir()]:
            for path in visible_files(root / folder / split):
                match = _PLACE.fullmatch(path.stem)
                if not match or not match[1].endswith(end) or path.suffix.lower() != ".png":
                    text = f"its name should be <scene>{end}__<bottom>_<right>_<number>_<row>_<column>.png"
                    problems.append((text, caffe_source.display_path(path)))
                    continue
                scene, (bottom, right, row, column) = (match[1].removesuffix(end), split), map(int, match.groups()[1:])
                other = places[scene][row, column].setdefault(folder, path)
                if other != path:
                    problems.append((f"the same place as {other.name}", caffe_source.display_path(path)))
                if padding.setdefault(scene, (bottom, right)) != (bottom, right) or max(bottom, right) >= SIZE:
                    text = f"a padding of {bottom} and {right} pixels, unlike that of its scene, or more than a patch"
                    problems.append((text, caffe_source.display_path(path)))
    for (_name, _), found in places.items():
        for files in found.values():
            missing = [folder for folder in caffe_source.ENDS if folder not in files]
            problems += [(f"no partner in {folder}/", next(iter(files.values())).name) for folder in missing]
    problems += [(gap, name) for (name, _), found in places.items() if (gap := _gap(found))]
    splits = Counter(name for name, _ in places)
    problems += [("has patches in several splits", name) for name, count in splits.items() if count > 1]
    if not places and not problems:
        problems.append((f"no patches in {', '.join(SPLITS)}", str(root)))
    if problems:
        raise validation.validation_error(f"The patches in {root} cannot be used", problems)
    return [PatchScene(name, split, padding[name, split], dict(places[name, split]), output)
            for name, split in sorted(places)]  # fmt: skip


def _gap(places: Collection[tuple[int, int]]) -> str:
    """Say which place of a scene's grid has no patch, as text: the first one; empty if each has one."""
    sides = [sorted({place[axis] for place in places}) for axis in (0, 1)]
    steps = [later - before for side in sides for before, later in itertools.pairwise([0, *side]) if later > before]
    step = min([SIZE, *steps])
    grid = itertools.product(*(range(0, side[-1] + 1, step) for side in sides))
    return next((f"no patch at {row}_{column}" for row, column in grid if (row, column) not in places), "")


def check_scene(scene: PatchScene) -> list[tuple[str, str]]:
    """Check the patches of a scene; return (problem, file) pairs. Write nothing."""
    return [
        (problem, caffe_source.display_path(path))
        for paths in scene.places.values()
        for folder, path in paths.items()
        if (problem := validation.patch_problem(path, caffe_source.ROLES[folder], SIZE, 8))
    ]


def write_scene(scene: PatchScene) -> bool:
    """Write the missing patches of a scene that is checked; return True if its fronts were dilated."""
    dataset_writer.expect_begun(scene.output)
    thinned = False
    for place, stem in scene.stems.items():
        if not dataset_writer.missing(scene.output, scene.split, _ROLES, stem):
            continue
        pixels = {caffe_source.ROLES[folder]: images.read_png(path) for folder, path in scene.places[place].items()}
        is_wide = bool(ndimage.binary_erosion(pixels["fronts"] > 0, _SOLID).any())
        if is_wide:
            pixels["fronts"] = np.where(skeletonize(pixels["fronts"] > 0), 255, 0).astype(np.uint8)
        thinned |= is_wide
        dataset_writer.write(scene.output, scene.split, stem, pixels)
    return thinned


def _scenes(root: Path, found: Sequence[PatchScene]) -> dict[str, Scene]:
    """Return the description of the scenes."""
    places, boxes = caffe_source.read_metadata(root), caffe_source.find_boxes(root, [])
    scenes = {}
    for one in found:
        height = max(row for row, _ in one.places) + SIZE - one.padding[0]
        width = max(column for _, column in one.places) + SIZE - one.padding[1]
        box = None
        if one.name in boxes:
            try:
                box = caffe_source.read_box(boxes[one.name], height, width)
            except (ValueError, OverflowError) as error:
                print(f"warning: {boxes[one.name]} is left out: {error}")
        facts: Facts = {**scene_names.facts_of(one.name), **places.get(one.name, Facts())}
        scenes[one.name] = Scene(
            one.split, height, width, padding=one.padding, overlap=_overlap(one), bounding_box=box, **facts
        )
    return scenes


def _overlap(scene: PatchScene) -> int:
    """Return the pixels that neighbouring patches share."""
    sides = [sorted({place[axis] for place in scene.places}) for axis in (0, 1)]
    steps = [later - before for side in sides for before, later in itertools.pairwise(side)]
    return SIZE - min(steps) if steps and min(steps) < SIZE else 0
