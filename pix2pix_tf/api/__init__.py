"""The Python interface; `import pix2pix_tf` offers its public names."""
