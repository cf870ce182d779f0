"""Read a user's scenes once, one at a time, so that all problems are reported before anything is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pix2pix_tf.data import classes as zone_classes
from pix2pix_tf.data import tiling, validation
from pix2pix_tf.data.dataset import Scene
from pix2pix_tf.data.io import vector_masks
from pix2pix_tf.prepare.own_scenes import brightness
from pix2pix_tf.prepare.own_scenes import source as scene_source
from pix2pix_tf.prepare.stretch import Cut, Limits
from pix2pix_tf.utils import cli

DIVIDE_BY = ("random", "scene", "glacier")


@dataclass(frozen=True)
class Settings:
    """Options that determine the data set."""

    size: int = 256  # pixels; the generator's eight halvings want a multiple of 256
    overlap: int = 0  # pixels that neighbouring patches share
    split: str = "random"  # random | scene | glacier: the unit that stays in one split
    val: float = 0.1  # share of the patches for validation
    hold_out: tuple[str, ...] = ()  # glaciers that become the test split
    seed: int = 0
    cut: Cut | None = (2.0, 98.0)  # percentiles; None keeps 16 bits
    side_by_side: tuple[str, str] | None = None  # roles of the left and the right half
    tolerance: int | None = None  # 0..127: reads the zones as drawings; None takes their grey values as they are
    classes: tuple[str, ...] | None = None  # meaning of other zone values, such as "1=rock"; None: CaFFe's
    fronts: bool | None = None  # True adds the fronts that follow from the zones
    # The options of `brightness.Options`; None is the default, and the same as in settings that lack them.
    limits: Mapping[str, Limits] | None = None
    no_data: float | str | None = None
    radiometry: str | None = None
    bands: Mapping[str, tuple[int | str, ...]] | None = None
    align: bool | None = None  # True resamples masks to the grid of their SAR image
    zones_file: str | None = None  # a vector file with the zones of all scenes
    fronts_file: str | None = None  # likewise with their fronts
    zone_field: str | None = None  # of vector files: the field with the class of a polygon; None: "class"
    multilook: int | None = None  # side of the squares of pixels that are averaged; None: 1

    @property
    def reading(self) -> scene_source.Reading:
        """How the files are read."""
        options = brightness.Options(self.cut, self.limits, self.no_data, self.radiometry, self.bands)
        field = self.zone_field or vector_masks.FIELD
        return scene_source.Reading(options, self.tolerance, self.classes, bool(self.align), field, self.multilook or 1)

    @property
    def shared(self) -> dict[str, Path]:
        """The vector files with the masks of all scenes, by role."""
        given = {"zones": self.zones_file, "fronts": self.fronts_file}
        return {role: Path(name) for role, name in given.items() if name is not None}


@dataclass(frozen=True)
class SceneInfo:
    """The facts about one scene that later steps need."""

    source: scene_source.Source
    scene: Scene  # its split is "" unless the folders determine it
    stems: tuple[str, ...]  # of its patches, in the order of `tiling.cut`
    bits: Mapping[str, int]
    zones: np.ndarray  # int [patches, classes]: pixels of each class, without padding
    picture: scene_source.Picture  # without its masks, which are read again


def scan(sources: Sequence[scene_source.Source], settings: Settings, folder: Path) -> list[SceneInfo]:
    """Read every scene once and check it.

    Args:
      sources: from `source.find`.
      settings: checked.
      folder: the folder of the scenes, for the message.

    Raises:
      UserError: one message names all bad files, with the cure.
    """
    found, problems = [], []
    for source in cli.progress(sources, len(sources), "scenes checked"):
        try:
            found.append(_look(source, read(source, settings), settings))
        except scene_source.BadScene as error:
            problems += error.problems
    if not problems:
        problems = _different_scenes(found)
    if problems:
        raise validation.validation_error(f"The scenes in {folder} cannot be used", problems)
    return found


def _different_scenes(found: Sequence[SceneInfo]) -> list[tuple[str, str]]:
    """Return how scenes differ that should be of one kind."""
    first, problems = found[0], []
    for one in found:
        if one.bits.keys() != first.bits.keys():
            text = f"it gives {', '.join(one.bits)}, but {first.source.name} gives {', '.join(first.bits)}"
            problems.append((text, one.source.name))
            continue
        problems += [
            (f"{bits} bit, but {first.source.name} has {first.bits[role]} (leave out --cut none)",
             f"{role} of {one.source.name}") for role, bits in one.bits.items() if bits != first.bits[role]
        ]  # fmt: skip
    for role in first.bits:
        told = {one.source.name: one.picture.images[role].radiometry for one in found if role in one.picture.images}
        kinds: dict[str, list[str]] = {}
        for name, radiometry in told.items():
            if radiometry and not radiometry.certain:
                kinds.setdefault(radiometry.kind, []).append(name)
        if len(kinds) > 1:
            listed = "; ".join(f"{kind}: {validation.abbreviate(names)}" for kind, names in sorted(kinds.items()))
            problems.append((f"by their numbers, scenes are of two kinds ({listed}): name it with --radiometry", role))
    return problems


def read(source: scene_source.Source, settings: Settings) -> scene_source.Picture:
    """Read one scene with the settings.

    Raises:
      BadScene: as `source.read` does; or `fronts` is set, and the scene has fronts or lacks zones.
    """
    picture = scene_source.read(source, settings.reading)
    if settings.fronts and ("fronts" in picture.masks or "zones" not in picture.masks):
        raise scene_source.BadScene(
            [("--add-fronts is for scenes that have zones and no fronts: leave it out", source.name)]
        )
    return replace(picture, masks=_with_fronts(picture.masks, settings))


def load(one: SceneInfo, settings: Settings) -> dict[str, np.ndarray]:
    """Read the pixels of a scene that `scan` has read before; as `source.load` returns them."""
    return _with_fronts(scene_source.load(one.source, settings.reading, one.picture.images), settings)


def _with_fronts(pixels: Mapping[str, np.ndarray], settings: Settings) -> dict[str, np.ndarray]:
    return {**pixels, **({"fronts": zone_classes.front_of(pixels["zones"])} if settings.fronts else {})}


def _look(source: scene_source.Source, picture: scene_source.Picture, settings: Settings) -> SceneInfo:
    height, width = picture.size
    grid = (height, width, settings.size, settings.overlap)
    zones = picture.masks.get("zones", np.empty((0, 0), np.uint8))
    windows = (
        zones[row : row + settings.size, column : column + settings.size]
        for row in tiling.origins(height, settings.size, settings.overlap)
        for column in tiling.origins(width, settings.size, settings.overlap)
    )
    scene = Scene(
        source.split or "",
        height,
        width,
        padding=tiling.padding(*grid),
        overlap=settings.overlap,
        stretch=picture.stretch or None,
        radiometry=picture.radiometry or None,
        **picture.facts,
    )
    return SceneInfo(
        source,
        scene,
        tuple(tiling.stems(source.name, *grid)),
        picture.bits,
        np.array([[np.count_nonzero(window == value) for value in zone_classes.ZONE_VALUES] for window in windows]),
        replace(picture, masks={}),
    )
