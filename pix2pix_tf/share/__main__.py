"""`python -m pix2pix_tf.share`."""

import sys

from pix2pix_tf.share.command import main
from pix2pix_tf.utils import cli

if __name__ == "__main__":
    sys.exit(cli.run(main))
