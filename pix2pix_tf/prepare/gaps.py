"""Find the pixels of a scene that hold no measurement, though the file names no "no data" value."""

import numpy as np

SUSPICIOUS = 0.05  # share of the pixels with one and the same outlying value, above which it is asked about
FAR = 3.0  # spreads of all other values (percentiles 1 to 99) that such a value is away from the nearest of them
SMALLEST = 0.001, 64  # share of the scene, and pixels, that a border of zeros has at least; fewer are dark pixels


def zero_border(zero: np.ndarray) -> np.ndarray | None:
    """Find the zeros that processors such as SNAP leave around the swath: those connected to the scene's border.

    Args:
      zero: bool [H, W], True where a pixel is exactly 0.

    Returns:
      bool [H, W], True in 4-connected regions of zeros that touch the border; None where they are less than SMALLEST.
    """
    found = np.zeros_like(zero)
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        found[edge] = zero[edge]
    if not found.any():
        return None
    before = -1
    while (count := np.count_nonzero(found)) != before:
        before = count
        for along, free in ((found, zero), (found.T, zero.T)):
            _sweep(along, free)
            _sweep(along[::-1], free[::-1])
    return found if before >= max(SMALLEST[0] * zero.size, SMALLEST[1]) else None


def _sweep(found: np.ndarray, zero: np.ndarray) -> None:
    """Extend regions downwards, in place."""
    for row in range(1, len(found)):
        found[row] |= found[row - 1] & zero[row]


def suspicious_value(sample: np.ndarray) -> float | None:
    """Return a value that looks like "no data": frequent, and far outside all others. None where there is none.

    Args:
      sample: float [N], finite pixels.
    """
    low, high = sample.min(), sample.max()
    for value, is_low in ((low, True), (high, False)):
        same = sample == value
        if not SUSPICIOUS < same.mean() < 1:
            continue
        rest = sample[~same]
        spread = np.ptp(np.percentile(rest, (1, 99)))
        apart = rest.min() - value if is_low else value - rest.max()
        if apart > FAR * max(spread, 1.0):
            return float(value)
    return None
