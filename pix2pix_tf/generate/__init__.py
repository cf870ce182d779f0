"""Generates images from masks with an export: python -m pix2pix_tf.generate."""
