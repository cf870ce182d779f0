"""A data set on disk: what its folder holds, and the check that it holds nothing bad.

    <root>/dataset.json
    <root>/{train,val,test}/<role>/<stem>.png

The same stem in every role is one sample. `datasets/README.md` tells the whole contract.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from pix2pix_tf import files
from pix2pix_tf.data import masks
from pix2pix_tf.errors import UserError, unknown

CHANNELS = {"zones": 1, "sar": 1, "fronts": 1, "optical": 3, "elevation": 1, "sar_vv": 1, "sar_vh": 1}
VALUES = {
    "zones": masks.ZONE_VALUES,
    "fronts": masks.FRONT_VALUES,
}  # roles with classes rather than brightness
SPLITS = ("train", "val", "test")
PATCH_MARK = "__"  # <scene>__y<row>_x<column>: a stem's scene is what stands before it

_MODES = {"L": (1, 8), "I;16": (1, 16), "I;16B": (1, 16), "RGB": (3, 8)}  # Pillow's mode -> (channels, bits)
_NAMED = 4  # files named in a message; the others are counted


@dataclass(frozen=True)
class Scene:
    """Where a scene's patches come from. None: not known."""

    split: str
    height: int  # pixels, before padding
    width: int
    glacier: str | None = None
    date: str | None = None  # YYYY-MM-DD
    sensor: str | None = None
    metres_per_pixel: float | None = None
    padding: tuple[int, int] = (0, 0)  # pixels added at the bottom and at the right
    overlap: int = 0  # pixels that neighbouring patches share
    stretch: Mapping[str, tuple[float, float]] | None = None  # role: raw values that became black and white
    bounding_box: tuple[float, float, float, float] | None = None  # rows and columns where the front is judged
    bounds: tuple[float, float, float, float] | None = None  # left, bottom, right, top in the CRS' unit
    crs: str | None = None


@dataclass(frozen=True)
class Dataset:
    """A data set's description, and the stems that lie on the disk."""

    root: Path
    name: str
    origin: str  # real | simulated | generated: <run>@<epoch> | unknown
    size: int  # pixels; patches are square
    bits: Mapping[str, int]  # 8 or 16, for each role there is
    scenes: Mapping[str, Scene]
    stems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # sorted, for each split

    def path(self, split: str, role: str, stem: str) -> Path:
        """Where a patch lies."""
        return self.root / split / role / f"{stem}.png"


def scene_of(stem: str) -> str:
    """The name of the scene that a patch was cut from."""
    return stem.split(PATCH_MARK)[0]


def save(dataset: Dataset) -> None:
    """Writes `dataset.json`; the patches themselves lie there already."""
    scenes = {name: _known(asdict(scene)) for name, scene in sorted(dataset.scenes.items())}
    files.write_json(
        dataset.root / "dataset.json",
        {
            "name": dataset.name,
            "origin": dataset.origin,
            "classes": dict(zip(masks.ZONE_NAMES, masks.ZONE_VALUES, strict=True)),
            "size": dataset.size,
            "bits": dict(dataset.bits),
            "scenes": scenes,
        },
    )


def open_dataset(root: Path, roles: Sequence[str], splits: Sequence[str] = ("train", "val")) -> Dataset:
    """Opens a data set and checks every file of the named roles and splits.

    The full check reads each pixel once; a data set that has not changed since is opened by its file list alone.

    Args:
      root: the data set's folder. Without a `dataset.json` in it, what can be inferred is inferred and said.
      roles: what each sample must have, such as ("zones", "sar").
      splits: what must not be empty.

    Raises:
      UserError: the folder or a role is missing, or files are bad; one message names them all, with the cure.
    """
    for role in roles:
        if role not in CHANNELS:
            raise unknown("role", role, CHANNELS)
    if not root.is_dir():
        raise UserError(
            f"There is no data set {root}. Make one with python -m pix2pix_tf.prepare (see --help), or check --data."
        )
    stems, problems = _listing(root, roles, splits)
    if problems:
        raise _refusal(root, problems)
    described = _described(root) if (root / "dataset.json").exists() else _inferred(root, roles, stems)
    found = Dataset(**described, stems=stems)
    _verify(found, roles)
    return found


def _described(root: Path) -> dict:
    path = root / "dataset.json"
    values = files.read_json(path)
    try:
        scenes = {name: Scene(**scene) for name, scene in values["scenes"].items()}
        return {
            "root": root,
            "name": str(values["name"]),
            "origin": str(values["origin"]),
            "size": int(values["size"]),
            "bits": {role: int(bits) for role, bits in values["bits"].items()},
            "scenes": scenes,
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} does not follow the contract of datasets/README.md ({error}). Mend it, or remove it to have "
            "the data set inferred from its folders."
        ) from None


def _inferred(root: Path, roles: Sequence[str], stems: Mapping[str, tuple[str, ...]]) -> dict:
    """What the folders alone tell: the size and depth of the first patch, a scene for each stem's beginning."""
    split = next(iter(stems))
    bits, size = {}, 0
    for role in roles:
        with _opened(root / split / role / f"{stems[split][0]}.png") as image:
            size = image.width
            bits[role] = _MODES.get(image.mode, (0, 8))[1]
    scenes = {scene_of(stem): Scene(split, size, size) for split in stems for stem in stems[split]}
    print(
        f"{root} has no dataset.json: taking it as {size} x {size} patches of {len(scenes)} scenes of unknown origin, "
        + ", ".join(f"{role} {bits[role]} bit" for role in roles)
    )
    return {
        "root": root, "name": root.resolve().name, "origin": "unknown", "size": size, "bits": bits, "scenes": scenes,
    }  # fmt: skip


def _listing(root: Path, roles: Sequence[str], splits: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    stems: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    for split in splits:
        found = {role: {path.stem for path in (root / split / role).glob("*.png")} for role in roles}
        empty = [f"{split}/{role}" for role in roles if not found[role]]
        if empty:
            problems.append(f"No PNG files in {' and '.join(empty)}: put patches there, or choose another --data.")
            continue
        everything = set().union(*found.values())
        for role in roles:
            lonely = sorted(everything - found[role])
            if lonely:
                problems.append(
                    f"No partner in {split}/{role} for {_some(lonely)}: add the missing files there, or remove "
                    "the others of that name."
                )
        stems[split] = tuple(sorted(everything))
    return stems, problems


def _verify(dataset: Dataset, roles: Sequence[str]) -> None:
    """Decodes every patch once, unless the same files were found good before."""
    paths = [(dataset.path(s, role, stem), role) for s in dataset.stems for role in roles for stem in dataset.stems[s]]
    mark, seen = dataset.root / ".verified", _fingerprint(dataset, (path for path, _ in paths))
    known = mark.read_text().split() if mark.exists() else []
    if seen in known:
        return
    if len(paths) > 5000:
        print(f"checking {len(paths)} patches of {dataset.root}, once ...")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda item: _problem(*item, dataset.size, dataset.bits.get(item[1], 8)), paths))
    by_kind: dict[str, list[str]] = {}
    for (path, _), problem in zip(paths, found, strict=True):
        if problem:
            by_kind.setdefault(problem, []).append(str(path.relative_to(dataset.root)))
    if by_kind:
        raise _refusal(dataset.root, [f"{problem}: {_some(names)}." for problem, names in by_kind.items()])
    try:
        files.write_text(mark, "\n".join([*known[-20:], seen]))
    except OSError:
        pass  # a read-only data set is checked each time


def _fingerprint(dataset: Dataset, paths: Iterable[Path]) -> str:
    digest = hashlib.sha256(f"{dataset.size} {sorted(dataset.bits.items())}".encode())
    for path in paths:
        status = path.stat()
        digest.update(f"{path.relative_to(dataset.root)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _problem(path: Path, role: str, size: int, bits: int) -> str | None:
    """What is wrong with a patch and how to mend it; None when it is good."""
    try:
        with _opened(path) as image:
            image.load()
            mode, shape, pixels = image.mode, image.size, np.asarray(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return "Not a whole PNG (cut off or damaged; copy or make the file again)"
    if mode not in _MODES:
        return f"Pillow mode {mode}, but {role} takes {_wanted(role)} (save without alpha channel or palette)"
    if _MODES[mode] != (CHANNELS[role], bits):
        return f"{_MODES[mode][0]} channel(s) of {_MODES[mode][1]} bit, but {role} takes {_wanted(role)} of {bits} bit"
    if shape != (size, size):
        return (
            f"{shape[0]} x {shape[1]} pixels, but the patches of this data set are {size} x {size} "
            "(python -m pix2pix_tf.prepare folder cuts scenes of any size into patches of one)"
        )
    if role in VALUES:
        strange = sorted(set(np.unique(pixels).tolist()) - set(VALUES[role]))
        if strange:
            return (
                f"Grey value {strange[0]} is no class of {role}, which has {', '.join(map(str, VALUES[role]))} "
                "(a resized or JPEG-compressed mask has such values; save masks without smoothing)"
            )
    return None


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path, formats=["PNG"])
    except UnidentifiedImageError as error:
        raise OSError(str(error)) from None


def _wanted(role: str) -> str:
    return "one grey channel" if CHANNELS[role] == 1 else "three channels (RGB)"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _refusal(root: Path, problems: Sequence[str]) -> UserError:
    return UserError(f"The data set {root} cannot be used:\n" + "\n".join(f"- {problem}" for problem in problems))


def _known(values: dict) -> dict:
    """Without what is not known, so that the file stays short."""
    return {key: value for key, value in values.items() if value is not None}
