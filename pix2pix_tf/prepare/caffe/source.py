"""The raw CaFFe benchmark: which scenes there are, their pixels, and what else is known of them.

    <raw>/{sar_images,zones,fronts}/{train,test}/<stem>[_zones|_front].png
    <raw>/bounding_boxes/<stem>_front_extent_coord.txt

Gourmelon et al. 2022, Earth System Science Data 14, 4287; data: PANGAEA 940950 (CC-BY-4.0). The definitions are those
of the benchmark's published code (data_processing/, validate_or_test.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.data import validation
from pix2pix_tf.data.io import images
from pix2pix_tf.data.scene_names import CAFFE_RULE, facts_of
from pix2pix_tf.prepare.caffe import facts as caffe_facts
from pix2pix_tf.prepare.caffe.download import fetch
from pix2pix_tf.prepare.caffe.unzip import extract
from pix2pix_tf.prepare.own_scenes.source import BadScene, visible
from pix2pix_tf.utils.errors import UserError

# No checksum of data_raw.zip is published. Without --sha256 it is held against the size that the server names, and each
# file in it against its CRC.
ZIP = "https://download.pangaea.de/dataset/940950/files/data_raw.zip"  # 2.9 GB
METADATA = "https://huggingface.co/datasets/torchgeo/caffe/resolve/main/meta_data.csv"
UNPACKED_LIMIT = 20 * 10**9  # bytes; the real one has 2.9 * 10**9

ENDS = {"sar_images": "", "zones": "_zones", "fronts": "_front"}  # folder -> how its names end
ROLES = {"sar_images": "sar", "zones": "zones", "fronts": "fronts"}  # folder -> the role that its pixels are
GLACIERS = {"train": ("Crane", "DBE", "JAC", "Jorum", "SI"), "test": ("COL", "Mapple")}


@dataclass(frozen=True)
class Source:
    """A scene, as far as names tell."""

    name: str
    split: str  # train | test: the benchmark's own
    paths: Mapping[str, Path]  # for each folder of ENDS
    box: Path | None


# ---- Getting it -----------------------------------------------------------------------------------------------------


def download(folder: Path, sha256: str | None = None) -> None:
    """Fetches and unpacks the benchmark, or goes on with it.

    Args:
      folder: gets data_raw.zip, data_raw/ and meta_data.csv.
      sha256: what the zip must have, if the user knows it.

    Raises:
      UserError: the zip cannot be had or is damaged. Without meta_data.csv it works too, and this is said.
    """
    fetch(ZIP, folder / "data_raw.zip", sha256=sha256)
    extract(folder / "data_raw.zip", folder, UNPACKED_LIMIT)
    try:
        fetch(METADATA, folder / "meta_data.csv")
    except UserError as error:
        print(f"meta_data.csv is not here, so no scene's place on the ground is known ({error})")


# ---- Finding --------------------------------------------------------------------------------------------------------


def find(root: Path) -> list[Source]:
    """Finds the scenes by the names of their files.

    Args:
      root: the folder that holds sar_images/.

    Returns:
      The scenes, sorted by name.

    Raises:
      UserError: folders or partners are missing, or names are wrong; one message names them all.
    """
    sources, problems = scan(root)
    if problems:
        raise validation.validation_error(f"The benchmark in {root} cannot be used", problems)
    return sources


def scan(root: Path) -> tuple[list[Source], list[tuple[str, str]]]:
    """As `find`, but whole scenes come together with what is wrong with the others: pairs of problem and name."""
    problems: list[tuple[str, str]] = []
    boxes = caffe_facts.find_boxes(root, problems)
    sources: dict[str, Source] = {}
    for split in ("train", "test"):
        found = {folder: _stems(root, folder, split, problems) for folder in ENDS}
        for name in sorted(set().union(*found.values())):
            lonely = [folder for folder in ENDS if name not in found[folder]]
            problems += [(f"no partner in {folder}/{split}/", name) for folder in lonely if found[folder]]
            problems += [(problem, name) for problem in _name_problems(name, split)]
            if name in sources:
                problems.append(("lies in train/ and in test/", name))
            if not lonely:
                paths = {folder: stems[name] for folder, stems in found.items()}
                sources[name] = Source(name, split, paths, boxes.get(name))
    return sorted(sources.values(), key=lambda source: source.name), problems


def root_of(raw: Path) -> Path:
    """The folder that holds sar_images/: the one given, or one in it.

    Raises:
      UserError: there is none.
    """
    if not raw.is_dir():
        raise UserError(f"There is no folder {raw}. Check --raw, or fetch the benchmark with --download.")
    for folder in (raw, *sorted(raw.iterdir())):
        if (folder / "sar_images").is_dir():
            return folder
    raise UserError(f"{raw} holds no folder sar_images, and no folder with one. Give --raw the benchmark's data_raw.")


def _stems(root: Path, folder: str, split: str, problems: list[tuple[str, str]]) -> dict[str, Path]:
    """The files of one folder by scene name."""
    place = root / folder / split
    found: dict[str, Path] = {}
    if not place.is_dir():
        problems.append(("no such folder", f"{folder}/{split}/"))
        return {}
    for path in visible(place):
        name = path.stem.removesuffix(ENDS[folder])
        if path.suffix.lower() not in images.PNG:
            problems.append(("no PNG by its name (move it elsewhere)", shown(path)))
        elif not path.stem.endswith(ENDS[folder]):
            problems.append((f"its name should end in {ENDS[folder]}.png", shown(path)))
        elif name in found:
            problems.append((f"the same scene as {found[name].name} (keep one of them)", shown(path)))
        else:
            found[name] = path
    if not found:
        problems.append(("no images", f"{folder}/{split}/"))
    return found


def shown(path: Path) -> str:
    """A raw file as messages name it."""
    return "/".join(path.parts[-3:])


def _name_problems(name: str, split: str) -> list[str]:
    facts = facts_of(name)
    if "quality" not in facts:
        return [f"the name does not follow {CAFFE_RULE}"]
    other = "test" if split == "train" else "train"
    if facts["glacier"] in GLACIERS[other]:
        return [f"{facts['glacier']} is a glacier of the {other} split, but lies in {split}/"]
    return []


# ---- Reading --------------------------------------------------------------------------------------------------------


def read(source: Source) -> tuple[dict[str, np.ndarray], tuple[int, int, int, int] | None]:
    """Reads one scene and checks it as the benchmark's own script does.

    Returns:
      zones, fronts, sar: uint8 [H, W], of one size, grey values as in the files.
      The bounding box of the front, as in `dataset.Scene`; None when there is no file of it.

    Raises:
      BadScene: files are damaged, not grey, of different sizes, or hold other values than they may.
    """
    problems: list[tuple[str, str]] = []
    pixels = {}
    for folder, path in source.paths.items():
        try:
            pixels[ROLES[folder]] = _grey(path, ROLES[folder])
        except images.BadImage as error:
            problems.append((str(error), shown(path)))
    if different := validation.different_sizes(pixels):
        problems.append((f"its images differ in size: {different} pixels", source.name))
    box = None
    if source.box and not problems:
        try:
            height, width = pixels["sar"].shape
            box = caffe_facts.read_box(source.box, height, width)
        except (ValueError, OverflowError) as error:
            problems.append((f"no bounding box can be read from it ({error}; mend or remove it)", shown(source.box)))
    if problems:
        raise BadScene(problems)
    return pixels, box


def _grey(path: Path, role: str) -> np.ndarray:
    image = images.read_png(path)
    problem = validation.channel_problem(role, image) or validation.class_problem(role, image)
    if problem:
        raise images.BadImage(problem)
    if image.dtype != np.uint8:
        raise images.BadImage(f"{8 * image.dtype.itemsize} bit, but the benchmark's images have 8")
    if role == "fronts" and image.min() == image.max():
        raise images.BadImage(f"only the grey value {image.flat[0]}, but a front mask has both 0 and 255")
    return image
