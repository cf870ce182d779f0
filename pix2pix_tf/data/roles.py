"""The roles: what a data set may hold of each sample."""

from pix2pix_tf.data import masks

# role -> channels of its PNGs
CHANNELS = {"zones": 1, "sar": 1, "fronts": 1, "optical": 3, "elevation": 1, "sar_vv": 1, "sar_vh": 1}

# role -> the grey values it may have, where they are classes rather than brightness
VALUES = {"zones": masks.ZONE_VALUES, "fronts": masks.FRONT_VALUES}
