"""Masks that new ones are made from: which there are, from which split, and what stays true of them.

A data set gives the masks of its split `train` alone: a mask of a test glacier with its front moved is still that
glacier, and a model trained on it would have seen the test.
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

# What of a scene is true of its mask with another front too. Not the date, when the front was elsewhere, nor the
# quality, which is a picture's.
LASTING = ("glacier", "sensor", "orbit", "metres_per_pixel")


@dataclass(frozen=True)
class Source:
    """One mask to start from."""

    name: str  # for what is made from it
    path: Path
    split: str  # train | val | test
    scene: Scene  # as dataset.json or the name tell it


@dataclass(frozen=True)
class Sources:
    """The masks of one --from."""

    name: str
    origin: str  # of the data set; `unknown` without one
    masks: tuple[Source, ...]  # sorted by name
    size: int = 0  # pixels a side, once they have been looked at


def find(path: Path, any_split: bool = False) -> Sources:
    """Finds masks by the names of their files.

    Args:
      path: a PNG, a folder of PNGs, or a data set.
      any_split: whether masks of `val` and `test` may be taken too.

    Raises:
      UserError: there are none, they are of a split that is not to be taken, or two have one name.
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
    """The folders that the masks lie in."""
    if path.is_dir() and any((path / split).is_dir() for split in SPLITS):
        wanted = SPLITS if any_split else ("train",)
        folders = [path / split / "zones" for split in wanted if (path / split / "zones").is_dir()]
        if not folders:
            raise UserError(
                f"{path} has no masks in {' or '.join(f'{split}/zones' for split in wanted)}. --from takes a data set "
                "with the role zones, a folder of PNGs, or a PNG."
            )
        return folders
    folder = path.parent if path.is_file() else path / "zones" if (path / "zones").is_dir() else path
    split = _split_of(folder)
    if split in ("val", "test") and not any_split:
        raise UserError(
            f"{path} is of the split {split}: a model trained on masks made from it would have seen what it is judged "
            "by. Take the data set itself, whose split train is used, or say --any-split if you know better."
        )
    return [folder]


def _split_of(folder: Path) -> str | None:
    """The split that a folder <data set>/<split>/zones belongs to, or a zones/<split> as CaFFe has; else None."""
    names = [folder.resolve().name, folder.resolve().parent.name]
    return next((name for name in names if name in SPLITS), None) if "zones" in names else None


def _described(folder: Path) -> dataset.Dataset | None:
    """What dataset.json says, where the folder is a data set's."""
    root = folder.resolve().parent.parent
    return dataset.read(root) if _split_of(folder) and (root / dataset.FILE).exists() else None


def _source(path: Path, split: str, described: dataset.Dataset | None) -> Source:
    name = scene_source.scene_name(path.stem)
    for end in scene_source.NAME_ENDS["zones"]:
        name = name.removesuffix(end)
    known = described.scenes.get(scene_of(path.stem)) if described else None
    return Source(name, path, split, known or Scene(split, 0, 0, **facts_of(name)))


def lasting_facts(source: Source, size: int) -> Scene:
    """What is true of a mask made from another one: the place, the satellite, the scale.

    Args:
      source: the mask it was made from.
      size: pixels of its side.
    """
    before = source.scene
    facts: dict[str, Any] = {key: getattr(before, key) for key in LASTING}
    if (before.height, before.width) == (size, size):  # not a patch of a larger scene, which lies elsewhere
        facts |= {"bounds": before.bounds, "crs": before.crs}
    return Scene(source.split, size, size, **facts)


def scan(found: Sources, tolerance: int, workers: int, scheduler: str | None = None) -> Sources:
    """Reads every mask once; those without a front are left out, and said.

    Args:
      found: from `find`.
      tolerance: how far a drawn pixel may be from its class, in each channel, of 255.
      workers: processes.
      scheduler: of a Dask cluster that does the work in their place.

    Raises:
      UserError: one message names all masks that cannot be read, or are not square and of one size; or none is left.
    """
    look_at, paths = partial(_look, tolerance=tolerance), [one.path for one in found.masks]
    looks = parallel_map(look_at, paths, workers, "masks checked", scheduler)
    good: list[tuple[Source, tuple[int, int, bool]]] = []
    problems: list[tuple[str, str]] = []
    for one, look in zip(found.masks, looks, strict=True):
        if isinstance(look, str):
            problems.append((look, one.path.name))
        else:
            good.append((one, look))
    size = good[0][1][0] if good else 0
    for one, (height, width, _) in good:
        if (height, width) != (size, size):
            problems.append(("masks must be square and of one size (prepare folder --as-drawn cuts masks of any size "
                             "into patches; or resize them without smoothing)",
                             f"{one.path.name} with {width} x {height} pixels"))  # fmt: skip
    if problems:
        raise validation.validation_error("These masks cannot be used", problems)
    kept = [one for one, look in good if look[2]]
    without = [one.name for one, look in good if not look[2]]
    if without:
        print(
            f"{found.name}: left out {len(without)} of {len(good)} masks, which have no front: "
            f"{validation.abbreviate(without)}"
        )
    if not kept:
        raise UserError(f"None of the masks of {found.name} has a front: glacier that meets ocean.")
    return replace(found, masks=tuple(kept), size=size)


def _look(path: Path, tolerance: int) -> tuple[int, int, bool] | str:
    """Height, width and whether there is a front; or what is wrong with the file."""
    try:
        zones = mask_drawings.read_mask(path, tolerance)
    except images.BadImage as error:
        return str(error)
    height, width = zones.shape
    return height, width, has_front(zones)


def fingerprint(found: Sources) -> str:
    """Says in a few letters which masks there are, and when they were written."""
    return scene_source.fingerprint([scene_source.Source(one.name, {"zones": one.path}) for one in found.masks])
