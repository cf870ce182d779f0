"""Prepares data sets: `python -m pix2pix_tf.prepare simulate | folder | caffe | multiearth | masks | score-clouds`.

Each command is the module here of its name, with one `add_...` (its options) and one `run_...` (options -> a function
that does the work); `simulating` alone has another name, as `simulate` is that function, which train.py calls too.
"""

import contextlib

from pix2pix_tf.prepare.caffe.command import add_caffe
from pix2pix_tf.prepare.masks.command import add_masks
from pix2pix_tf.prepare.multiearth.command import add_multiearth
from pix2pix_tf.prepare.own_scenes.command import add_folder
from pix2pix_tf.prepare.score_clouds import add_score_clouds
from pix2pix_tf.prepare.simulation.command import add_simulate, simulate
from pix2pix_tf.utils import cli, files

__all__ = ["main", "simulate"]


def main(argv: list[str]) -> None:
    """Reads the command line and does what it says."""
    parser = cli.parser(
        "Prepares data sets. See each command's own --help.",
        "  python -m pix2pix_tf.prepare simulate --output datasets/simulated\n"
        "  python -m pix2pix_tf.prepare folder --input my_scenes --output datasets/mine --split scene\n"
        "  python -m pix2pix_tf.prepare caffe --download --output datasets/caffe\n"
        "  python -m pix2pix_tf.prepare multiearth --input my_tiffs --output datasets/multiearth\n"
        "  python -m pix2pix_tf.prepare masks --output datasets/moved --from datasets/caffe",
    )
    parser.prog = "python -m pix2pix_tf.prepare"
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add_simulate(commands)
    add_folder(commands)
    add_caffe(commands)
    add_multiearth(commands)
    add_masks(commands)
    add_score_clouds(commands)
    arguments = parser.parse_args(argv)
    output = getattr(arguments, "output", None)  # score-clouds has none: it replaces one file, whole
    with files.lock(output) if output else contextlib.nullcontext():
        arguments.run(arguments)
