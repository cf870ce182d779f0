"""pix2pix in TensorFlow for radar (SAR) images of glaciers: the Python interface.

The data go one way: prepare -> datasets/ -> pipeline -> train -> runs/ -> evaluate, generate, serve.

>>> import numpy as np
>>> import pix2pix_tf
>>> mask = np.full((256, 256), pix2pix_tf.zones.OCEAN, np.uint8)
>>> mask[:, 100:] = pix2pix_tf.zones.GLACIER
>>> model = pix2pix_tf.load("pretrained/glacier")
>>> image = model.generate(mask, seed=0, condition={"sensor": "TSX"}, style="random")
>>> image.shape, image.dtype
((256, 256), dtype('uint8'))

Every name is loaded when it is first used, so that the import itself takes milliseconds.
"""

import importlib
import os
from typing import TYPE_CHECKING

# TensorFlow reads this when it is imported. By itself it uses oneDNN only on processors with VNNI instructions, though
# others, as many laptops have, train and generate 1.1 to 1.8 times as fast with it (docs/results/speed.md).
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

if TYPE_CHECKING:
    from pix2pix_tf.api import zones
    from pix2pix_tf.api.datasets import load_dataset
    from pix2pix_tf.api.models import load
    from pix2pix_tf.api.plots import plot
    from pix2pix_tf.api.scenes import front_of, read_scene

__all__ = ["front_of", "load", "load_dataset", "plot", "read_scene", "zones"]

_MODULES = {
    "front_of": "scenes",
    "load": "models",
    "load_dataset": "datasets",
    "plot": "plots",
    "read_scene": "scenes",
    "zones": "zones",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"pix2pix_tf.api.{_MODULES[name]}")
    value = module if _MODULES[name] == name else getattr(module, name)
    globals()[name] = value  # found at once from now on
    return value


def __dir__() -> list[str]:
    """List the public names for completion in a notebook."""
    return sorted({*globals(), *__all__})
