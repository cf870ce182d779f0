"""Sentinel-1 and Sentinel-2 images of the MultiEarth challenge: paired, stretched, cut."""
