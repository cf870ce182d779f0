"""Plan, make and describe the masks of a data set of synthetic masks."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from pix2pix_tf.data import validation
from pix2pix_tf.data.classes import front_of
from pix2pix_tf.data.dataset import Dataset, Scene
from pix2pix_tf.data.io import images, mask_drawings
from pix2pix_tf.prepare import dataset_writer, splits
from pix2pix_tf.prepare.masks import sources as mask_sources
from pix2pix_tf.prepare.masks.fjords import draw_fjord
from pix2pix_tf.prepare.masks.front_motion import MoveSettings, has_front, move_front
from pix2pix_tf.prepare.masks.sources import Source, Sources
from pix2pix_tf.utils.errors import UserError

ROLES = ("fronts", "zones")  # in the order of writing: a sample with zones is whole
ATTEMPTS = 20  # moves tried of one mask before it is given up; nearly always the first is good
DEFAULT_COUNT = 1000
DEFAULT_SIZE = 256  # pixels; also the side for which the defaults of MoveSettings are meant
SCALE, TRIES, ADVANCE = "metres_per_pixel", "attempts", "advance_pixels"  # text chunks in the zones' PNG


@dataclass(frozen=True)
class Settings:
    """Options that determine the masks. None: the default, which depends on the other options."""

    source: Path | None = None  # a PNG, a folder of PNGs or a data set; None: new fjords
    count: int | None = None  # 1000; as drawn: all
    size: int | None = None  # pixels; 256, or that of the source
    seed: int = 0
    val: float = 0.0  # share of new fjords for validation; masks made from others stay in their split
    as_drawn: bool = False  # True takes the source's masks as they are
    move: tuple[float, float] | None = None  # along the flow, in `unit`; below 0 a retreat
    bend: float | None = None  # at most, either way, in `unit`
    rough: float | None = None  # at most, in `unit`
    bays: int | None = None  # at most
    unit: str = "pixels"  # or metres
    tolerance: int = mask_drawings.TOLERANCE  # between a drawn pixel and its class
    any_split: bool = False  # True allows masks of val and test

    def as_json(self) -> dict:
        """Return the settings in JSON's types."""
        return asdict(self) | {"source": None if self.source is None else str(self.source)}


@dataclass(frozen=True)
class MaskTask:
    """One mask to make."""

    output: Path
    split: str
    name: str
    seed: tuple[int, ...]
    size: int
    source: Path | None = None  # None: a new fjord
    move: MoveSettings | None = None  # None: as drawn
    tolerance: int = mask_drawings.TOLERANCE

    @property
    def path(self) -> Path:
        """The file of its zones."""
        return self.output / self.split / "zones" / f"{self.name}.png"


@dataclass(frozen=True)
class Outcome:
    """The result of one task."""

    attempts: int
    good: bool = True  # false: no attempt left a front
    metres_per_pixel: float | None = None  # of a new fjord


# ---- Planning ---------------------------------------------------------------------------------------------


def fjord_tasks(output: Path, settings: Settings) -> list[MaskTask]:
    """Return one task for each new fjord.

    Args:
      output: the data set's folder.
      settings: their number and size, and the share for validation.
    """
    names = [f"FJORD_{number:05d}" for number in range(1, (settings.count or DEFAULT_COUNT) + 1)]
    chosen = splits.choose_val(dict.fromkeys(names, 1), settings.val, settings.seed) if settings.val else set()
    size = settings.size or DEFAULT_SIZE
    return [
        MaskTask(output, "val" if name in chosen else "train", name, (settings.seed, number), size)
        for number, name in enumerate(names, 1)
    ]


def chosen_sources(found: Sources, settings: Settings) -> list[Source]:
    """Return the source of each mask: all in turn, in another order in each round; as drawn: each once.

    Args:
      found: the available masks.
      settings: the number of masks, and the seed of the orders.
    """
    if settings.as_drawn:
        return list(found.masks)
    count, total = settings.count or DEFAULT_COUNT, len(found.masks)
    turns = range(-(-count // total))
    orders = [np.random.RandomState([settings.seed, turn]).permutation(total) for turn in turns]
    return [found.masks[place] for place in np.concatenate(orders)[:count]]


def source_tasks(output: Path, found: Sources, sources: Sequence[Source], settings: Settings) -> list[MaskTask]:
    """Return one task for each mask that is made from another one.

    Args:
      output: the data set's folder.
      found: from `sources.scan`.
      sources: the source of each mask, from `chosen_sources`.
      settings: how the fronts are moved.

    Raises:
      UserError: lengths are in metres, and the scale of a mask is not known.
    """
    unknown = [one.name for one in found.masks if one.scene.metres_per_pixel is None]
    if settings.unit == "metres" and unknown:
        raise UserError(
            f"--unit metres: the scale of {validation.abbreviate(unknown)} is not known. Give lengths in pixels, or "
            "add metres_per_pixel to dataset.json."
        )
    tasks = []
    for number, one in enumerate(sources, 1):
        name = one.name if settings.as_drawn else f"{one.name}_m{number:05d}"
        move = None if settings.as_drawn else move_settings(settings, found.size, one.scene.metres_per_pixel)
        seed = (settings.seed, number)
        tasks.append(MaskTask(output, one.split, name, seed, found.size, one.path, move, settings.tolerance))
    return tasks


def move_settings(settings: Settings, size: int, metres_per_pixel: float | None) -> MoveSettings:
    """Return the ranges in pixels: the user's, and the default ones in proportion to the size of the masks.

    Args:
      settings: with lengths in pixels or metres.
      size: pixels of the masks' side.
      metres_per_pixel: scale of the mask, needed for lengths in metres.

    Raises:
      ValueError: the scale is needed, and None.
    """
    default, scale = MoveSettings(), size / DEFAULT_SIZE
    unit = 1.0  # pixels
    if settings.unit == "metres":
        if metres_per_pixel is None:
            raise ValueError("Lengths in metres need the scale of the mask.")
        unit = 1 / metres_per_pixel
    given: dict[str, tuple[float, float] | None] = {
        "advance": settings.move,
        "bend": None if settings.bend is None else (-settings.bend, settings.bend),
        "rough": None if settings.rough is None else (0.0, settings.rough),
    }
    lengths = {}
    for name in ("advance", "bend", "rough", "bay_depth", "bay_half_width"):
        chosen = given.get(name)
        (low, high), factor = (chosen, unit) if chosen else (getattr(default, name), scale)
        lengths[name] = (factor * low, factor * high)
    return replace(default, **lengths, bays=default.bays if settings.bays is None else (0, settings.bays))


# ---- Making ---------------------------------------------------------------------------------------------------------


def make(task: MaskTask) -> Outcome:
    """Make one mask and write it with its front, unless it exists already."""
    dataset_writer.expect_begun(task.output)
    if not dataset_writer.missing(task.output, task.split, ROLES, task.name):
        scale = None if task.source else dataset_writer.png_metadata(task.path, SCALE)
        return Outcome(int(dataset_writer.png_metadata(task.path, TRIES)), metres_per_pixel=scale)
    notes, scale = {}, None
    if task.source is None:
        fjord = draw_fjord(task.seed, task.size)
        zones, attempts, scale = fjord.zones, fjord.attempts, fjord.metres_per_pixel
        notes[SCALE] = repr(scale)
    elif task.move is None:
        zones, attempts = mask_drawings.read_mask(task.source, task.tolerance), 1
    else:
        zones, attempts, advance = _moved(mask_drawings.read_mask(task.source, task.tolerance), task.seed, task.move)
        notes[ADVANCE] = f"{advance:.2f}"
    if not has_front(zones):
        return Outcome(attempts, good=False)
    dataset_writer.write(task.output, task.split, task.name, {"fronts": front_of(zones)})
    images.write_png(task.path, zones, notes | {TRIES: str(attempts)})
    return Outcome(attempts, metres_per_pixel=scale)


def _moved(before: np.ndarray, seed: tuple[int, ...], settings: MoveSettings) -> tuple[np.ndarray, int, float]:
    """Return the mask with its front moved, the number of attempts, and the advance in pixels."""
    for attempt in range(ATTEMPTS):
        moved = move_front(before, np.random.default_rng([*seed, attempt]), settings)
        if has_front(moved.zones):
            break
    return moved.zones, attempt + 1, moved.advance


def described(
    tasks: Sequence[MaskTask], outcomes: Sequence[Outcome], found: Sources | None, sources: Sequence[Source]
) -> Dataset:
    """Return the description of the data set for dataset.json.

    Args:
      tasks: all tasks of one data set.
      outcomes: the result of each; the good ones are in the data set.
      found: the masks that they were made from; None for new fjords.
      sources: the source of each task; empty for new fjords.
    """
    scenes = {}
    for number, (task, outcome) in enumerate(zip(tasks, outcomes, strict=True)):
        if outcome.good and found:
            scenes[task.name] = mask_sources.kept_metadata(sources[number], task.size)
        elif outcome.good:
            scale = outcome.metres_per_pixel
            scenes[task.name] = Scene(task.split, task.size, task.size, glacier=task.name, metres_per_pixel=scale)
    origin = "simulated"
    if found:
        origin = f"{'moved' if tasks[0].move else 'drawn'}: {found.name} ({found.origin})"
    output = tasks[0].output
    return Dataset(output, output.resolve().name, origin, tasks[0].size, dict.fromkeys(ROLES, 8), scenes)
