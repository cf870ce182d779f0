"""Metrics of images, masks, fronts and sets of SAR images, in NumPy."""
