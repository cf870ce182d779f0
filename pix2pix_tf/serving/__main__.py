"""`python -m pix2pix_tf.serving`."""

import sys

from pix2pix_tf.serving.command import main
from pix2pix_tf.utils import cli

if __name__ == "__main__":
    sys.exit(cli.run(main))
