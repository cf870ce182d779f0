"""What `generate` leaves: a data set of patches, or whole scenes for `prepare folder` to cut; and a sheet to look at.

<output>/train/<role>/<stem>.png    and dataset.json, where all masks are patches of one size
<output>/<role>/<stem>.png          and scenes.json, where they are scenes
"""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pix2pix_tf.data import conditions, dataset, scene_names, visualization
from pix2pix_tf.data.classes import VALUES
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.data.io.strips import StripReader
from pix2pix_tf.data.loading import evenly_spaced, extend_scene
from pix2pix_tf.data.tiling import Tiling
from pix2pix_tf.generate import masks as mask_files
from pix2pix_tf.generate.masks import Masks
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

if TYPE_CHECKING:
    from pix2pix_tf.export.saved_model import Model

OVERVIEW = "overview.png"
SETTINGS = "generate.json"
SHOWN = 6  # rows of the overview sheet, and samples in a row
SIDE = 512  # pixels: larger images are shown this small


def patch_size(sizes: Mapping[str, tuple[int, int]], masks: Masks, known: int) -> int | None:
    """The side of the patches, where the masks are such: squares of one size, of a data set or at most `known` large.

    None: they are scenes, which are to be cut before one trains on them.
    """
    found = set(sizes.values())
    (height, width), *others = found
    square = height == width and not others
    return height if square and (masks.data is not None or height <= known) else None


def roles_of(model: "Model") -> tuple[str, ...]:
    """What is written of each image: the input roles, the fronts that follow from zones, the target roles."""
    fronts = ("fronts",) if "zones" in model.inputs and "fronts" not in model.inputs + model.targets else ()
    return (*model.inputs, *fronts, *model.targets)


def image_path(output: Path, size: int | None, role: str, stem: str) -> Path:
    """Where an image lies; `size` is that of patches, None for scenes."""
    return (output / role if size is None else output / "train" / role) / f"{stem}.png"


def sample_stem(stem: str, sample: int, samples: int) -> str:
    """What a sample is called: each is a scene of its own, and what stands before the patch's place is the scene."""
    scene, mark, place = stem.partition(scene_names.PATCH_MARK)
    return stem if samples == 1 else f"{scene}_s{sample}{mark}{place}"


def claim(output: Path, options: argparse.Namespace, model: "Model", tiling: Tiling, size: int | None) -> None:
    """Makes sure that nothing but whole images of the same model, masks and options is or comes into the folder.

    Raises:
      UserError: other things are there.
    """
    settings = {"variant": model.variant, "run": model.run, "epoch": model.epoch, "masks": str(options.masks)}
    settings |= {"split": options.split, "samples": options.samples, "seed": options.seed}
    settings |= {"condition": options.condition} if options.condition else {}
    settings |= {"tile": tiling.tile, "overlap": tiling.overlap, "patches": size}
    path = output / SETTINGS
    if path.exists():
        before = files.read_json(path)
        changes = [
            f"{key}: {before.get(key)} -> {value}" for key, value in settings.items() if before.get(key) != value
        ]
        if changes:
            raise UserError(f"{output} holds images of other settings ({', '.join(changes)}). Choose another --output.")
    elif not files.is_empty(output):
        raise UserError(f"{output} is there already, and not empty. Choose another --output.")
    files.clear(output, *(image_path(output, size, role, "any").parent for role in roles_of(model)))
    files.write_json(path, settings)


def describe(
    output: Path, model: "Model", masks: Masks, samples: int, size: int | None, wishes: Mapping[str, str]
) -> None:
    """Writes what the images are and what is known of their scenes: dataset.json for patches, scenes.json for scenes.

    Args:
      output: the folder.
      model: what painted them.
      masks: what they were painted from.
      samples: images of each mask.
      size: of patches, None for scenes.
      wishes: what the model was told, where the user chose it.
    """
    origin = f"generated: {model.run}@{model.epoch}"
    seen = None if model.glaciers is None else tuple(model.glaciers)
    stems = {sample_stem(stem, sample, samples): stem for stem in masks.paths for sample in range(samples)}
    if size is None:
        told: dict[str, scene_names.Facts] = {
            new: {
                **mask_files.facts(masks, stem),
                **conditions.changed_facts(mask_files.scene(masks, {}, stem), wishes),
            }
            for new, stem in stems.items()
        }
        files.write_json(output / dataset.SCENES_FILE, {"origin": origin, "seen": seen, "scenes": told})
        return
    known = mask_files.scenes(masks)
    scenes: dict[str, dataset.Scene] = {}
    for new, stem in stems.items():
        name = scene_names.scene_of(new)
        described = known.get(scene_names.scene_of(stem))
        scene = described or extend_scene(scenes.get(name), "train", new, size, mask_files.facts(masks, stem))
        scenes[name] = replace(scene, **conditions.changed_facts(scene, wishes))
    bits = {role: model.bits[role] if role in model.inputs else 8 for role in roles_of(model)}
    dataset.save(Dataset(output, output.resolve().name, origin, size, bits, scenes, generator_train_glaciers=seen))


def closing(output: Path, images: int, size: int | None, known: int) -> str:
    """What to say at the end: what there is, and what can be done with it."""
    seen = f"{output / OVERVIEW} shows some."
    if size is not None:
        return f"images in {output}: {images}, a data set of train alone, to train with beside real ones; {seen}"
    folder, cut = shlex.quote(str(output)), shlex.quote(f"{output}-{known}")
    split = "scene" if images > 1 else "random"
    return (
        f"whole scenes in {output}: {images}; {seen}\nnext, to cut them into a data set of patches: "
        f"python -m pix2pix_tf.prepare folder --input {folder} --output {cut} --size {known} --split {split}"
    )


def draw_overview(output: Path, model: "Model", stems: Sequence[str], samples: int, size: int | None) -> None:
    """A sheet of some masks, spread evenly over all, each with its images."""
    shown = evenly_spaced(stems, SHOWN)
    role, target = model.inputs[0], model.targets[0]
    columns = [
        (visualization.name_of(role), _pictures(output, size, role, [sample_stem(s, 0, samples) for s in shown]))
    ]
    for sample in range(min(samples, SHOWN)):
        painted = _pictures(output, size, target, [sample_stem(stem, sample, samples) for stem in shown])
        columns.append((f"sample {sample}", painted))
    title = f"{model.variant}, epoch {model.epoch}"
    visualization.grid(output / OVERVIEW, columns, title, legend="zones" in (role, target), captions=shown)


def _pictures(output: Path, size: int | None, role: str, stems: Sequence[str]) -> list[np.ndarray]:
    """Images of a role for the sheet; scenes of different sizes are fitted into squares of one."""
    pictures = [
        visualization.for_display(role, _small(image_path(output, size, role, stem), role)[np.newaxis])[0]
        for stem in stems
    ]
    if size is None:
        return [visualization.fit_to_square(picture, SIDE, smooth=role not in VALUES) for picture in pictures]
    return pictures


def _small(path: Path, role: str) -> np.ndarray:
    """An image made at most SIDE pixels large by taking (classes) or averaging (brightness) squares: [h, w, C]."""
    rows = StripReader(path)
    step = -(-max(rows.height, rows.width) // SIDE)
    if step == 1:
        return rows.read(rows.height)
    width = max(1, rows.width // step) * min(step, rows.width)
    lines = []
    for block in rows.blocks(step):
        if role in VALUES:
            lines.append(block[0, :width:step])
        else:
            lines.append(block[:, :width].mean(0).reshape(-1, min(step, rows.width), rows.channels).mean(1))
    return np.stack(lines).round().astype(rows.dtype)
