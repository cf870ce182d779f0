"""Whether synthetic SAR images help to find calving fronts: see `command`."""
