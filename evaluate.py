"""Evaluate runs: `python evaluate.py runs/gen5`. See pix2pix_tf/evaluation/command.py."""

import sys

from pix2pix_tf.evaluation.command import main
from pix2pix_tf.utils import cli

if __name__ == "__main__":
    sys.exit(cli.run(main))
