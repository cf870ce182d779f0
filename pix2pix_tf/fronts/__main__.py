"""`python -m pix2pix_tf.fronts`."""

import sys

from pix2pix_tf.fronts.command import main
from pix2pix_tf.utils import cli

if __name__ == "__main__":
    sys.exit(cli.run(main))
