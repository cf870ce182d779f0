"""Serves exports: `python -m pix2pix_tf.serving run | predict | config`.

A request passes `security` (hosts, origins) -> `app` (routes, limits) -> `rest_api` (JSON to arrays) ->
`model_manager` (the version) -> `batching` (with similar requests) -> the SavedModel, and back.
"""

from pix2pix_tf.serving.command import main

__all__ = ["main"]
