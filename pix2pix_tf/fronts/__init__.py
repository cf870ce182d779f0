"""From zones or probabilities to calving fronts as lines and files."""
