"""Serves exports: `python -m pix2pix_tf.serving run | predict | config`.

A request passes `security` (allowed hosts) -> `app` (routes, limits) -> `rest_api` (JSON to arrays) -> `model_manager`
(model and version) -> `batching` (with other requests of its kind) -> the SavedModel, and back.
"""

from pix2pix_tf.serving.command import main

__all__ = ["main"]
