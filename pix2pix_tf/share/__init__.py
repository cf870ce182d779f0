"""Makes a trained model a folder that one can share: python -m pix2pix_tf.share."""
