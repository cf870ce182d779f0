"""Generate images from masks with an export.

Patches become a data set to train on; larger scenes are generated tile by tile.
"""

import argparse
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix_tf.data import classes, conditions
from pix2pix_tf.data.dataset import SPLITS
from pix2pix_tf.data.tiling import Tiling
from pix2pix_tf.export import inference, scales
from pix2pix_tf.generate import masks as mask_files
from pix2pix_tf.generate import output, styles
from pix2pix_tf.generate.output import ImageTask
from pix2pix_tf.prepare.own_scenes import reading
from pix2pix_tf.utils import cli, files, parallel
from pix2pix_tf.utils.errors import UserError

if TYPE_CHECKING:
    from pix2pix_tf.export.saved_model import Model

EXAMPLES = """\
  python -m pix2pix_tf.generate --model runs/gen5/export/gen5 --masks my_masks --output generated/mine
  python -m pix2pix_tf.generate --model runs/gen5 --masks my_masks --output generated/best
  python -m pix2pix_tf.generate --model runs/gen5/export/gen5/210 --masks mask.png --output generated/one --samples 5
  python -m pix2pix_tf.generate --model runs/gen5/export/gen5 --masks datasets/caffe --output generated/caffe
  python -m pix2pix_tf.generate --model runs/gen5/export/gen5 --masks whole_scenes --output generated/scenes --workers 4
  python -m pix2pix_tf.generate --model runs/gen5 --masks zones.tif --classes 1=rock 2=glacier 3=ocean 0=na \\
      --output generated/geo
  python -m pix2pix_tf.generate --model runs/sar2optical --masks S1A_20240105.tif --output generated/optical
  python -m pix2pix_tf.generate --model runs/conditional/export/gen5 --masks my_masks --output generated/tsx \\
      --condition sensor=TSX
  python -m pix2pix_tf.generate --model pretrained/glacier --masks my_masks --output generated/varied --style random
  python -m pix2pix_tf.generate --model pretrained/glacier --masks my_masks --output generated/alike \\
      --style my_sar.png --style-mask my_zones.png
  python -m pix2pix_tf.generate --model runs/gen5/export/gen5 --masks datasets/caffe --split val --any-split \\
      --output generated/val-preview"""


def main(argv: list[str]) -> None:
    """Check the masks, generate the missing images, write the metadata and the overview."""
    options = parse(argv)
    model = inference.load(options.model)
    if not model.targets:
        raise UserError(
            f"{options.model} returns numbers and generates no image. --model takes the export of a generator, such "
            "as gen5."
        )
    if "probabilities" in model.signatures["tensor"].structured_outputs:
        raise UserError(
            f"{options.model} returns {' and '.join(model.targets)}. For zones and front lines of SAR scenes, use "
            "python -m pix2pix_tf.fronts."
        )
    tiling = inference.tiling_of(model, options.tile, options.overlap)
    masks = mask_files.find(options.masks, model.inputs, options.split)
    mask_files.check_split(masks, options.any_split)
    condition = conditions.parse_conditions(options.condition, model.conditions)
    codes = classes.parse_classes(options.classes) if options.classes else None
    style = styles.parse(options.style, options.style_mask, model, codes, options.reading)
    sizes = mask_files.check(masks, model, tiling, codes, options.reading)
    grids = mask_files.grids(masks) if masks.data is None and output.keeps_place(options.output) else {}
    size = output.patch_size(sizes, masks, model.size, bool(grids))
    several_levels = any(scales.levels_of(model, *sides, options.levels) > 1 for sides in sizes.values())
    with files.lock(options.output):
        output.claim(options.output, options, model, tiling, size, bool(grids), several_levels)
        tasks = make_tasks(model, masks, tiling, options, size, style, grids.keys(), codes)
        missing = [task for task in tasks if not task.is_done]
        parallel.parallel_map(output.generate_image, missing, options.workers, "images generated", options.scheduler)
        output.describe(options.output, model, masks, options.samples, size, condition)
        output.draw_overview(options.output, model, list(masks.paths), options.samples, size)
    print(cli.as_typed(output.summary(options.output, len(tasks), size, model.size)))


def make_tasks(
    model: "Model",
    masks: mask_files.Masks,
    tiling: Tiling,
    options: argparse.Namespace,
    size: int | None,
    style: inference.Style,
    placed: Collection[str] = (),
    codes: Mapping[int, int] | None = None,
) -> list[ImageTask]:
    """Return a task for each mask and sample.

    Args:
      model: the generator.
      masks: its inputs.
      tiling: how large masks are divided.
      options: output, samples, seed and condition. Keys without --condition take the value of the mask's scene.
      size: of the patches, pixels; None for scenes.
      style: requested.
      placed: the stems of masks whose images become GeoTIFFs.
      codes: meaning of the numbers of zones; None: CaFFe's.
    """
    scenes, chosen = mask_files.scenes(masks), conditions.parse_conditions(options.condition, model.conditions)
    samples = [(stem, sample) for stem in masks.paths for sample in range(options.samples)]
    tasks = []
    for stem, sample in samples:
        name = output.sample_stem(stem, sample, options.samples)
        paths = tuple(
            (role, output.image_path(options.output, size, role, name, stem in placed))
            for role in output.roles_of(model)
        )
        scene = mask_files.scene(masks, scenes, stem)
        condition = conditions.format_condition(conditions.facts_of(scene, model.conditions) | chosen, model.conditions)
        seed = seed_of(options.seed, stem, sample)
        tasks.append(
            ImageTask(
                model.folder, masks.paths[stem], paths, seed, condition, style, tiling, options.levels,
                len(samples) == 1, codes, options.reading,
            )
        )  # fmt: skip
    return tasks


def parse(argv: list[str]) -> argparse.Namespace:
    """Parse the arguments.

    Raises:
      UserError: one is out of range, or --masks does not exist.
    """
    options = _parser().parse_args(argv)
    options.reading = reading.brightness_options(options)
    cli.check_positive("--samples", options.samples)
    if not options.masks.exists():
        raise UserError(f"{options.masks} does not exist. --masks takes an image, a folder of images, or a data set.")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(__doc__ or "", EXAMPLES, "python -m pix2pix_tf.generate")
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        help="a run (its best epoch by best.json, or the newest), or an export: a version folder, or its parent = the "
        "newest",
    )
    parser.add_argument(
        "--masks",
        type=Path,
        required=True,
        help="a PNG or TIFF, a folder of them, or a data set; of a SAR-to-optical model, SAR scenes. Patches of one "
        "size become a data set; other masks become whole scenes of any size, for prepare folder to cut. Images of "
        "georeferenced masks are GeoTIFFs",
    )
    parser.add_argument("--split", choices=SPLITS, default="train", help="split of the data set (default: train)")
    parser.add_argument(
        "--any-split",
        action="store_true",
        help="accept masks of val or test; training on images made from them is data leakage",
    )
    parser.add_argument(
        "--classes",
        nargs="+",
        metavar="VALUE=CLASS",
        help="meaning of all zone values, where they are not 0, 64, 127, 254, such as 0=na 1=rock 2=glacier 3=ocean",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the images")
    parser.add_argument(
        "--samples", type=int, default=1, help="images for each mask, each with its own seed (default: 1)"
    )
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes (default: 0)")
    _add_large_masks(parser)
    _add_appearance(parser)
    reading.add_brightness(parser)
    parallel.add_options(parser)
    return parser


def _add_large_masks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tile",
        type=int,
        metavar="PIXELS",
        help="side of the tiles for larger masks (default: twice the size the model was trained on; in small tiles of "
        "one class, such as open ocean, a repeating pattern shows)",
    )
    parser.add_argument(
        "--levels",
        type=int,
        metavar="N",
        help="scales at which a mask larger than the training patches is generated: its own, half of it, and so on, "
        "for forms larger than a tile (default: until the mask is seen whole, with a model that has styles; 1: its own "
        "alone)",
    )
    parser.add_argument(
        "--overlap",
        type=int,
        metavar="PIXELS",
        help="width of the strip in which neighbouring tiles blend (default: half a tile, which hides differences in "
        "brightness; less is faster)",
    )


def _add_appearance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--condition",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a value for a model with data.condition, such as sensor=TSX; may be repeated (default: the value of the "
        "mask's scene, if known)",
    )
    parser.add_argument(
        "--style",
        default="",
        metavar="STYLE",
        help="for a model with styles: random (each zone as in another training scene), scene:NAME (as in that "
        "training scene), or an image of yours, with --style-mask (default: as in a training scene that has the mask's "
        "zones, by the seed)",
    )
    parser.add_argument(
        "--style-mask", type=Path, metavar="ZONES", help="the mask of the image that --style names, of the same size"
    )


def seed_of(seed: int, stem: str, sample: int) -> int:
    """Return the seed of one image, 0 <= seed < 2**31. It does not depend on the other masks and samples."""
    return zlib.crc32(f"{seed}/{stem}/{sample}".encode()) >> 1
