"""Zones and calving fronts of SAR scenes: post-processing of predictions, front lines, overlays, vector files."""
