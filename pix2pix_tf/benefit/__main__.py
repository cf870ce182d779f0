"""python -m pix2pix_tf.benefit"""

import sys

from pix2pix_tf.benefit import command
from pix2pix_tf.utils import cli

if __name__ == "__main__":
    sys.exit(cli.run(command.main))
