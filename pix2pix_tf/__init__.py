"""pix2pix in TensorFlow for radar (SAR) images of glaciers.

The data go one way: prepare -> datasets/ -> pipeline -> train -> runs/ -> evaluate, generate, serve.
"""
