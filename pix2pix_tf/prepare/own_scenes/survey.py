"""Read a user's scenes once, one at a time, so that all problems are reported before anything is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pix2pix_tf.data import classes as zone_classes
from pix2pix_tf.data import tiling, validation
from pix2pix_tf.data.dataset import Scene
from pix2pix_tf.prepare.own_scenes import source as scene_source
from pix2pix_tf.prepare.stretch import Cut
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


@dataclass(frozen=True)
class SceneInfo:
    """The facts about one scene that later steps need."""

    source: scene_source.Source
    scene: Scene  # its split is "" unless the folders determine it
    stems: tuple[str, ...]  # of its patches, in the order of `tiling.cut`
    bits: Mapping[str, int]
    zones: np.ndarray  # int [patches, classes]: pixels of each class, without padding
    digests: Mapping[str, str]  # for each target role, of its raw pixels
    not_finite: int


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
    for role in found[0].bits if found else ():
        odd = [one for one in found if one.bits[role] != found[0].bits[role]]
        problems += [
            (f"{one.bits[role]} bit, but {found[0].source.name} has {found[0].bits[role]} (leave out --cut none)",
             f"{role} of {one.source.name}") for one in odd
        ]  # fmt: skip
    if problems:
        raise validation.validation_error(f"The scenes in {folder} cannot be used", problems)
    return found


def read(source: scene_source.Source, settings: Settings) -> scene_source.Picture:
    """Read one scene with the settings.

    Raises:
      BadScene: as `source.read` does; or `fronts` is set, and the scene has fronts or lacks zones.
    """
    picture = scene_source.read(source, settings.cut, settings.tolerance, settings.classes)
    if not settings.fronts:
        return picture
    if "fronts" in picture.pixels or "zones" not in picture.pixels:
        raise scene_source.BadScene(
            [("--add-fronts is for scenes that have zones and no fronts: leave it out", source.name)]
        )
    return replace(picture, pixels={**picture.pixels, "fronts": zone_classes.front_of(picture.pixels["zones"])})


def _look(source: scene_source.Source, picture: scene_source.Picture, settings: Settings) -> SceneInfo:
    height, width = next(iter(picture.pixels.values())).shape[:2]
    grid = (height, width, settings.size, settings.overlap)
    zones = picture.pixels.get("zones", np.empty((0, 0), np.uint8))
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
        stretch=dict(picture.stretch) or None,
        **picture.facts,
    )
    return SceneInfo(
        source,
        scene,
        tuple(tiling.stems(source.name, *grid)),
        {role: 8 * pixels.dtype.itemsize for role, pixels in picture.pixels.items()},
        np.array([[np.count_nonzero(window == value) for value in zone_classes.ZONE_VALUES] for window in windows]),
        picture.digests,
        picture.not_finite,
    )
