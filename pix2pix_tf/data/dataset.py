"""A data set's description: `dataset.json`, read with every field checked, and written."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from pix2pix_tf.data import classes
from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.data.scene_names import QUALITIES, is_file_name, scene_of
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError, did_you_mean, truncate, truncated_repr

FILE = "dataset.json"
SCENES_FILE = "scenes.json"  # beside generated images: their origin, and of each, by stem, fields of Scene
SPLITS = ("train", "val", "test")
MIXED = "mixed"  # the split of a scene that has patches in several splits


@dataclass(frozen=True)
class Scene:
    """Metadata of the scene that patches were cut from. None: unknown."""

    split: str  # train | val | test | mixed
    height: int  # pixels, before padding
    width: int
    glacier: str | None = None
    date: str | None = None  # YYYY-MM-DD
    sensor: str | None = None
    metres_per_pixel: float | None = None
    quality: int | None = None  # the labeller's rating of the image, 1 (best) to 6
    orbit: str | None = None
    padding: tuple[int, int] = (0, 0)  # pixels added at the bottom and at the right
    overlap: int = 0  # pixels that neighbouring patches share
    stretch: Mapping[str, tuple[float, ...]] | None = None  # role: raw values that became black and white, by band
    # The area in which the front is evaluated, in pixels: row_from, row_to, column_from, column_to, ends excluded.
    bounding_box: tuple[int, int, int, int] | None = None
    bounds: tuple[float, float, float, float] | None = None  # left, bottom, right, top in the unit of the CRS
    crs: str | None = None
    cloud: float | None = None  # cloud cover from a reliable source, 0 to 1
    # By role, what the files of SAR images held: power, amplitude or db. Their `stretch` is amplitude then.
    radiometry: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Pairing:
    """The shared input and the cloud cover of one sample. None: it has an input of its own; unknown cloud cover."""

    input: str | None = None  # the stem of its input files, where several samples share them
    cloud: float | None = None  # 0 to 1: cloud cover of its target, or a classifier's probability that it is cloudy


@dataclass(frozen=True)
class Dataset:
    """A data set's description, and the stems of its patches on disk."""

    root: Path
    name: str
    origin: str  # real | simulated | generated: <run>@<epoch> | moved: <name> (<origin>) | drawn: ... | unknown
    size: int  # pixels; patches are square
    bits: Mapping[str, int]  # 8 or 16, for each role
    scenes: Mapping[str, Scene]
    stems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # sorted, for each split
    pairs: Mapping[str, Pairing] = field(default_factory=dict)  # by a sample's stem; empty in most data sets
    # Glaciers on which the generator of a generated data set was trained; None: unknown.
    generator_train_glaciers: tuple[str, ...] | None = None
    # The role that may have several files for one input; samples are named after its files.
    target_role: str = "optical"
    front_folder: str = "fronts"  # the folder of the role `fronts`; see `front_folder_of`

    def folder(self, split: str, role: str) -> Path:
        """Return the folder of a role's patches.

        Args:
          split: train, val or test.
          role: such as "sar_vv".
        """
        return self.root / split / (self.front_folder if role == "fronts" else role)

    def file_stem(self, role: str, stem: str) -> str:
        """Return the stem of a sample's file: its own for `target_role`, else that of the shared input.

        Args:
          role: such as "sar_vv".
          stem: of the sample.
        """
        pairing = self.pairs.get(stem)
        return stem if role == self.target_role or pairing is None or pairing.input is None else pairing.input

    def glaciers(self, split: str) -> tuple[str, ...] | None:
        """Return the glaciers of a split, sorted; None when a patch has no known glacier."""
        glaciers = {self.scenes[scene_of(stem)].glacier for stem in self.stems[split]}
        known = sorted(glacier for glacier in glaciers if glacier is not None)
        return tuple(known) if len(known) == len(glaciers) else None

    def path(self, split: str, role: str, stem: str) -> Path:
        """Return the file of a sample's patch.

        Args:
          split: train, val or test.
          role: such as "sar_vv".
          stem: of the sample.
        """
        return self.folder(split, role) / f"{self.file_stem(role, stem)}.png"


def front_folder_of(root: Path) -> str:
    """Return the folder, in each split, that holds a data set's front masks one pixel wide.

    Earlier versions of `prepare caffe` wrote these masks to `lines`, and masks dilated for training to `fronts`.
    """
    return "lines" if any((root / split / "lines").is_dir() for split in SPLITS) else "fronts"


def save(dataset: Dataset) -> None:
    """Write `dataset.json`. The patches are not touched."""
    scenes = {name: _without_none(asdict(scene)) for name, scene in sorted(dataset.scenes.items())}
    described = {
        "name": dataset.name,
        "origin": dataset.origin,
        "classes": dict(zip(classes.ZONE_NAMES, classes.ZONE_VALUES, strict=True)),
        "size": dataset.size,
        "bits": dict(dataset.bits),
        "scenes": scenes,
    }
    described |= {} if dataset.generator_train_glaciers is None else {"seen": list(dataset.generator_train_glaciers)}
    files.write_json(dataset.root / FILE, described | (_pairs_as_json(dataset) if dataset.pairs else {}))


def save_pairs(dataset: Dataset) -> None:
    """Update the pairs in an existing `dataset.json`; all other keys stay."""
    path = dataset.root / FILE
    files.write_json(path, files.read_json(path) | _pairs_as_json(dataset))


def _pairs_as_json(dataset: Dataset) -> dict:
    pairs = {stem: _without_none(asdict(pairing)) for stem, pairing in sorted(dataset.pairs.items())}
    return {"row_role": dataset.target_role, "rows": pairs}


def _without_none(values: dict) -> dict:
    """Drop unknown values, so that the file stays short."""
    return {key: value for key, value in values.items() if value is not None}


# ---- Reading --------------------------------------------------------------------------------------------------------


def read(root: Path) -> Dataset:
    """Read `dataset.json`, without the patches.

    Raises:
      UserError: the file is missing or not JSON, or a field is missing, unknown or of the wrong type.
    """
    path = root / FILE
    values = files.read_json(path)
    try:
        _check_header(values)
        scenes = {name: _scene(name, scene) for name, scene in values["scenes"].items()}
        glaciers = values.get("seen")
        texts = isinstance(glaciers, list) and all(map(_text, glaciers))
        _demand(glaciers is None or texts, f"seen should be a list of glaciers, not {truncated_repr(glaciers)}")
        role = values.get("row_role", Dataset.target_role)
        _demand(
            _text(role) and role in CHANNELS,
            f"row_role should be one of {', '.join(CHANNELS)}, not {truncated_repr(role)}",
        )
        pairs = _pairs(values.get("rows", {}))
    except ValueError as error:
        raise UserError(
            f"{path} does not follow the contract of datasets/README.md: {error}. Mend it, or remove it to have "
            "the data set inferred from its folders."
        ) from None
    return Dataset(
        root,
        values["name"],
        values["origin"],
        values["size"],
        values["bits"],
        scenes,
        pairs=pairs,
        target_role=role,
        generator_train_glaciers=None if glaciers is None else tuple(glaciers),
        front_folder=front_folder_of(root),
    )


def _check_header(values: Mapping[str, Any]) -> None:
    """Raise a ValueError unless the required keys are there and have values of the right type."""
    missing = {"name", "origin", "size", "bits", "scenes"} - values.keys()
    _demand(not missing, f"it lacks {', '.join(sorted(missing))}")
    for key in ("name", "origin"):
        _demand(isinstance(values[key], str), f"{key} should be a text, not {truncated_repr(values[key])}")
    size = values["size"]
    _demand(_count(size) and size > 0, f"size should be pixels, not {truncated_repr(size)}")
    for key in ("bits", "scenes"):
        _demand(isinstance(values[key], dict), f"{key} should be an object, not {truncated_repr(values[key])}")
    for role, bits in values["bits"].items():
        _demand(
            bits in (8, 16) and _count(bits),
            f"bits of {truncate(role)} should be 8 or 16, not {truncated_repr(bits)}",
        )


def _scene(name: str, values: Any) -> Scene:
    _demand(is_file_name(name), f"the scene {truncate(name)} should have a plain name, as its files have")
    _demand(isinstance(values, dict), f"scene {truncate(name)} should be an object, not {truncated_repr(values)}")
    _demand(
        not (missing := {"split", "height", "width"} - values.keys()), f"scene {truncate(name)} lacks {sorted(missing)}"
    )
    return Scene(**checked_fields(name, values))


def checked_fields(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a scene's fields from JSON's types to those of `Scene`, and check them.

    Args:
      name: of the scene, for error messages.
      values: by the names of Scene's fields.

    Raises:
      ValueError: a field is unknown or has an invalid value.
    """
    known = {key.name for key in fields(Scene)}
    for key, value in values.items():
        if key not in known:
            raise ValueError(f"scene {truncate(name)}: {did_you_mean('field', key, known)}")
        is_valid, words = _FORMS[key]
        required = key in ("split", "height", "width", "padding", "overlap")
        _demand(
            is_valid(value) or (value is None and not required),
            f"{key} of scene {truncate(name)} should be {words}: {truncated_repr(value)}",
        )
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    if given.get("radiometry") is not None:
        given["radiometry"] = dict(values["radiometry"])
    if given.get("stretch") is not None:
        given["stretch"] = {role: tuple(limits) for role, limits in values["stretch"].items()}
    return given


def _pairs(values: Any) -> dict[str, Pairing]:
    _demand(isinstance(values, dict), f"rows should be an object, not {truncated_repr(values)}")
    pairs = {stem: _pairing(stem, pairing) for stem, pairing in values.items()}
    for stem, pairing in pairs.items():  # a stem that is both a sample's and its input's must name the same files
        other = pairs[pairing.input].input if pairing.input in pairs else None
        _demand(
            other in (None, pairing.input),
            f"row {truncate(stem)} has the input {truncate(pairing.input)}, whose own row has {truncate(other)}",
        )
    return pairs


def _pairing(stem: str, values: Any) -> Pairing:
    which = f"row {truncate(stem)}"
    _demand(is_file_name(stem), f"the {which} should have the name of a patch")
    _demand(isinstance(values, dict), f"{which} should be an object, not {truncated_repr(values)}")
    for key in values:
        if key not in ("input", "cloud"):
            raise ValueError(f"{which}: {did_you_mean('field', key, ('input', 'cloud'))}")
    given, cloud = values.get("input"), values.get("cloud")
    named = given is None or (_text(given) and is_file_name(given))
    _demand(named, f"input of {which} should be the name of a patch: {truncated_repr(given)}")
    _demand(cloud is None or _share(cloud), f"cloud of {which} should be a share from 0 to 1: {truncated_repr(cloud)}")
    return Pairing(**values)


_GREAT = 2**53  # exceeds any count of pixels; larger integers have no exact float
_LARGEST = 1e300  # sums and differences of larger numbers may overflow


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _GREAT


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _numbers(value: Any, count: int | None = None) -> bool:
    numbers = isinstance(value, list) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
    numbers = numbers and all(-_LARGEST < v < _LARGEST for v in value)
    return numbers and count in (None, len(value))


def _share(value: Any) -> bool:
    return _numbers([value], 1) and 0 <= value <= 1


# For each field of a scene in dataset.json: a test of its value, and a description for error messages.
_FORMS = {
    "split": (lambda value: value in (*SPLITS, MIXED), f"one of {', '.join((*SPLITS, MIXED))}"),
    "height": (lambda value: _count(value) and value > 0, "a whole number of pixels"),
    "width": (lambda value: _count(value) and value > 0, "a whole number of pixels"),
    "glacier": (_text, "a text"),
    "date": (_text, "a text YYYY-MM-DD"),
    "sensor": (_text, "a text"),
    "metres_per_pixel": (lambda value: _numbers([value], 1) and value > 0, "a number above 0"),
    "quality": (lambda value: _count(value) and value in QUALITIES, "a whole number from 1 (best) to 6"),
    "orbit": (_text, "a text"),
    "padding": (lambda value: _numbers(value, 2) and all(map(_count, value)), "two whole numbers of pixels"),
    "overlap": (_count, "a whole number of pixels"),
    "stretch": (
        lambda value: isinstance(value, dict) and all(map(_numbers, value.values())),
        "a list of numbers for each role",
    ),
    "radiometry": (
        lambda value: isinstance(value, dict) and all(one in ("power", "amplitude", "db") for one in value.values()),
        "power, amplitude or db for each role",
    ),
    "bounding_box": (lambda value: _numbers(value, 4) and all(map(_count, value)), "four whole numbers of pixels"),
    "bounds": (lambda value: _numbers(value, 4), "four numbers"),
    "crs": (_text, "a text"),
    "cloud": (_share, "a share from 0 to 1"),
}


def _demand(fact: bool, otherwise: str) -> None:
    if not fact:
        raise ValueError(otherwise)
