"""Realism of generated SAR images, and faithfulness to their masks."""
