"""Train a variant: `python train.py --variant gen5`. See pix2pix_tf/training/command.py."""

import sys

from pix2pix_tf.training.command import main
from pix2pix_tf.utils import cli

if __name__ == "__main__":
    sys.exit(cli.run(main))
