"""python -m pix2pix_tf.benefit"""

import sys

from pix2pix_tf import cli
from pix2pix_tf.benefit import command

if __name__ == "__main__":
    sys.exit(cli.run(command.main))
