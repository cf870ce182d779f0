"""A data set, and what its `dataset.json` tells of it and its scenes: written, read again, every field checked."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from pix2pix_tf.data import classes
from pix2pix_tf.data.roles import CHANNELS
from pix2pix_tf.data.scene_names import QUALITIES, is_file_name, scene_of
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError, did_you_mean, truncate, truncated_repr

FILE = "dataset.json"
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
    quality: int | None = None  # the labeller's mark for the picture, 1 (best) to 6
    orbit: str | None = None
    padding: tuple[int, int] = (0, 0)  # pixels added at the bottom and at the right
    overlap: int = 0  # pixels that neighbouring patches share
    stretch: Mapping[str, tuple[float, ...]] | None = None  # role: raw values that became black and white, by band
    # Where the front is judged, in whole pixels: row_from, row_to, column_from, column_to, the ends not included.
    bounding_box: tuple[int, int, int, int] | None = None
    bounds: tuple[float, float, float, float] | None = None  # left, bottom, right, top in the CRS' unit
    crs: str | None = None
    cloud: float | None = None  # share under cloud by a source that can be relied on, 0 to 1


@dataclass(frozen=True)
class Pairing:
    """What one sample has beyond files of its own name. None: nothing."""

    input: str | None = None  # the stem under which its inputs lie, where several samples share them
    cloud: float | None = None  # 0 to 1: share of its target under cloud, or how likely a classifier finds it cloudy


@dataclass(frozen=True)
class Dataset:
    """A data set's description, and the stems that lie on the disk."""

    root: Path
    name: str
    origin: str  # real | simulated | generated: <run>@<epoch> | moved: <name> (<origin>) | drawn: ... | unknown
    size: int  # pixels; patches are square
    bits: Mapping[str, int]  # 8 or 16, for each role there is
    scenes: Mapping[str, Scene]
    stems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # sorted, for each split
    pairs: Mapping[str, Pairing] = field(default_factory=dict)  # by the stem of a sample; most data sets have none
    generator_train_glaciers: tuple[str, ...] | None = (
        None  # glaciers that the generator of painted images was trained on; None: unknown
    )
    target_role: str = (
        "optical"  # the role of which one input may have several files: the samples are named after these
    )

    def file_stem(self, role: str, stem: str) -> str:
        """Under which name a sample's file of a role lies: of `row_role` under its own, of the others as its row says.

        Args:
          role: such as "sar_vv".
          stem: of the sample.
        """
        row = self.pairs.get(stem)
        return stem if role == self.target_role or row is None or row.input is None else row.input

    def glaciers(self, split: str) -> tuple[str, ...] | None:
        """The glaciers that a split shows, sorted; None when that of a patch is not known."""
        shown = {self.scenes[scene_of(stem)].glacier for stem in self.stems[split]}
        known = sorted(glacier for glacier in shown if glacier is not None)
        return tuple(known) if len(known) == len(shown) else None

    def path(self, split: str, role: str, stem: str) -> Path:
        """Where a sample's patch of a role lies.

        Args:
          split: train, val or test.
          role: such as "sar_vv".
          stem: of the sample.
        """
        return self.root / split / role / f"{self.file_stem(role, stem)}.png"


def line_role(root: Path) -> str:
    """The role of the fronts as drawn, one pixel wide: where a data set has `lines`, its `fronts` are wide."""
    return "lines" if any((root / split / "lines").is_dir() for split in SPLITS) else "fronts"


def save(dataset: Dataset) -> None:
    """Writes `dataset.json`; the patches themselves lie there already."""
    scenes = {name: _known(asdict(scene)) for name, scene in sorted(dataset.scenes.items())}
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
    """Writes the rows into the `dataset.json` that is there; whatever else stands in it stays."""
    path = dataset.root / FILE
    files.write_json(path, files.read_json(path) | _pairs_as_json(dataset))


def _pairs_as_json(dataset: Dataset) -> dict:
    rows = {stem: _known(asdict(row)) for stem, row in sorted(dataset.pairs.items())}
    return {"row_role": dataset.target_role, "rows": rows}


def _known(values: dict) -> dict:
    """Without what is not known, so that the file stays short."""
    return {key: value for key, value in values.items() if value is not None}


def read(root: Path) -> Dataset:
    """Reads `dataset.json`; the patches are not looked at.

    Raises:
      UserError: there is none, or it is not JSON, or a field is missing, unknown or of the wrong type.
    """
    path = root / FILE
    values = files.read_json(path)
    try:
        missing = {"name", "origin", "size", "bits", "scenes"} - values.keys()
        _demand(not missing, f"it lacks {', '.join(sorted(missing))}")
        for key in ("name", "origin"):
            _demand(isinstance(values[key], str), f"{key} should be a text, not {truncated_repr(values[key])}")
        _demand(
            _count(values["size"]) and values["size"] > 0,
            f"size should be pixels, not {truncated_repr(values['size'])}",
        )
        for key in ("bits", "scenes"):
            _demand(isinstance(values[key], dict), f"{key} should be an object, not {truncated_repr(values[key])}")
        for role, bits in values["bits"].items():
            _demand(
                bits in (8, 16) and _count(bits),
                f"bits of {truncate(role)} should be 8 or 16, not {truncated_repr(bits)}",
            )
        scenes = {name: _scene(name, scene) for name, scene in values["scenes"].items()}
        seen = values.get("seen")
        texts = isinstance(seen, list) and all(map(_text, seen))
        _demand(seen is None or texts, f"seen should be a list of glaciers, not {truncated_repr(seen)}")
        role = values.get("row_role", Dataset.target_role)
        _demand(
            _text(role) and role in CHANNELS,
            f"row_role should be one of {', '.join(CHANNELS)}, not {truncated_repr(role)}",
        )
        rows = _pairs(values.get("rows", {}))
    except ValueError as error:
        raise UserError(
            f"{path} does not follow the contract of datasets/README.md: {error}. Mend it, or remove it to have "
            "the data set inferred from its folders."
        ) from None
    name, origin, size, bits = (values[key] for key in ("name", "origin", "size", "bits"))
    seen = None if seen is None else tuple(seen)
    return Dataset(root, name, origin, size, bits, scenes, pairs=rows, target_role=role, generator_train_glaciers=seen)


def _scene(name: str, values: Any) -> Scene:
    _demand(is_file_name(name), f"the scene {truncate(name)} should have a plain name, as its files have")
    _demand(isinstance(values, dict), f"scene {truncate(name)} should be an object, not {truncated_repr(values)}")
    _demand(
        not (missing := {"split", "height", "width"} - values.keys()), f"scene {truncate(name)} lacks {sorted(missing)}"
    )
    return Scene(**checked_fields(name, values))


def checked_fields(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a scene as JSON has them, in the form in which Scene has them.

    Args:
      name: of the scene, for the message.
      values: by the names of Scene's fields.

    Raises:
      ValueError: a field is unknown, or has no value that fits.
    """
    known = {key.name for key in fields(Scene)}
    for key, value in values.items():
        if key not in known:
            raise ValueError(f"scene {truncate(name)}: {did_you_mean('field', key, known)}")
        fits, words = _FORMS[key]
        required = key in ("split", "height", "width", "padding", "overlap")
        _demand(
            fits(value) or (value is None and not required),
            f"{key} of scene {truncate(name)} should be {words}: {truncated_repr(value)}",
        )
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    if given.get("stretch") is not None:
        given["stretch"] = {role: tuple(limits) for role, limits in values["stretch"].items()}
    return given


def _pairs(values: Any) -> dict[str, Pairing]:
    _demand(isinstance(values, dict), f"rows should be an object, not {truncated_repr(values)}")
    rows: dict[str, Pairing] = {}
    for stem, row in values.items():
        which = f"row {truncate(stem)}"
        _demand(is_file_name(stem), f"the {which} should have the name of a patch")
        _demand(isinstance(row, dict), f"{which} should be an object, not {truncated_repr(row)}")
        for key in row:
            if key not in ("input", "cloud"):
                raise ValueError(f"{which}: {did_you_mean('field', key, ('input', 'cloud'))}")
        given, cloud = row.get("input"), row.get("cloud")
        named = given is None or (_text(given) and is_file_name(given))
        _demand(named, f"input of {which} should be the name of a patch: {truncated_repr(given)}")
        _demand(
            cloud is None or _share(cloud), f"cloud of {which} should be a share from 0 to 1: {truncated_repr(cloud)}"
        )
        rows[stem] = Pairing(**row)
    for stem, row in rows.items():  # a name that is a sample's and its input's must mean the same files
        other = rows[row.input].input if row.input in rows else None
        _demand(
            other in (None, row.input),
            f"row {truncate(stem)} has the input {truncate(row.input)}, whose own row has {truncate(other)}",
        )
    return rows


_GREAT = 2**53  # more pixels than there are
_LARGEST = 1e300  # beyond that sums and differences are infinite


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


# What each field of a scene must be in dataset.json, as a test and in words.
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
    "bounding_box": (lambda value: _numbers(value, 4) and all(map(_count, value)), "four whole numbers of pixels"),
    "bounds": (lambda value: _numbers(value, 4), "four numbers"),
    "crs": (_text, "a text"),
    "cloud": (_share, "a share from 0 to 1"),
}


def _demand(fact: bool, otherwise: str) -> None:
    if not fact:
        raise ValueError(otherwise)
