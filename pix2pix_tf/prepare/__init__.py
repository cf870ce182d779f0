"""Raw data to data sets in `datasets/`: the commands of `python -m pix2pix_tf.prepare`, and `simulate` for Python."""

from pix2pix_tf.prepare.command import main
from pix2pix_tf.prepare.simulation.command import preview, simulate

__all__ = ["main", "preview", "simulate"]
