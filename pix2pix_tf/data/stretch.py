"""The stretch: numbers of any range, such as 16-bit amplitudes or decibels, become 8 bits.

It is the cumulative count cut of GIS programs. The limits are kept, so that grey can be read as raw values again.
"""

import numpy as np

from pix2pix_tf.data.images import BadImage

Cut = tuple[float, float]  # percentiles that become black and white


def stretch(
    pixels: np.ndarray, cut: Cut = (2.0, 98.0), no_data: float | None = None
) -> tuple[np.ndarray, tuple[float, ...], int]:
    """Brings numbers of any range to 8 bits by a cumulative count cut, band by band.

    Args:
      pixels: integers or floats, [H, W] or [H, W, C].
      cut: percentiles of the measured pixels; at and below the first a pixel is black, at and above the second white.
        Where both fall on one value, such as in a nearly empty scene, the whole range is used.
      no_data: the value that stands for "not measured"; NaN and infinity always do.

    Returns:
      uint8, the same shape, 0 where nothing was measured; the raw values of black and white, band after band; how many
      pixels were not measured in some band.

    Raises:
      BadImage: nothing was measured at all.
    """
    bands = pixels[..., None] if pixels.ndim == 2 else pixels
    result = np.zeros(bands.shape, np.uint8)
    limits: list[float] = []
    gaps = np.zeros(bands.shape[:2], bool)
    for i in range(bands.shape[2]):
        band = bands[..., i].astype(np.float64)
        measured = np.isfinite(band) & (bands[..., i] != no_data)
        if not measured.any():
            raise BadImage("no finite pixel (all are NaN, infinite or no data)")
        low, high = np.percentile(band[measured], cut)
        if low == high:
            low, high = band[measured].min(), band[measured].max()
        band = np.where(measured, band, low)
        result[..., i] = np.rint(255 * np.clip((band - low) / ((high - low) or 1.0), 0, 1))
        limits += [float(low), float(high)]
        gaps |= ~measured
    return result.reshape(pixels.shape), tuple(limits), int(gaps.sum())
