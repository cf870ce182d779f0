"""Paints images from masks with an export: python -m pix2pix_tf.generate --model runs/gen5/export/gen5 ..."""

import argparse
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from pix2pix_tf import cli, files
from pix2pix_tf.data import checks, images
from pix2pix_tf.data.dataset import SPLITS
from pix2pix_tf.errors import UserError

if TYPE_CHECKING:
    from pix2pix_tf.export import Model

EXAMPLES = """\
  python -m pix2pix_tf.generate --model runs/gen5/export/gen5 --masks my_masks --output generated/mine
  python -m pix2pix_tf.generate --model runs/gen5/export/gen5/210 --masks mask.png --output generated/one --samples 5
  python -m pix2pix_tf.generate --model runs/gen5/export/gen5 --masks datasets/caffe --output generated/caffe"""

OVERVIEW = "overview.png"
SETTINGS = "generate.json"
SHOWN = 6  # rows of the overview sheet


def main(argv: list[str]) -> None:
    """Reads the arguments, checks the masks, paints."""
    parser = cli.parser(__doc__, EXAMPLES)
    parser.add_argument(
        "--model", type=Path, required=True, help="an export: a version folder, or its parent = the newest"
    )
    parser.add_argument("--masks", type=Path, required=True, help="a PNG, a folder of PNGs, or a data set")
    parser.add_argument("--split", choices=SPLITS, default="train", help="of the data set (default: train)")
    parser.add_argument("--output", type=Path, required=True, help="folder for the images")
    parser.add_argument(
        "--samples", type=int, default=1, help="images for each mask, each of another seed (default: 1)"
    )
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes (default: 0)")
    options = parser.parse_args(argv)
    if options.samples < 1:
        raise UserError(f"--samples takes a whole number from 1, not {options.samples}.")
    if not options.masks.exists():
        raise UserError(f"There is no {options.masks}. --masks takes a PNG, a folder of PNGs, or a data set.")

    from pix2pix_tf import export  # TensorFlow: some seconds, which no mistake above has to wait for

    model = export.load(options.model)
    masks = find_masks(options.masks, model.inputs, options.split)
    check_masks(masks, model)
    claim(options.output, options, model)
    generate(model, masks, options.output, options.samples, options.seed)
    print(f"{len(masks) * options.samples} images in {options.output}; {options.output / OVERVIEW} shows some.")


def find_masks(path: Path, roles: Sequence[str], split: str) -> dict[str, tuple[Path, ...]]:
    """Finds the files to paint from.

    Args:
      path: a PNG; a folder of PNGs; a folder of one folder for each role; or a data set.
      roles: what the model takes.
      split: which part of a data set.

    Returns:
      For each stem one file for each role, sorted by stem.

    Raises:
      UserError: there is none, or a role or a partner is missing.
    """
    if path.is_file():
        folders, names = [path.parent], [path.name]
    else:
        base = path / split if any((path / name).is_dir() for name in SPLITS) else path
        plain = len(roles) == 1 and not (base / roles[0]).is_dir()
        folders = [base] if plain else [base / role for role in roles]
        names = sorted({file.name for folder in folders for file in folder.glob("*.png") if file.name[0] != "."})
    if len(folders) != len(roles):
        raise UserError(f"The model takes {' and '.join(roles)}: --masks takes a folder that has a folder for each.")
    missing = [(f"not in {folder}", name) for name in names for folder in folders if not (folder / name).exists()]
    if missing:
        raise checks.refusal(f"{path} lacks files", missing)
    if not names:
        raise UserError(f"There is no .png file in {' or '.join(map(str, folders))}.")
    return {Path(name).stem: tuple(folder / name for folder in folders) for name in names}


def check_masks(masks: Mapping[str, Sequence[Path]], model: "Model") -> None:
    """Makes sure that the model can paint from every file, before it paints from the first.

    Raises:
      UserError: one message names all bad files, with the cure.
    """
    problems = []
    for paths in masks.values():
        for path, role in zip(paths, model.inputs, strict=True):
            try:
                pixels = images.read_png(path)
            except images.BadImage as error:
                problems.append((str(error), path.name))
                continue
            height, width = pixels.shape[:2]
            wrong = checks.channel_problem(role, pixels) or checks.class_problem(role, pixels)
            if height % model.divisor or width % model.divisor:
                wrong = f"{width} x {height} pixels, but the model takes sides that are multiples of {model.divisor}"
            if 8 * pixels.dtype.itemsize != model.bits[role]:
                wrong = f"{8 * pixels.dtype.itemsize} bit, but the model takes {role} of {model.bits[role]} bit"
            problems += [(wrong, path.name)] if wrong else []
    if problems:
        raise checks.refusal("These masks cannot be used", problems)


def claim(output: Path, options: argparse.Namespace, model: "Model") -> None:
    """Makes sure that nothing but images of the same model, masks, samples and seed is or comes into the folder.

    Raises:
      UserError: other things are there.
    """
    settings = {"variant": model.variant, "run": model.run, "epoch": model.epoch, "masks": str(options.masks)}
    settings |= {"split": options.split, "samples": options.samples, "seed": options.seed}
    path = output / SETTINGS
    if path.exists():
        before = files.read_json(path)
        changes = [
            f"{key}: {before.get(key)} -> {value}" for key, value in settings.items() if before.get(key) != value
        ]
        if changes:
            raise UserError(f"{output} holds images of other settings ({', '.join(changes)}). Choose another --output.")
    elif output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"{output} is there already, and not empty. Choose another --output.")
    files.write_json(path, settings)


def generate(model: "Model", masks: Mapping[str, Sequence[Path]], output: Path, samples: int, seed: int) -> None:
    """Paints each mask, and goes on where an earlier call with the same settings stopped.

    Args:
      model: a loaded export.
      masks: from `find_masks`.
      output: folder for `<stem>.png`, or `<stem>_s<sample>.png` where there are several samples; with several target
        roles in a folder for each.
      samples: images for each mask.
      seed: the same seed gives the same bytes, whatever other masks there are.

    Raises:
      OSError: as the writing does; what is there is whole.
    """
    wanted = [(stem, sample) for stem in masks for sample in range(samples)]
    for stem, sample in cli.progress(wanted, len(wanted), "images"):
        paths = [_image_path(output, model, role, stem, sample, samples) for role in model.targets]
        if all(path.exists() for path in paths):
            continue
        # One image a call: in a batch, some processors round differently by its size, and bytes would follow.
        pngs = [[path.read_bytes()] for path in masks[stem]]
        for path, (png,) in zip(paths, model.paint(pngs, [seed_of(seed, stem, sample)]), strict=True):
            with files.whole_file(path) as temporary:
                temporary.write_bytes(png)
    _draw_overview(model, masks, output, samples)


def seed_of(seed: int, stem: str, sample: int) -> int:
    """The seed of one image, from 0 up to below 2**31: other masks and samples beside it do not change it."""
    return zlib.crc32(f"{seed}/{stem}/{sample}".encode()) >> 1


def _image_path(output: Path, model: "Model", role: str, stem: str, sample: int, samples: int) -> Path:
    folder = output if len(model.targets) == 1 else output / role
    return folder / (f"{stem}.png" if samples == 1 else f"{stem}_s{sample}.png")


def _draw_overview(model: "Model", masks: Mapping[str, Sequence[Path]], output: Path, samples: int) -> None:
    """A sheet of the first masks, each with its images."""
    from pix2pix_tf import sheets

    role, target = model.inputs[0], model.targets[0]
    first = images.read_png(next(iter(masks.values()))[0])
    stems = [stem for stem in masks if images.read_png(masks[stem][0]).shape == first.shape][:SHOWN]
    columns = [(sheets.name_of(role), sheets.pictures(role, np.stack([images.read_png(masks[s][0]) for s in stems])))]
    for sample in range(min(samples, SHOWN)):
        painted = [np.asarray(Image.open(_image_path(output, model, target, s, sample, samples))) for s in stems]
        columns.append((f"sample {sample}", sheets.pictures(target, np.stack(painted))))
    title = f"{model.variant}, epoch {model.epoch}"
    sheets.grid(output / OVERVIEW, columns, title, legend=role == "zones", captions=stems)


if __name__ == "__main__":
    sys.exit(cli.run(main))
