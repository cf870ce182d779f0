"""Prepare data sets: `python -m pix2pix_tf.prepare simulate | folder | caffe | multiearth | masks | merge | ...`.

Each subcommand has a module `command` in its folder, with one `add_...` (its options) and one `run_...` (from options
to the function that does the work).
"""

import contextlib

from pix2pix_tf.prepare.caffe.command import add_caffe
from pix2pix_tf.prepare.masks.command import add_masks
from pix2pix_tf.prepare.merge import add_merge
from pix2pix_tf.prepare.multiearth.command import add_multiearth
from pix2pix_tf.prepare.own_scenes.command import add_folder
from pix2pix_tf.prepare.score_clouds import add_score_clouds
from pix2pix_tf.prepare.simulation.command import add_simulate
from pix2pix_tf.utils import cli, files


def main(argv: list[str]) -> None:
    """Read the arguments and run the subcommand."""
    parser = cli.parser(
        "Prepare data sets. Each command has its own --help.",
        "  python -m pix2pix_tf.prepare simulate --output datasets/simulated\n"
        "  python -m pix2pix_tf.prepare folder --input my_scenes --output datasets/mine --split scene\n"
        "  python -m pix2pix_tf.prepare caffe --download --output datasets/caffe\n"
        "  python -m pix2pix_tf.prepare multiearth --input my_tiffs --output datasets/multiearth\n"
        "  python -m pix2pix_tf.prepare masks --output datasets/moved --from datasets/caffe\n"
        "  python -m pix2pix_tf.prepare merge --input datasets/mine datasets/simulated --output datasets/mixed",
        "python -m pix2pix_tf.prepare",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add_simulate(commands)
    add_folder(commands)
    add_caffe(commands)
    add_multiearth(commands)
    add_masks(commands)
    add_merge(commands)
    add_score_clouds(commands)
    arguments = parser.parse_args(argv)
    output = getattr(arguments, "output", None)  # score-clouds has none: it replaces one file atomically
    with files.lock(output) if output else contextlib.nullcontext():
        arguments.run(arguments)
