"""Serves exports: `python -m pix2pix_tf.serving run | predict | config`.

A request goes one way: `guard` (who may ask) -> `app` (addresses, bounds) -> `rest` (JSON to arrays) -> `versions`
(which model) -> `batching` (with others of its kind) -> the SavedModel, and back.
"""

from pix2pix_tf.serving.commands import add_config, add_predict, add_run
from pix2pix_tf.utils import cli


def main(argv: list[str]) -> None:
    """Reads the command line and does what it says."""
    parser = cli.parser(
        "Serves exports, asks servers, and writes TF Serving's configuration. See each command's own --help.",
        "  python -m pix2pix_tf.serving run --model runs/gen5/export/gen5\n"
        "  python -m pix2pix_tf.serving predict --url http://127.0.0.1:8501 --name gen5 mask.png -o sar.png\n"
        "  python -m pix2pix_tf.serving config runs/* --output deploy/models.config",
    )
    parser.prog = "python -m pix2pix_tf.serving"
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add_run(commands)
    add_predict(commands)
    add_config(commands)
    arguments = parser.parse_args(argv)
    arguments.run(arguments)
