"""Measures the benefit of synthetic SAR images for the segmentation of calving fronts; see `command`."""
