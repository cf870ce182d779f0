"""The survey of MultiEarth pictures: all are read once, so that what is wrong is found before anything is written.

One picture is in memory at a time; what later steps need of it is a few numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pix2pix_tf.data import tiling, validation
from pix2pix_tf.data.dataset import Scene
from pix2pix_tf.data.scene_names import Facts
from pix2pix_tf.prepare.multiearth.files import Pair, Picture
from pix2pix_tf.prepare.multiearth.pictures import Contents, Stretching, read
from pix2pix_tf.prepare.own_scenes.source import BadScene
from pix2pix_tf.prepare.stretch import Cut, Limits
from pix2pix_tf.utils import cli

DIVIDE_BY = ("place", "random")


@dataclass(frozen=True)
class Settings:
    """What decides which data set is made from the files."""

    days: int = 7  # between a SAR image and its targets, at most
    size: int = 256  # pixels of a patch's side
    cut: Cut | None = (2.0, 98.0)  # as of `Stretching`, and so the next two
    limits: Mapping[str, Limits] = field(default_factory=dict)
    depth: int = 8
    split: str = "place"  # what stays together: all pictures of a place, or a patch of a SAR image and its targets
    val: float = 0.1  # share of the targets for validation
    seed: int = 0


@dataclass(frozen=True)
class SceneInfo:
    """A picture as the survey found it."""

    picture: Picture
    scene: Scene  # its split still open
    stems: tuple[str, ...]  # of its patches
    bits: Mapping[str, int]
    cloud: float | None  # share under cloud by the sensor's own mask; None without one
    clouds: tuple[float, ...] | None  # the same for each patch, without padding
    not_measured: int  # pixels


def scan(
    pictures: Sequence[Picture], pairs: Sequence[Pair], stretching: Stretching, size: int, folder: Path
) -> dict[str, SceneInfo]:
    """Reads every picture once, one at a time, so that what is wrong is found before anything is written.

    Args:
      pictures: all that are in a pair.
      pairs: targets and inputs.
      stretching: how raw numbers become grey.
      size: pixels of a patch's side.
      folder: where the files lie, for the message.

    Returns:
      What was found, by the pictures' names.

    Raises:
      UserError: one message names all bad files, with the cure.
    """
    found: dict[str, SceneInfo] = {}
    problems: list[tuple[str, str]] = []
    for picture in cli.progress(pictures, len(pictures), "pictures checked"):
        try:
            found[picture.name] = _look(picture, read(picture, stretching), size)
        except BadScene as error:
            problems += error.problems
    first = {role: one for one in reversed(found.values()) for role in one.bits}
    for one in found.values():
        for role, bits in one.bits.items():
            wanted, other = first[role].bits[role], first[role].picture.name
            if bits != wanted:
                problems.append((f"{bits} bit, but {other} has {wanted} (leave out --cut none)", one.picture.name))
    for pair in pairs:
        both = [found[picture.name].scene for picture in (pair.optical, pair.sar) if picture.name in found]
        sizes = [f"{scene.width} x {scene.height}" for scene in both]
        if len(set(sizes)) > 1:
            cure = f"{sizes[0]} pixels, but its SAR image {pair.sar.name} has {sizes[1]} (cut both to one grid)"
            problems.append((cure, pair.optical.name))
    if problems:
        raise validation.validation_error(f"The pictures in {folder} cannot be used", problems)
    return found


def _look(picture: Picture, contents: Contents, size: int) -> SceneInfo:
    height, width = next(iter(contents.pixels.values())).shape[:2]
    facts: Facts = {**contents.facts, "glacier": picture.place, "date": str(picture.date), "sensor": picture.sensor}
    padding = tiling.padding(height, width, size)
    scene = Scene("", height, width, padding=padding, stretch=dict(contents.stretch) or None, **facts)
    mask = contents.cloud
    windows = (
        (slice(row, row + size), slice(column, column + size))
        for row in tiling.origins(height, size)
        for column in tiling.origins(width, size)
    )
    return SceneInfo(
        picture,
        scene,
        tuple(tiling.stems(picture.name, height, width, size)),
        {role: 8 * pixels.dtype.itemsize for role, pixels in contents.pixels.items()},
        None if mask is None else float(mask.mean()),
        None if mask is None else tuple(float(mask[window].mean()) for window in windows),
        contents.not_measured,
    )
