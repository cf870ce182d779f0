"""Stretch numbers of any range, such as amplitudes or decibels, to 8 or 16 bits, and convert them back.

The stretch is the cumulative count cut of GIS programs, or uses fixed limits. The limits are kept, so that grey values
can be converted to raw values.
"""

import numpy as np

from pix2pix_tf.data.io.images import BadImage

Cut = tuple[float, float]  # percentiles that become black and white
Limits = tuple[float, float]  # raw values that become black and white


def stretch(
    pixels: np.ndarray,
    cut: Cut = (2.0, 98.0),
    limits: Limits | None = None,
    bits: int = 8,
    valid: np.ndarray | None = None,
) -> tuple[np.ndarray, tuple[float, ...]]:
    """Stretch numbers to 8 or 16 bits by a cumulative count cut, band by band, or by fixed limits.

    Args:
      pixels: integers or floats, [H, W] or [H, W, C].
      cut: percentiles of the measured pixels; at and below the first a pixel is black, at and above the second white.
        Where both are one value, such as in a nearly empty scene, the whole range is used.
      limits: raw values of black and white, instead of the cut.
      bits: 8 or 16.
      valid: bool, the same shape, False where nothing was measured, as NaN and infinity say, too; None: everywhere.

    Returns:
      uint8 or uint16, the same shape, 0 where nothing was measured; the raw values of black and white, band after band.

    Raises:
      BadImage: nothing was measured at all.
    """
    bands = pixels[..., None] if pixels.ndim == 2 else pixels
    dtype = np.uint16 if bits == 16 else np.uint8
    result = np.zeros(bands.shape, dtype)
    kept: list[float] = []
    for i in range(bands.shape[2]):
        with np.errstate(invalid="ignore"):  # of a NaN that signals
            band = bands[..., i].astype(np.float64)
        measured = np.isfinite(band)
        if valid is not None:
            measured &= valid.reshape(bands.shape)[..., i]
        if not measured.any():
            raise BadImage("no finite pixel (all are NaN, infinite or no data)")
        low, high = limits or np.percentile(band[measured], cut)
        if low == high:
            low, high = band[measured].min(), band[measured].max()
        band = np.where(measured, band, low)
        result[..., i] = np.rint(np.iinfo(dtype).max * np.clip((band - low) / ((high - low) or 1.0), 0, 1))
        kept += [float(low), float(high)]
    return result.reshape(pixels.shape), tuple(kept)


def to_grey(values: np.ndarray, limits: tuple[float, ...], bits: int = 8) -> np.ndarray:
    """Convert numbers to grey values by known limits.

    Args:
      values: float [H, W, C], finite.
      limits: the numbers of black and white, band after band.
      bits: 8 or 16.

    Returns:
      uint8 or uint16 [H, W, C].
    """
    dtype = np.uint16 if bits == 16 else np.uint8
    low, high = np.reshape(limits, (-1, 2)).T
    span = np.where(high > low, high - low, 1.0)
    share = (values - low.astype(values.dtype)) / span.astype(values.dtype)
    return np.rint(np.iinfo(dtype).max * np.clip(share, 0, 1)).astype(dtype)


def raw_values(grey: np.ndarray, limits: tuple[float, ...], white: float | None = None) -> np.ndarray:
    """Convert grey values to raw values: the inverse of `stretch`, to half a grey step.

    A value beyond a limit becomes the limit; a pixel that was not measured, the lower one.

    Args:
      grey: [H, W] or [H, W, C], any dtype.
      limits: raw values of black and white, band after band, as `stretch` gave them and `Scene.stretch` keeps them.
      white: the grey value of white; None: the greatest of grey's dtype. For a model's output in [-1, 1], give
        (output + 1) / 2 and 1.

    Returns:
      float64, the same shape.
    """
    white = np.iinfo(grey.dtype).max if white is None else white
    low, high = np.reshape(limits, (-1, 2)).T
    if grey.ndim == 2:
        low, high = low[0], high[0]
    return low + grey / white * (high - low)
