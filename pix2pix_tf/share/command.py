"""Make a trained model a folder to share: export, card, picture.

Model hubs read the block at the top of README.md: license, tags, data, metrics. `--model` of every command, --init and
`pix2pix_tf.load` take the folder, as does TensorFlow Serving.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np

from pix2pix_tf.export import versions
from pix2pix_tf.share import card
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.errors import UserError

PICTURE = "overview.png"

EXAMPLES = """\
  python -m pix2pix_tf.share runs/first --output shared/my-glacier --license cc-by-4.0
  python -m pix2pix_tf.share runs/gen5 --output shared/gen5 --without-weights"""


def main(argv: list[str]) -> None:
    """Write the folder, complete or not at all."""
    options = parse(argv)
    if not files.is_empty(options.output):
        raise UserError(f"{options.output} exists, and nothing is overwritten. Choose another --output, or remove it.")
    version = versions.find(options.run)
    described = card.describe(options.run, version)
    samples = options.run / "samples" / f"epoch_{described.epoch:04d}.png"
    with files.atomic_directory(options.output) as folder:
        left_out = shutil.ignore_patterns(Path(versions.WEIGHTS).name) if options.without_weights else None
        shutil.copytree(version, folder / str(described.epoch), ignore=left_out)
        weights = folder / str(described.epoch) / versions.WEIGHTS
        if options.small_weights and weights.exists():
            with np.load(weights) as arrays:
                np.savez_compressed(weights, **smaller(dict(arrays)))
        if samples.exists():
            shutil.copyfile(samples, folder / PICTURE)
        picture = PICTURE if samples.exists() else None
        text = card.render(described, options.output.resolve().name, options.license, picture)
        files.write_text(folder / card.FILE, text)
    print(f"{options.output}: epoch {described.epoch} of {options.run}; read and complete {options.output / card.FILE}")


def smaller(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return training weights as float16, and the average of the generator's in their place where there is one."""
    averaged = {name: weights.get(name.replace("generator/", "average/", 1), one) for name, one in weights.items()}
    return {name: one.astype(np.float16) for name, one in averaged.items() if not name.startswith("average/")}


def parse(argv: list[str]) -> argparse.Namespace:
    """Parse the arguments.

    Raises:
      UserError: there is no such run.
    """
    parser = cli.parser(__doc__ or "", EXAMPLES, "python -m pix2pix_tf.share")
    parser.add_argument("run", type=Path, help="a run; its best epoch by best.json is shared, or the newest")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder to make; its name is the model's"
    )
    parser.add_argument(
        "--license",
        default="unknown",
        metavar="ID",
        help="of the model, as hubs spell it, such as cc-by-4.0: that of the training data binds it (default: unknown)",
    )
    parser.add_argument(
        "--small-weights",
        action="store_true",
        help="weights for train.py --init in half precision, of a generator their average alone: a third of the size",
    )
    parser.add_argument(
        "--without-weights", action="store_true", help="leave out the weights for train.py --init: a smaller folder"
    )
    options = parser.parse_args(argv)
    if not (options.run / card.RECORD).is_file():
        raise UserError(f"{options.run} is no run: it has no {card.RECORD}. Name a folder such as runs/gen5.")
    return options
