"""Whether generated SAR looks like SAR, and shows its mask."""
