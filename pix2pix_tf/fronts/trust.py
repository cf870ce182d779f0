"""Signs that a predicted front may be wrong. A front is flagged, never hidden.

Lengths are pixels here; flags do not depend on the scale. The thresholds of zones' probability and of the spread were
chosen on real scenes whose fronts are known: docs/results/calving-fronts.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from pix2pix_tf.data import classes, tiling
from pix2pix_tf.data.classes import GreyImage, ZoneMask
from pix2pix_tf.fronts.postprocessing import Front
from pix2pix_tf.fronts.vectorize import polylines

NEAR = 3  # pixels: "beside a front"
ASIDE = 0.1  # of the front's extent: how far from the front the fjord's width is measured
SHORT = 0.5  # of the fjord's width: a shorter front is flagged
LONGEST_PIECE = 0.55  # of the front's length: with a shorter longest piece, the front is in pieces
BESIDE = 0.2  # share of the front beside nodata, or on seams, above which it is flagged
IMPROBABLE = {"zones": 0.67, "fronts": 0.25}  # mean probability along the front below which it is flagged
SPREAD = 3  # pixels: mean distance to the fronts of mirrored images above which a front is uncertain
APART = 10  # pixels: mean distance of two networks' fronts above which they disagree
ON_SEAM = 10  # pixels: shorter runs along a seam are chance

# Flag -> its meaning.
FLAGS = {
    "none": "no front was found",
    "short": f"it crosses less than {SHORT:.0%} of the fjord",
    "pieces": f"its longest piece has less than {LONGEST_PIECE:.0%} of its length",
    "nodata": f"more than {BESIDE:.0%} of it lies beside pixels without data, or at the image's border",
    "seam": f"more than {BESIDE:.0%} of it runs along a border between tiles",
    "improbable": f"the mean probability along it is below {IMPROBABLE['zones']:.0%} (a fronts network: "
    f"{IMPROBABLE['fronts']:.0%})",
    "uncertain": f"the fronts of mirrored images are missing, or more than {SPREAD} pixels away in the mean",
    "disagreement": f"the fronts of the two networks are more than {APART} pixels apart in the mean",
}


@dataclass(frozen=True)
class Trust:
    """What can be said of a predicted front without the true one."""

    length: float  # pixels
    pieces: int
    longest: float  # share of the length in the longest piece, 0..1
    probability: float  # mean probability of the mask's class beside the front, of a fronts network on it, 0..1
    near_nodata: float  # share of the front, 0..1
    on_seams: float  # share of the front, 0..1
    fjord: float | None = None  # share of the fjord's width that the front crosses; None where zones are not known
    spread: float | None = None  # mean distance to the fronts of the mirrored images, pixels; inf: one has none

    def flags(self, target: str) -> tuple[str, ...]:
        """Return the names in `FLAGS` that apply.

        Args:
          target: of the network, zones or fronts.
        """
        if not self.pieces:
            return ("none",)
        signs = {
            "short": self.fjord is not None and self.fjord < SHORT,
            "pieces": self.longest < LONGEST_PIECE,
            "nodata": self.near_nodata > BESIDE,
            "seam": self.on_seams > BESIDE,
            "improbable": self.probability < IMPROBABLE[target],
            "uncertain": self.spread is not None and self.spread > SPREAD,
        }
        return tuple(name for name, applies in signs.items() if applies)


def assess(
    front: Front, mask: GreyImage, confidence: GreyImage, valid: np.ndarray, target: str, tile: int,
    of_flips: Sequence[Front] = (),
) -> Trust:  # fmt: skip
    """Assess the front of a scene.

    Args:
      front: the front.
      mask: that it was derived from, see `scenes.Prediction`.
      confidence: in percent, see `scenes.Prediction`.
      valid: bool [H, W], False where the image has no data.
      target: of the network, zones or fronts.
      tile: side of its tiles, pixels.
      of_flips: the fronts of the mirrored images.
    """
    lines = polylines(front)
    if not lines:
        return Trust(0.0, 0, 0.0, 0.0, 0.0, 0.0)
    lengths = np.array([length_of(line) for line in lines])
    spread = spread_along(np.argwhere(front), of_flips).mean() if of_flips else None
    return Trust(
        float(lengths.sum()),
        len(lines),
        float(lengths.max() / lengths.sum()) if lengths.sum() else 1.0,
        _probability(front, confidence, target),
        _near_nodata(front, mask, valid, target),
        _on_seams(front, tile),
        _share_of_fjord(front, mask) if target == "zones" else None,
        None if spread is None else float(spread),
    )


def length_of(line: np.ndarray) -> float:
    """Return the length of a line through pixels, [n, 2], in pixels."""
    return float(np.hypot(*np.diff(line, axis=0).T).sum())


def spread_along(pixels: np.ndarray, of_flips: Sequence[Front]) -> np.ndarray:
    """Return the mean distance from each pixel of a front to the fronts of the mirrored images.

    Args:
      pixels: int [n, 2], rows and columns.
      of_flips: fronts.

    Returns:
      float64 [n], pixels; infinite where a mirrored image has no front.
    """
    others = [np.argwhere(front) for front in of_flips]
    found = [cKDTree(one).query(pixels)[0] if len(one) else np.full(len(pixels), np.inf) for one in others]
    return np.mean(found, axis=0)


def downstream(zones: ZoneMask, front: Front) -> np.ndarray:
    """Return the direction that a front faces, from glacier to ocean: float64 [2], rows and columns, or zeros.

    It is the sum of the steps from glacier to ocean across the edges of pixels. On a line of any direction these add up
    to the normal of the chord between its ends.
    """
    direction = np.zeros(2)
    padded = np.pad(zones, 1)
    rows, columns = np.nonzero(front)
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        steps = np.count_nonzero(padded[rows + 1 - down, columns + 1 - right] == classes.GLACIER)
        direction += steps * np.array([down, right])
    length = np.hypot(*direction)
    return direction / length if length else direction


def _probability(front: Front, confidence: GreyImage, target: str) -> float:
    """Return the mean probability on the front's pixels; of zones also beside them, as they change there."""
    if target == "zones":
        front, confidence = _cropped(front, confidence)
        front = ndimage.binary_dilation(front, np.ones((2 * NEAR + 1, 2 * NEAR + 1)))
    return float(confidence[front].mean() / 100)


def _near_nodata(front: Front, mask: GreyImage, valid: np.ndarray, target: str) -> float:
    """Return the share of the front within `NEAR` pixels of nodata or of the image's border."""
    front, valid, mask = _cropped(front, valid, mask)
    gaps = ~valid | (mask == classes.NOT_AVAILABLE if target == "zones" else False)
    beside = ndimage.binary_dilation(gaps, np.ones((2 * NEAR + 1, 2 * NEAR + 1)), border_value=1)
    return float(beside[front].mean())


def _cropped(front: Front, *images: np.ndarray) -> list[np.ndarray]:
    """Return the surroundings of a front, so that filters need not go over the whole scene.

    The crop ends `NEAR` pixels beyond the front or at the scene's border, so that beyond the crop's border lies either
    nothing within reach of the front, or nothing at all.
    """
    rows, columns = (np.flatnonzero(front.any(axis=axis)) for axis in (1, 0))
    part = tuple(slice(max(0, on[0] - NEAR - 1), on[-1] + NEAR + 2) for on in (rows, columns))
    return [image[part] for image in (front, *images)]


def _on_seams(front: Front, tile: int) -> float:
    """Return the share of the front in runs along borders between tiles."""
    on = np.zeros(front.shape, bool)
    for axis in (0, 1):
        length = front.shape[axis]
        starts = tiling.origins(length, tile, tile // 2)
        edges = {edge for start in starts for edge in (start, start + tile) if 0 < edge < length}
        for edge in edges:
            for place in (edge - 1, edge):
                runs, _ = ndimage.label(front.take(place, axis))
                long = np.bincount(runs)[runs] >= ON_SEAM
                seam = on[place] if axis == 0 else on[:, place]
                seam |= long & (runs > 0)
    return float(on.sum() / max(1, np.count_nonzero(front)))


def _share_of_fjord(front: Front, zones: ZoneMask) -> float | None:
    """Return the share of the fjord's width that a front crosses; None where its direction is not known.

    The width is measured across the direction that the front faces, a little downstream of the front's middle over
    ocean, and a little upstream over glacier; the smaller one counts, as ice may lie beside the fjord, and open sea
    before it.
    """
    flow = downstream(zones, front)
    if not flow.any():
        return None
    across = np.array([-flow[1], flow[0]])
    pixels = np.argwhere(front)
    gaps = np.diff(np.sort(pixels @ across))
    covered = 1 + gaps[gaps < 2].sum()  # neighbours are up to sqrt(2) apart
    middle = pixels[np.abs((pixels - pixels.mean(axis=0)) @ across).argmin()]  # on the front, wherever it bends
    step = max(NEAR, covered * ASIDE) * flow
    widths = [
        _width(zones == zone, place, across)
        for zone, place in ((classes.OCEAN, middle + step), (classes.GLACIER, middle - step))
    ]
    known = [width for width in widths if width]
    return min(1.0, covered / min(known)) if known else None


def _width(zone: np.ndarray, place: np.ndarray, across: np.ndarray) -> int:
    """Return how far a zone, bool [H, W], reaches along a line through a place, in pixels; 0 where it is not there."""
    steps = np.arange(-sum(zone.shape), sum(zone.shape))
    places = np.rint(place + steps[:, None] * across).astype(int)
    inside = ((places >= 0) & (places < zone.shape)).all(axis=1)
    on = np.zeros(len(steps), bool)
    on[inside] = zone[tuple(places[inside].T)]
    runs, _ = ndimage.label(on)
    middle = runs[len(steps) // 2]
    return int(np.count_nonzero(runs == middle)) if middle else 0
