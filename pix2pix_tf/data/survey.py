"""The survey of a user's scenes: everything is read once, so that what is wrong is found before anything is written.

One scene is in memory at a time; what later steps need of it is a few numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pix2pix_tf import cli
from pix2pix_tf.data import checks, masks, patches, scenes
from pix2pix_tf.data.dataset import Scene
from pix2pix_tf.data.stretch import Cut

DIVIDE_BY = ("random", "scene", "glacier")


@dataclass(frozen=True)
class Settings:
    """What decides which data set is made from a folder."""

    size: int = 256  # pixels; the generator's eight halvings want a multiple of 256
    overlap: int = 0  # pixels that neighbouring patches share
    split: str = "random"  # what stays together: a patch, a scene, a glacier
    val: float = 0.1  # share of the patches for validation
    hold_out: tuple[str, ...] = ()  # glaciers that become the test split
    seed: int = 0
    cut: Cut | None = (2.0, 98.0)  # percentiles; None keeps 16 bits
    side_by_side: tuple[str, str] | None = None  # roles of the left and the right half
    tolerance: int | None = None  # of 255: reads the zones as drawings; None takes their grey values as they are
    classes: tuple[str, ...] | None = None  # what other values of zones mean, such as "1=rock"; None: CaFFe's
    fronts: bool | None = None  # whether to add the fronts that follow from the zones


@dataclass(frozen=True)
class Surveyed:
    """A scene as the survey found it."""

    source: scenes.Source
    scene: Scene  # its split still open: "" unless the folders fix it
    stems: tuple[str, ...]  # of its patches, in the order of `patches.cut`
    bits: Mapping[str, int]
    zones: np.ndarray  # int [patches, classes]: pixels of each class, without padding
    twins: Mapping[str, str]  # digests of its targets
    not_finite: int


def survey(sources: Sequence[scenes.Source], settings: Settings, folder: Path) -> list[Surveyed]:
    """Reads every scene once and finds whatever is wrong.

    Args:
      sources: from `scenes.find`.
      settings: checked.
      folder: where the scenes lie, for the message.

    Raises:
      UserError: one message names all bad files, with the cure.
    """
    found, problems = [], []
    for source in cli.progress(sources, len(sources), "scenes checked"):
        try:
            found.append(_look(source, read(source, settings), settings))
        except scenes.BadScene as error:
            problems += error.problems
    for role in found[0].bits if found else ():
        odd = [one for one in found if one.bits[role] != found[0].bits[role]]
        problems += [
            (f"{one.bits[role]} bit, but {found[0].source.name} has {found[0].bits[role]} (leave out --cut none)",
             f"{role} of {one.source.name}") for one in odd
        ]  # fmt: skip
    if problems:
        raise checks.refusal(f"The scenes in {folder} cannot be used", problems)
    return found


def read(source: scenes.Source, settings: Settings) -> scenes.Picture:
    """Reads one scene as the settings say.

    Raises:
      BadScene: as `scenes.read` does; or fronts are to be added, and they are there or there are no zones.
    """
    picture = scenes.read(source, settings.cut, settings.tolerance, settings.classes)
    if not settings.fronts:
        return picture
    if "fronts" in picture.pixels or "zones" not in picture.pixels:
        raise scenes.BadScene([("--add-fronts is for scenes that have zones and no fronts: leave it out", source.name)])
    return replace(picture, pixels={**picture.pixels, "fronts": masks.front_of(picture.pixels["zones"])})


def _look(source: scenes.Source, picture: scenes.Picture, settings: Settings) -> Surveyed:
    height, width = next(iter(picture.pixels.values())).shape[:2]
    grid = (height, width, settings.size, settings.overlap)
    zones = picture.pixels.get("zones", np.empty((0, 0), np.uint8))
    windows = (
        zones[row : row + settings.size, column : column + settings.size]
        for row in patches.origins(height, settings.size, settings.overlap)
        for column in patches.origins(width, settings.size, settings.overlap)
    )
    scene = Scene(
        source.split or "",
        height,
        width,
        padding=patches.padding(*grid),
        overlap=settings.overlap,
        stretch=dict(picture.stretch) or None,
        **picture.facts,
    )
    return Surveyed(
        source,
        scene,
        tuple(patches.stems(source.name, *grid)),
        {role: 8 * pixels.dtype.itemsize for role, pixels in picture.pixels.items()},
        np.array([[np.count_nonzero(window == value) for value in masks.ZONE_VALUES] for window in windows]),
        picture.digests,
        picture.not_finite,
    )
