"""`python -m pix2pix_tf`, the same as `pix2pix-tf`."""

import sys

from pix2pix_tf.command import console

if __name__ == "__main__":  # worker processes import this file too, under another name
    sys.exit(console())
