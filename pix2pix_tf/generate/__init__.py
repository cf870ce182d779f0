"""Images from masks, by an export: python -m pix2pix_tf.generate."""
