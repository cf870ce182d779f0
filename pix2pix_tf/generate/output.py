"""The output folder of `generate`: a data set of patches, or whole scenes for `prepare folder`; and an overview sheet.

<output>/train/<role>/<stem>.png    and dataset.json, where all masks are patches of one size
<output>/<role>/<stem>.{png,tif}    and scenes.json, where they are scenes; GeoTIFF where the mask is georeferenced
"""

import argparse
import contextlib
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pix2pix_tf.data import classes, conditions, dataset, scene_names, visualization
from pix2pix_tf.data.classes import CHANNELS, VALUES
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.data.io import images, png, raster
from pix2pix_tf.data.io.strips import StripReader
from pix2pix_tf.data.loading import evenly_spaced, extend_scene
from pix2pix_tf.data.tiling import Tiling
from pix2pix_tf.export import inference, scales
from pix2pix_tf.generate import masks as mask_files
from pix2pix_tf.generate.masks import Masks
from pix2pix_tf.generate.readers import open_input
from pix2pix_tf.prepare.own_scenes.brightness import Options
from pix2pix_tf.utils import cli, files, resumable

if TYPE_CHECKING:
    from pix2pix_tf.export.saved_model import Model

OVERVIEW = "overview.png"
RECORD = "generate.json"  # the settings that the images follow from
PLACED = "georeferenced"  # key in it: images of masks that have a place are GeoTIFFs
SHOWN = 6  # rows of the overview sheet, and samples in a row
SIDE = 512  # pixels: larger images are shrunk to this in the overview


# ---- Names and places ----------------------------------------------------------------------------------------------


def patch_size(
    sizes: Mapping[str, tuple[int, int]], masks: Masks, trained_size: int, georeferenced: bool = False
) -> int | None:
    """Return the side of the patches in pixels, or None if the masks are scenes, to be cut before training.

    Masks are patches if they are squares of one size and belong to a data set, or are at most `trained_size` large and
    not georeferenced: a data set consists of PNGs, which have no place on the ground.
    """
    (height, width), *others = set(sizes.values())
    square = height == width and not others
    small = height <= trained_size and not georeferenced
    return height if square and (masks.data is not None or small) else None


def keeps_place(output: Path) -> bool:
    """Return False for a folder that was begun when all images were PNGs: it is completed with PNGs."""
    record = output / RECORD
    return not record.exists() or PLACED in files.read_json(record)


def roles_of(model: "Model") -> tuple[str, ...]:
    """Return the roles written for each image: the inputs, `fronts` derived from zones, the targets."""
    fronts = ("fronts",) if "zones" in model.inputs and "fronts" not in model.inputs + model.targets else ()
    return (*model.inputs, *fronts, *model.targets)


def image_path(output: Path, size: int | None, role: str, stem: str, placed: bool = False) -> Path:
    """Return an image's file.

    Args:
      output: the folder.
      size: of the patches, pixels; None for scenes.
      role: of the image.
      stem: of the image.
      placed: True for a GeoTIFF, False for a PNG.
    """
    return (output / role if size is None else output / "train" / role) / f"{stem}{'.tif' if placed else '.png'}"


def sample_stem(stem: str, sample: int, samples: int) -> str:
    """Return the stem of a sample. Each sample is a scene of its own: its number stands before the patch's place."""
    scene = scene_names.scene_of(stem)
    return stem if samples == 1 else f"{scene}_s{sample}{stem.removeprefix(scene)}"


def claim(
    output: Path,
    options: argparse.Namespace,
    model: "Model",
    tiling: Tiling,
    size: int | None,
    placed: bool,
    several_levels: bool,
) -> None:
    """Mark the folder with the settings of this command, or resume the one that was begun with them.

    Raises:
      UserError: the folder holds other files, or images of other settings.
    """
    settings = {"variant": model.variant, "run": model.run, "epoch": model.epoch, "masks": str(options.masks)}
    settings |= {"split": options.split, "samples": options.samples, "seed": options.seed}
    settings |= {"condition": options.condition} if options.condition else {}
    settings |= {"classes": sorted(options.classes)} if options.classes else {}
    settings |= {} if options.reading == Options() else {"reading": asdict(options.reading)}
    settings |= {"style": options.style, "style_mask": str(options.style_mask)} if options.style else {}
    settings |= {"tile": tiling.tile, "overlap": tiling.overlap, "patches": size}
    settings |= {"levels": options.levels or "whole"} if several_levels else {}
    settings |= {PLACED: True} if placed else {}
    folders = [image_path(output, size, role, "any").parent for role in roles_of(model)]
    resumable.claim(output, RECORD, settings, clear=folders)


# ---- One image -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ImageTask:
    """One image to generate: small to send to a process, and the same bytes in whichever process it runs."""

    model: Path  # a version folder
    inputs: tuple[Path, ...]  # a file for each input role
    outputs: tuple[tuple[str, Path], ...]  # role and file: of each input, of fronts, of each target last
    seed: int
    condition: str  # as data/conditions.py writes it
    style: inference.Style
    tiling: Tiling
    levels: int | None  # of a large scene, see `scales.levels_of`
    alone: bool  # the only image of this command; if so, progress is shown by rows of tiles
    codes: Mapping[int, int] | None = None  # meaning of the numbers of zones; None: CaFFe's
    reading: Options | None = None  # how SAR scenes are read; None: the defaults

    @property
    def is_done(self) -> bool:
        """True if all files exist."""
        return all(path.exists() for _, path in self.outputs)


def generate_image(task: ImageTask) -> None:
    """Write the missing files of one image: the inputs and fronts first, the targets last.

    Raises:
      OSError: a file cannot be written. No file is ever left half written.
    """
    model = inference.load(task.model)
    sources = dict(zip(model.inputs, task.inputs, strict=True))
    for role, path in task.outputs:
        if path.exists() or role in model.targets:
            continue
        source = "zones" if role == "fronts" and "fronts" not in sources else role
        reader = open_input(sources[source], source, model.bits[source], task.codes, task.reading)
        blocks = reader.blocks() if role in sources else front_blocks(reader.blocks())
        size = reader.height, reader.width, reader.channels, 8 * reader.dtype.itemsize
        with _writer(path, role, size, task, model) as write:
            for block in blocks:
                write(block)
    if not task.is_done:
        _write_targets(task, model)


def _write_targets(task: ImageTask, model: "Model") -> None:
    """Generate all target roles at once, from the top down."""

    def open_readers() -> list[inference.RowReader]:
        return [
            open_input(path, role, model.bits[role], task.codes, task.reading)
            for role, path in zip(model.inputs, task.inputs, strict=True)
        ]

    first = open_readers()[0]
    height, width = first.height, first.width
    strips = scales.generate_scene(model, open_readers, task.tiling, task.seed, task.condition, task.style, task.levels)
    if task.alone:
        late = scales.levels_of(model, height, width, task.levels) > 1  # the last rows come in a block of their own
        strips = cli.progress(strips, len(task.tiling.places(height)) + late, "rows of tiles generated")
    ends = np.cumsum([CHANNELS[role] for role in model.targets])[:-1]
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(_writer(path, role, (height, width, CHANNELS[role], 8), task, model))
            for role, path in task.outputs
            if role in model.targets
        ]
        for strip in strips:
            for write, part in zip(writers, np.split(images.to_pixels(strip), ends, axis=-1), strict=True):
                write(part)


def _writer(
    path: Path, role: str, size: tuple[int, int, int, int], task: ImageTask, model: "Model"
) -> contextlib.AbstractContextManager[Callable[[np.ndarray], None]]:
    """Return the writer of a PNG, or of a GeoTIFF with the place of the mask; `size`: height, width, channels, bits."""
    if path.suffix != ".tif":
        return png.written(path, *size)
    grid = raster.read_grid(task.inputs[0])
    tags = {"ROLE": role, "ORIGIN": "synthetic", "MODEL": model.variant, "RUN": model.run, "EPOCH": str(model.epoch)}
    tags |= {"SEED": str(task.seed), "MASK": task.inputs[0].name}
    tags |= {"CONDITION": task.condition} if task.condition else {}
    names = [role] if size[2] == 1 else [f"{role} {colour}" for colour in ("red", "green", "blue")]
    dtype = np.uint8 if size[3] == 8 else np.uint16
    if role != "zones":
        return raster.geotiff_written(path, grid, size[2], dtype, tags=tags, descriptions=names)
    colours = dict(zip(classes.ZONE_VALUES, classes.ZONE_COLOURS, strict=True))
    nodata = classes.NOT_AVAILABLE
    return raster.geotiff_written(path, grid, tags=tags, nodata=nodata, palette=colours, descriptions=names)


def front_blocks(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Return the calving front of zones that come in blocks of rows; the same as `classes.front_of` of all of them.

    Args:
      blocks: zones, uint8 [n, W, 1], from the top down.

    Yields:
      The front, uint8 [n, W], as many rows in all.
    """
    last = None  # the last two rows: the front in the lower one depends on the next block's first row
    for block in blocks:
        zones = block[..., 0] if last is None else np.concatenate([last, block[..., 0]])
        yield classes.front_of(zones)[0 if last is None else len(last) - 1 : -1]
        last = zones[-2:]
    if last is not None:
        yield classes.front_of(last)[-1:]


# ---- Metadata and overview -----------------------------------------------------------------------------------------


def describe(
    output: Path, model: "Model", masks: Masks, samples: int, size: int | None, condition: Mapping[str, str]
) -> None:
    """Write the metadata of the images and their scenes: dataset.json for patches, scenes.json for scenes.

    Args:
      output: the folder.
      model: the generator.
      masks: its inputs.
      samples: images for each mask.
      size: of the patches, pixels; None for scenes.
      condition: values by key that the user chose with --condition.
    """
    origin = f"generated: {model.run}@{model.epoch}"
    glaciers = None if model.glaciers is None else tuple(model.glaciers)
    stems = {sample_stem(stem, sample, samples): stem for stem in masks.paths for sample in range(samples)}
    if size is None:
        facts: dict[str, scene_names.Facts] = {
            new: {
                **mask_files.facts(masks, stem),
                **conditions.changed_facts(mask_files.scene(masks, {}, stem), condition),
            }
            for new, stem in stems.items()
        }
        files.write_json(output / dataset.SCENES_FILE, {"origin": origin, "seen": glaciers, "scenes": facts})
        return
    in_data_set = mask_files.scenes(masks)
    scenes: dict[str, dataset.Scene] = {}
    for new, stem in stems.items():
        name = scene_names.scene_of(new)
        described = in_data_set.get(scene_names.scene_of(stem))
        scene = described or extend_scene(scenes.get(name), "train", new, size, mask_files.facts(masks, stem))
        scenes[name] = replace(scene, **conditions.changed_facts(scene, condition))
    bits = {role: model.bits[role] if role in model.inputs else 8 for role in roles_of(model)}
    dataset.save(Dataset(output, output.resolve().name, origin, size, bits, scenes, generator_train_glaciers=glaciers))


def summary(output: Path, count: int, size: int | None, trained_size: int) -> str:
    """Return the command's last message: the number of images, and the next command for scenes."""
    overview = f"overview: {output / OVERVIEW}"
    if size is not None:
        return f"images in {output}: {count}, a data set with the split train only; {overview}"
    folder, cut = shlex.quote(str(output)), shlex.quote(f"{output}-{trained_size}")
    split = "scene" if count > 1 else "random"
    return (
        f"whole scenes in {output}: {count}; {overview}\nnext, to cut them into a data set of patches: "
        f"python -m pix2pix_tf.prepare folder --input {folder} --output {cut} --size {trained_size} --split {split}"
    )


def draw_overview(output: Path, model: "Model", stems: Sequence[str], samples: int, size: int | None) -> None:
    """Draw a grid of evenly spaced masks, each beside its images."""
    shown = evenly_spaced(stems, SHOWN)
    role, target = model.inputs[0], model.targets[0]
    columns = [
        (visualization.name_of(role), _thumbnails(output, size, role, [sample_stem(s, 0, samples) for s in shown]))
    ]
    for sample in range(min(samples, SHOWN)):
        generated = _thumbnails(output, size, target, [sample_stem(stem, sample, samples) for stem in shown])
        columns.append((f"sample {sample}", generated))
    title = f"{model.variant}, epoch {model.epoch}"
    visualization.grid(output / OVERVIEW, columns, title, legend="zones" in (role, target), captions=shown)


def _thumbnails(output: Path, size: int | None, role: str, stems: Sequence[str]) -> list[np.ndarray]:
    """Read images of a role for the overview; scenes of different sizes are fitted into equal squares."""
    pictures = [
        visualization.for_display(role, _shrunk(_existing(output, size, role, stem), role)[np.newaxis])[0]
        for stem in stems
    ]
    if size is None:
        return [visualization.fit_to_square(picture, SIDE, smooth=role not in VALUES) for picture in pictures]
    return pictures


def _existing(output: Path, size: int | None, role: str, stem: str) -> Path:
    """Return an image's file, GeoTIFF or PNG."""
    placed = image_path(output, size, role, stem, placed=True)
    return placed if placed.exists() else image_path(output, size, role, stem)


def _shrunk(path: Path, role: str) -> np.ndarray:
    """Read an image shrunk to at most SIDE pixels, [h, w, C]: classes by sampling, brightness by averaging squares."""
    reader = StripReader(path)
    step = -(-max(reader.height, reader.width) // SIDE)
    if step == 1:
        return reader.read(reader.height)
    width = max(1, reader.width // step) * min(step, reader.width)
    lines = []
    for block in reader.blocks(step):
        if role in VALUES:
            lines.append(block[0, :width:step])
        else:
            lines.append(block[:, :width].mean(0).reshape(-1, min(step, reader.width), reader.channels).mean(1))
    return np.stack(lines).round().astype(reader.dtype)
