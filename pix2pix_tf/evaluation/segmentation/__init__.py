"""Evaluation of predicted zones and fronts, scene by scene: agreement of the masks and distance of the fronts."""
