"""Errors, command lines, files, processes, TensorFlow's generation: what any program needs, and nothing of glaciers."""
