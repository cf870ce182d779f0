"""Predicted zones and fronts scored scene by scene, down to the front's distance error."""
