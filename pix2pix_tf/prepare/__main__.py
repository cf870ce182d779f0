"""`python -m pix2pix_tf.prepare`."""

import sys

from pix2pix_tf.prepare.command import main
from pix2pix_tf.utils import cli

if __name__ == "__main__":  # worker processes import this file too, under another name
    sys.exit(cli.run(main))
