"""Paints images from masks with an export: python -m pix2pix_tf.generate --model runs/gen5/export/gen5 ...

Patches become a data set to train with; scenes of any size are painted tile by tile.
"""

import argparse
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix_tf.data import conditions
from pix2pix_tf.data.dataset import SPLITS
from pix2pix_tf.data.tiling import Tiling
from pix2pix_tf.export import versions
from pix2pix_tf.generate import inference, output
from pix2pix_tf.generate import masks as mask_files
from pix2pix_tf.generate.inference import ImageTask
from pix2pix_tf.utils import cli, files, parallel
from pix2pix_tf.utils.errors import UserError

if TYPE_CHECKING:
    from pix2pix_tf.export.saved_model import Model

TILES = 2  # sides of a tile, by default, for each side of the patches that a model was trained on

EXAMPLES = """\
  python -m pix2pix_tf.generate --model runs/gen5/export/gen5 --masks my_masks --output generated/mine
  python -m pix2pix_tf.generate --model runs/gen5 --masks my_masks --output generated/best
  python -m pix2pix_tf.generate --model runs/gen5/export/gen5/210 --masks mask.png --output generated/one --samples 5
  python -m pix2pix_tf.generate --model runs/gen5/export/gen5 --masks datasets/caffe --output generated/caffe
  python -m pix2pix_tf.generate --model runs/gen5/export/gen5 --masks whole_scenes --output generated/scenes --workers 4
  python -m pix2pix_tf.generate --model runs/told/export/gen5 --masks my_masks --output generated/tsx \\
      --condition sensor=TSX
  python -m pix2pix_tf.generate --model runs/gen5/export/gen5 --masks datasets/caffe --split val --any-split \\
      --output generated/to-look-at"""


def main(argv: list[str]) -> None:
    """Reads the arguments, checks the masks, paints, and says what there is."""
    options = parse(argv)

    model = inference.load(versions.find(options.model))
    if not model.targets:
        raise UserError(f"{options.model} gives numbers and paints nothing. --model takes an export such as of gen5.")
    tile = TILES * model.size if options.tile is None else options.tile
    tiling = Tiling(tile, tile // 2 if options.overlap is None else options.overlap, model.divisor)
    tiling.check()
    masks = mask_files.find(options.masks, model.inputs, options.split)
    mask_files.check_split(masks, options.any_split)
    wishes = conditions.parse_conditions(options.condition, model.conditions)
    size = output.patch_size(mask_files.check(masks, model, tiling), masks, model.size)
    with files.lock(options.output):
        output.claim(options.output, options, model, tiling, size)
        jobs = jobs_of(model, masks, tiling, options, size)
        wanted = [job for job in jobs if not job.is_done]
        parallel.parallel_map(inference.paint_image, wanted, options.workers, "images painted", options.scheduler)
        output.describe(options.output, model, masks, options.samples, size, wishes)
        output.draw_overview(options.output, model, list(masks.paths), options.samples, size)
    print(output.closing(options.output, len(jobs), size, model.size))


def jobs_of(
    model: "Model", masks: mask_files.Masks, tiling: Tiling, options: argparse.Namespace, size: int | None
) -> list[ImageTask]:
    """What is to be painted: each mask, as often as samples are wanted.

    Args:
      model: that paints.
      masks: what it paints from.
      tiling: how large ones are divided.
      options: gives output, samples, seed and condition; where the user wishes nothing, the mask's scene tells it.
      size: of patches, None for scenes.
    """
    known, wishes = mask_files.scenes(masks), conditions.parse_conditions(options.condition, model.conditions)
    wanted = [(stem, sample) for stem in masks.paths for sample in range(options.samples)]
    jobs = []
    for stem, sample in wanted:
        name = output.sample_stem(stem, sample, options.samples)
        written = tuple((role, output.image_path(options.output, size, role, name)) for role in output.roles_of(model))
        told = conditions.facts_of(mask_files.scene(masks, known, stem), model.conditions) | wishes
        text, seed = conditions.format_condition(told, model.conditions), seed_of(options.seed, stem, sample)
        jobs.append(ImageTask(model.folder, masks.paths[stem], written, seed, text, tiling, alone=len(wanted) == 1))
    return jobs


def parse(argv: list[str]) -> argparse.Namespace:
    """Reads the arguments.

    Raises:
      UserError: one is out of range, or there are no masks where they should be.
    """
    parser = cli.parser(__doc__ or "", EXAMPLES, "python -m pix2pix_tf.generate")
    parser.prog = "python -m pix2pix_tf.generate"
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
        help="a PNG or TIFF, a folder of them, or a data set. Patches of one size become a data set; of other masks "
        "whole scenes are painted, of any size, for prepare folder to cut",
    )
    parser.add_argument("--split", choices=SPLITS, default="train", help="of the data set (default: train)")
    parser.add_argument(
        "--any-split",
        action="store_true",
        help="take masks of val or test, too; a model trained on such images knows the scenes it is judged by",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the images")
    parser.add_argument(
        "--samples", type=int, default=1, help="images for each mask, each of another seed (default: 1)"
    )
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes (default: 0)")
    parser.add_argument(
        "--tile",
        type=int,
        metavar="PIXELS",
        help="larger masks are painted in tiles of this side (default: twice the size the model was trained on: a "
        "tile of one class alone, such as open ocean, comes out with a pattern that repeats where tiles are small)",
    )
    parser.add_argument(
        "--overlap",
        type=int,
        metavar="PIXELS",
        help="that neighbouring tiles share and blend over (default: half a tile, which hides that each has a "
        "brightness of its own; less is quicker)",
    )
    parser.add_argument(
        "--condition",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="what a model with data.condition is told, such as sensor=TSX (default: what is known of the mask)",
    )
    parallel.add_options(parser)
    options = parser.parse_args(argv)
    if options.samples < 1:
        raise UserError(f"--samples takes a whole number from 1, not {options.samples}.")
    if not options.masks.exists():
        raise UserError(f"There is no {options.masks}. --masks takes an image, a folder of images, or a data set.")
    return options


def seed_of(seed: int, stem: str, sample: int) -> int:
    """The seed of one image, from 0 up to below 2**31: other masks and samples beside it do not change it."""
    return zlib.crc32(f"{seed}/{stem}/{sample}".encode()) >> 1
