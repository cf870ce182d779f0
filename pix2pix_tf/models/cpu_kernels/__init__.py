"""Convolutions as products of matrices, where these are faster on a processor."""
