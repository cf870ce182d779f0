"""Simulated glaciers, and how SAR and optical sensors see them."""
