"""`python -m pix2pix_tf.serving`."""

import sys

from pix2pix_tf import cli
from pix2pix_tf.serving import main

if __name__ == "__main__":
    sys.exit(cli.run(main))
