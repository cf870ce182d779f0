"""Synthetic zone masks: new fjords, and real masks with another front."""
