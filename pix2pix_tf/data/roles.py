"""The roles: what a data set may hold of each sample."""

from pix2pix_tf.data import classes

# role -> channels of its PNGs
CHANNELS = {"zones": 1, "sar": 1, "fronts": 1, "lines": 1, "optical": 3, "elevation": 1, "sar_vv": 1, "sar_vh": 1}

# role -> the grey values it may have, where they are classes rather than brightness
VALUES = {"zones": classes.ZONE_VALUES, "fronts": classes.FRONT_VALUES, "lines": classes.FRONT_VALUES}

# `lines` is the calving front as it was drawn, one pixel wide: errors are measured against it where `fronts` holds it
# widened for training. A data set without `lines` has thin lines in `fronts`.
