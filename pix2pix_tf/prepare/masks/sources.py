"""Find and check the masks that new ones are made from.

Of a data set, only the split `train` is used: a mask of a test glacier with its front moved is still that glacier, and
training on it is data leakage.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pix2pix_tf.data import dataset, validation
from pix2pix_tf.data.dataset import SPLITS, Scene
from pix2pix_tf.data.io import images, mask_drawings
from pix2pix_tf.data.scene_names import facts_of, scene_of
from pix2pix_tf.prepare.masks.front_motion import has_front
from pix2pix_tf.prepare.own_scenes import source as scene_source
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.parallel import parallel_map

# Metadata that a mask with another front keeps. Not the date, when the front was elsewhere, nor the quality of the
# image.
KEPT = ("glacier", "sensor", "orbit", "metres_per_pixel")


@dataclass(frozen=True)
class Source:
    """One mask to start from."""

    name: str  # begins the names of masks made from it
    path: Path
    split: str  # train | val | test
    scene: Scene  # from dataset.json or the name


@dataclass(frozen=True)
class Sources:
    """The masks of one --from."""

    name: str
    origin: str  # of the data set; `unknown` without one
    masks: tuple[Source, ...]  # sorted by name
    size: int = 0  # pixels a side; 0 before `scan`


def find(path: Path, any_split: bool = False) -> Sources:
    """Find masks by the names of their files.

    Args:
      path: a PNG, a folder of PNGs, or a data set.
      any_split: True takes masks of `val` and `test` too.

    Raises:
      UserError: there are none, they are of a split that must not be used, or two have one name.
    """
    if not path.exists():
        raise UserError(f"There is no {path}. --from takes a PNG, a folder of PNGs, or a data set.")
    folders = _folders(path, any_split)
    described = _described(folders[0]) if folders else None
    found: dict[str, Source] = {}
    for folder in folders:
        files_there = [path] if path.is_file() else sorted(folder.glob("*.[pP][nN][gG]"))
        for file in files_there:
            if file.name.startswith("."):
                continue
            source = _source(file, _split_of(folder) or "train", described)
            if source.name in found:
                raise UserError(f"{found[source.name].path} and {file} would have one name. Rename one of them.")
            found[source.name] = source
    if not found:
        raise UserError(f"There is no .png file in {' or '.join(map(str, folders)) or path}.")
    name, origin = (described.name, described.origin) if described else (path.resolve().stem, "unknown")
    return Sources(name, origin, tuple(found[name] for name in sorted(found)))


def _folders(path: Path, any_split: bool) -> list[Path]:
    """Return the folders of the masks."""
    if path.is_dir() and any((path / split).is_dir() for split in SPLITS):
        splits = SPLITS if any_split else ("train",)
        folders = [path / split / "zones" for split in splits if (path / split / "zones").is_dir()]
        if not folders:
            raise UserError(
                f"{path} has no masks in {' or '.join(f'{split}/zones' for split in splits)}. --from takes a data set "
                "with the role zones, a folder of PNGs, or a PNG."
            )
        return folders
    folder = path.parent if path.is_file() else path / "zones" if (path / "zones").is_dir() else path
    split = _split_of(folder)
    if split in ("val", "test") and not any_split:
        raise UserError(
            f"{path} is of the split {split}: training on masks made from it is data leakage. Name the data set "
            "itself, whose split train is used, or add --any-split."
        )
    return [folder]


def _split_of(folder: Path) -> str | None:
    """Return the split of a folder <data set>/<split>/zones, or zones/<split> as in CaFFe; else None."""
    names = [folder.resolve().name, folder.resolve().parent.name]
    return next((name for name in names if name in SPLITS), None) if "zones" in names else None


def _described(folder: Path) -> dataset.Dataset | None:
    """Return the description of the data set that a folder belongs to; None without one."""
    root = folder.resolve().parent.parent
    return dataset.read(root) if _split_of(folder) and (root / dataset.FILE).exists() else None


def _source(path: Path, split: str, described: dataset.Dataset | None) -> Source:
    name = scene_source.scene_name(path.stem)
    for end in scene_source.NAME_ENDS["zones"]:
        name = name.removesuffix(end)
    known = described.scenes.get(scene_of(path.stem)) if described else None
    return Source(name, path, split, known or Scene(split, 0, 0, **facts_of(name)))


def kept_metadata(source: Source, size: int) -> Scene:
    """Return the metadata that a mask keeps from its source: the place, the satellite, the scale.

    Args:
      source: the mask that it is made from.
      size: pixels of its side.
    """
    before = source.scene
    facts: dict[str, Any] = {key: getattr(before, key) for key in KEPT}
    if (before.height, before.width) == (size, size):  # not a patch of a larger scene, which lies elsewhere
        facts |= {"bounds": before.bounds, "crs": before.crs}
    return Scene(source.split, size, size, **facts)


def scan(found: Sources, tolerance: int, workers: int, scheduler: str | None = None) -> Sources:
    """Read every mask once; print and leave out those without a front.

    Args:
      found: from `find`.
      tolerance: how far a drawn pixel may be from its class, in each channel, of 255.
      workers: number of processes.
      scheduler: address of a Dask scheduler, whose cluster does the work instead.

    Raises:
      UserError: one message names all masks that are not readable, not square or not of one size; or none is left.
    """
    look, paths = partial(_look, tolerance=tolerance), [one.path for one in found.masks]
    checks = parallel_map(look, paths, workers, "masks checked", scheduler)
    good: list[tuple[Source, tuple[int, int, bool]]] = []
    problems: list[tuple[str, str]] = []
    for one, result in zip(found.masks, checks, strict=True):
        if isinstance(result, str):
            problems.append((result, one.path.name))
        else:
            good.append((one, result))
    size = good[0][1][0] if good else 0
    for one, (height, width, _) in good:
        if (height, width) != (size, size):
            problems.append(("masks must be square and of one size (prepare folder --as-drawn cuts masks of any size "
                             "into patches; or resize them without smoothing)",
                             f"{one.path.name} with {width} x {height} pixels"))  # fmt: skip
    if problems:
        raise validation.validation_error("These masks cannot be used", problems)
    kept = [one for one, (_, _, front) in good if front]
    without = [one.name for one, (_, _, front) in good if not front]
    if without:
        print(
            f"{found.name}: left out {len(without)} of {len(good)} masks, which have no front: "
            f"{validation.abbreviate(without)}"
        )
    if not kept:
        raise UserError(f"None of the masks of {found.name} has a front: glacier that meets ocean.")
    return replace(found, masks=tuple(kept), size=size)


def _look(path: Path, tolerance: int) -> tuple[int, int, bool] | str:
    """Return height, width and True where there is a front; or the problem with the file."""
    try:
        zones = mask_drawings.read_mask(path, tolerance)
    except images.BadImage as error:
        return str(error)
    height, width = zones.shape
    return height, width, has_front(zones)


def fingerprint(found: Sources) -> str:
    """Return a short digest of the files' names, sizes and times."""
    return scene_source.fingerprint([scene_source.Source(one.name, {"zones": one.path}) for one in found.masks])
