"""A data set on disk: what its folder holds, and the check that it holds nothing bad.

    <root>/dataset.json
    <root>/{train,val,test}/<role>/<stem>.png

The same stem in every role is one sample. `datasets/README.md` tells the whole contract.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from pix2pix_tf import files
from pix2pix_tf.data import checks, images, masks
from pix2pix_tf.data.checks import CHANNELS, VALUES
from pix2pix_tf.data.names import PATCH_MARK, facts_of, place_of, scene_of
from pix2pix_tf.errors import UserError, unknown

__all__ = ["CHANNELS", "MIXED", "PATCH_MARK", "SPLITS", "VALUES", "Dataset", "Scene", "open_dataset", "save", "scene_of"]

SPLITS = ("train", "val", "test")
MIXED = "mixed"  # the split of a scene whose patches lie in several


@dataclass(frozen=True)
class Scene:
    """Where a scene's patches come from. None: not known."""

    split: str  # train | val | test | mixed
    height: int  # pixels, before padding
    width: int
    glacier: str | None = None
    date: str | None = None  # YYYY-MM-DD
    sensor: str | None = None
    metres_per_pixel: float | None = None
    padding: tuple[int, int] = (0, 0)  # pixels added at the bottom and at the right
    overlap: int = 0  # pixels that neighbouring patches share
    stretch: Mapping[str, tuple[float, ...]] | None = None  # role: raw values that became black and white, by band
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
        raise checks.refusal(f"The data set {root} cannot be used", problems)
    described = (root / "dataset.json").exists()
    found = _described(root) if described else Dataset(root, root.resolve().name, "unknown", 0, {}, {})
    found = _completed(replace(found, stems=stems), roles, described)
    patches = [(found.path(split, role, stem), role) for split in stems for role in roles for stem in stems[split]]
    checks.verify(root, found.size, found.bits, patches)
    return found


# ---- What dataset.json says -----------------------------------------------------------------------------------------


def _described(root: Path) -> Dataset:
    path = root / "dataset.json"
    values = files.read_json(path)
    try:
        missing = {"name", "origin", "size", "bits", "scenes"} - values.keys()
        _demand(not missing, f"it lacks {', '.join(sorted(missing))}")
        for key in ("name", "origin"):
            _demand(isinstance(values[key], str), f"{key} should be a text, not {values[key]!r}")
        _demand(_count(values["size"]) and values["size"] > 0, f"size should be pixels, not {values['size']!r}")
        for key in ("bits", "scenes"):
            _demand(isinstance(values[key], dict), f"{key} should be an object, not {values[key]!r}")
        for role, bits in values["bits"].items():
            _demand(bits in (8, 16) and _count(bits), f"bits of {role} should be 8 or 16, not {bits!r}")
        scenes = {name: _scene(name, scene) for name, scene in values["scenes"].items()}
    except ValueError as error:
        raise UserError(
            f"{path} does not follow the contract of datasets/README.md: {error}. Mend it, or remove it to have "
            "the data set inferred from its folders."
        ) from None
    return Dataset(root, values["name"], values["origin"], values["size"], values["bits"], scenes)


def _scene(name: str, values: object) -> Scene:
    _demand(isinstance(values, dict), f"scene {name} should be an object, not {values!r}")
    _demand(not (missing := {"split", "height", "width"} - values.keys()), f"scene {name} lacks {sorted(missing)}")
    known = {key.name for key in fields(Scene)}
    for key, value in values.items():
        if key not in known:
            raise ValueError(f"scene {name}: {unknown('field', key, known)}")
        fits, words = _FORMS[key]
        required = key in ("split", "height", "width", "padding", "overlap")
        _demand(fits(value) or (value is None and not required), f"{key} of scene {name} should be {words}: {value!r}")
    tuples = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    if values.get("stretch") is not None:
        tuples["stretch"] = {role: tuple(limits) for role, limits in values["stretch"].items()}
    return Scene(**{**values, **tuples})


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _text(value: object) -> bool:
    return isinstance(value, str)


def _numbers(value: object, count: int | None = None) -> bool:
    numbers = isinstance(value, list) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
    return numbers and count in (None, len(value))


# What each field of a scene must be in dataset.json, as a test and in words.
_FORMS = {
    "split": (lambda value: value in (*SPLITS, MIXED), f"one of {', '.join((*SPLITS, MIXED))}"),
    "height": (lambda value: _count(value) and value > 0, "a whole number of pixels"),
    "width": (lambda value: _count(value) and value > 0, "a whole number of pixels"),
    "glacier": (_text, "a text"),
    "date": (_text, "a text YYYY-MM-DD"),
    "sensor": (_text, "a text"),
    "metres_per_pixel": (lambda value: _numbers([value], 1) and value > 0, "a number above 0"),
    "padding": (lambda value: _numbers(value, 2) and all(map(_count, value)), "two whole numbers of pixels"),
    "overlap": (_count, "a whole number of pixels"),
    "stretch": (
        lambda value: isinstance(value, dict) and all(map(_numbers, value.values())),
        "a list of numbers for each role",
    ),
    "bounding_box": (lambda value: _numbers(value, 4), "four numbers"),
    "bounds": (lambda value: _numbers(value, 4), "four numbers"),
    "crs": (_text, "a text"),
}


def _demand(fact: bool, otherwise: str) -> None:
    if not fact:
        raise ValueError(otherwise)


# ---- What the folders say -------------------------------------------------------------------------------------------


def _listing(
    root: Path, roles: Sequence[str], splits: Sequence[str]
) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, str]]]:
    """The stems of each split, and what is wrong with them as pairs of problem and name."""
    stems: dict[str, tuple[str, ...]] = {}
    problems: list[tuple[str, str]] = []
    for split in splits:
        found = {role: _stems(root / split / role) for role in roles}
        empty = [f"{split}/{role}" for role in roles if not found[role]]
        if empty:
            problems.append((f"No .png files in {' and '.join(empty)}: put patches there, or choose another --data", ""))
            continue
        everything = set().union(*found.values())
        for role in roles:
            lonely = everything - found[role]
            cure = f"no partner in {split}/{role} (add the missing files there, or remove the others of that name)"
            problems += [(cure, stem) for stem in sorted(lonely)]
        stems[split] = tuple(sorted(everything))
    return stems, problems


def _stems(folder: Path) -> set[str]:
    """Names of the patches; hidden files are what a killed process or another system left behind."""
    return {path.stem for path in folder.glob("*.png") if not path.name.startswith(".")}


def _completed(found: Dataset, roles: Sequence[str], described: bool) -> Dataset:
    """Infers what dataset.json does not say: depths, the size, scenes; and says so."""
    bits, size = dict(found.bits), found.size
    for role in roles:
        if role not in bits or not size:
            width, bits[role] = _first_good(found, role)
            size = size or width
    scenes = dict(found.scenes)
    for split, stems in found.stems.items():
        for stem in stems:
            name = scene_of(stem)
            if name not in found.scenes:
                scenes[name] = _grown(scenes.get(name), split, stem, size)
    new = sorted(scenes.keys() - found.scenes.keys())
    if not described:
        depths = ", ".join(f"{role} {bits[role]} bit" for role in roles)
        print(
            f"{found.root} has no dataset.json: taking it as {size} x {size} patches of {len(new)} scenes of unknown "
            f"origin, {depths}"
        )
    elif new:
        print(f"{found.root}/dataset.json does not describe {checks.some(new)}: taken from the names of the patches")
    return replace(found, size=size, bits=bits, scenes=scenes)


def _first_good(found: Dataset, role: str) -> tuple[int, int]:
    """Width and bits of a role's first whole patch; when there is none, any answer will do, as all are refused."""
    for split, stems in found.stems.items():
        for stem in stems:
            try:
                pixels = images.read_png(found.path(split, role, stem))
            except images.BadImage:
                continue
            return pixels.shape[1], 8 * pixels.dtype.itemsize
    return 0, 8


def _grown(scene: Scene | None, split: str, stem: str, size: int) -> Scene:
    """A scene as far as its patches' names tell, one patch more."""
    row, column = place_of(stem)
    if scene is None:
        return Scene(split, row + size, column + size, **facts_of(scene_of(stem)))
    return replace(
        scene,
        split=split if scene.split == split else MIXED,
        height=max(scene.height, row + size),
        width=max(scene.width, column + size),
    )


def _known(values: dict) -> dict:
    """Without what is not known, so that the file stays short."""
    return {key: value for key, value in values.items() if value is not None}
