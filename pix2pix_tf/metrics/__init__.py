"""Measures of images, masks and fronts, in NumPy."""
