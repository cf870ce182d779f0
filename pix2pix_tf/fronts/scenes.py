"""Zones and front lines of whole scenes: overlapping patches -> probabilities -> mask -> front line.

A mask is what a network with the target `zones` or `fronts` predicts of a scene: a zone mask, or 255 where the
probability of a front is above the threshold and 0 elsewhere.

Where patches overlap, probabilities are averaged (softmax, as in training). The published code of CaFFe averages
sigmoids of the logits instead, so that with the same network a pixel whose two likeliest classes are nearly equal may
get the other class.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from pix2pix_tf.data import classes, tiling
from pix2pix_tf.data.classes import GreyImage
from pix2pix_tf.data.dataset import Scene
from pix2pix_tf.data.tiling import Piece
from pix2pix_tf.fronts import postprocessing, vector_files
from pix2pix_tf.fronts.postprocessing import Front
from pix2pix_tf.fronts.vectorize import polylines
from pix2pix_tf.utils.errors import UserError

Patch = TypeVar("Patch")  # what identifies a patch to its network: its pixels, or its name on the disk


def predict_patches(
    predict: Callable[[Sequence[Patch]], np.ndarray],
    places: Sequence[tuple[int, int]],
    patches: Sequence[Patch],
    batch_size: int,
    network: str,
) -> Iterator[Piece]:
    """Yield the probabilities of a scene's patches with their places; one batch is in memory at a time.

    Args:
      predict: takes up to `batch_size` patches and returns float32 [n, size, size, K].
      places: row and column of each patch's upper left pixel in the scene.
      patches: of the scene, in the order of `places`.
      batch_size: patches at a time.
      network: its name, for the error message.

    Raises:
      UserError: a value is not finite.
    """
    for first in range(0, len(patches), batch_size):
        batch = slice(first, first + batch_size)
        for place, probabilities in zip(places[batch], predict(patches[batch]), strict=True):
            if not np.isfinite(probabilities).all():
                raise UserError(f"{network} gives values that are no numbers: its weights are spoilt. Remove it.")
            yield *place, probabilities


def mask_of(pieces: Iterable[Piece], height: int, width: int, target: str) -> GreyImage:
    """Blend the probabilities of patches and return the mask of the scene.

    Args:
      pieces: as from `predict_patches`; they cover the scene.
      height: pixels of the scene without padding.
      width: likewise.
      target: "zones", with K = 4, or "fronts", with K = 1.
    """
    probabilities = tiling.stitch(pieces, height, width)
    if target == "zones":
        return postprocessing.zones_of(probabilities)
    return np.where(probabilities[..., 0] > classes.FRONT_THRESHOLD, np.uint8(255), np.uint8(0))


def front_of(mask: GreyImage, target: str, min_length: float, box: Sequence[float] | None = None) -> Front:
    """Return the front of a scene's mask, inside the bounding box.

    Args:
      mask: as from `mask_of`.
      target: "zones" or "fronts".
      min_length: pixels; components of at most this length are dropped.
      box: see `postprocessing.clip_to_bbox`.
    """
    if target == "zones":
        front = postprocessing.front_from_zones(mask, min_length)
    else:
        front = postprocessing.front_from_probabilities(mask / 255.0, min_length)
    return postprocessing.clip_to_bbox(front, box)


def geojson(front: Front, scene: Scene, properties: Mapping[str, object]) -> dict:
    """Return a front as a GeoJSON FeatureCollection in the projection of its scene; see `vector_files`.

    Args:
      front: of the whole scene.
      scene: gives the projection, and the glacier, date and sensor where they are known.
      properties: further ones, in JSON's types, such as the scene's name.
    """
    known = {"glacier": scene.glacier, "date": scene.date, "sensor": scene.sensor}
    known = {key: value for key, value in known.items() if value is not None}
    lines, sides = polylines(front), (scene.height, scene.width)
    return vector_files.feature_collection(lines, scene.bounds, scene.crs, *sides, {**properties, **known})
