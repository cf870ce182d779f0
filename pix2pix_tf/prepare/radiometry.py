"""Tell linear power, amplitude and decibels apart, and convert them to amplitude.

Grey values of SAR images are proportional to amplitude in this project, as in CaFFe and in the simulation: the realism
metrics take decibels and looks from them. Power P, amplitude A and decibels D of one pixel: A = sqrt(P) = 10 ** (D/20).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pix2pix_tf.data.io.limits import BadImage

KINDS = ("power", "amplitude", "db")
NAMES = {"power": "linear power", "amplitude": "amplitude", "db": "decibels"}
WORDS = {  # in a band's unit or description, or in the values of the file's tags
    "db": re.compile(r"(?<![a-z])(db|decibels?)(?![a-z])", re.IGNORECASE),
    "amplitude": re.compile(r"amplitude", re.IGNORECASE),
    "power": re.compile(r"intensity|power", re.IGNORECASE),
}
NEGATIVE = 0.01  # share of the pixels above which negative numbers are no noise around 0
MOSTLY = 0.5  # share of negative numbers that no power has, not even after its noise is subtracted
CURE = "say what they are with --radiometry power, amplitude or db"
LOWEST, HIGHEST = -100.0, 60.0  # decibels; no backscatter coefficient lies outside
CALIBRATED = 10.0  # backscatter coefficients, as power or amplitude, hardly exceed it
SKEWNESS = {True: 1.0, False: 1.5}  # of calibrated and other numbers, above which they are power; see `classify`
DOUBTFUL = (0.8, 2.0)  # skewness that amplitude of dark and bright zones has, and power of several looks
BRIGHTEST = 99.9  # percentile above which single strong reflectors are left out of the skewness


@dataclass(frozen=True)
class Radiometry:
    """What the numbers of a SAR image are."""

    kind: str  # one of KINDS
    reason: str  # for the user
    certain: bool = True  # False: told by the shape of the distribution alone


def classify(sample: np.ndarray, is_whole: bool, texts: Iterable[str], given: str | None = None) -> Radiometry:
    """Tell what the numbers of a SAR image are.

    Speckle makes power more skewed than amplitude: of one look, 2.0 and 0.6 without texture. Sentinel-1 images of
    forest, 10 m, have 1.4 to 1.7 and 0.6 to 0.8; CaFFe's (amplitude) have a median of 0.9, and 19 of 20 are below 1.8.
    Whole numbers are amplitudes, as the digital numbers of Sentinel-1 GRD are.

    Args:
      sample: float [N], finite pixels.
      is_whole: the numbers are whole ones, and no scale of the file makes others of them.
      texts: the units, descriptions and tags of the file, searched for WORDS.
      given: the kind that the user names; it counts more than all else.

    Raises:
      BadImage: the numbers are none of the three, or contradict what the user or the file says.
    """
    if given:
        _check_power(sample, given, "--radiometry power")
        return Radiometry(given, "--radiometry")
    for text in texts:
        for kind, words in WORDS.items():
            if found := words.search(text):
                said = f"the file says {found[0]}"
                if kind == "amplitude" and (sample < 0).mean() > NEGATIVE:
                    raise BadImage(f"{said}, but {_share_below_0(sample)}: {CURE}")
                _check_power(sample, kind, said)
                if kind == "db" and sample.min() >= 0 and sample.max() < CALIBRATED:
                    raise BadImage(f"{said}, but its numbers are {sample.min():.4g} to {sample.max():.4g}: {CURE}")
                return Radiometry(kind, said)
    low, high = float(sample.min()), float(sample.max())
    if (sample < 0).mean() > NEGATIVE:
        if low < LOWEST or high > HIGHEST:
            raise BadImage(
                f"numbers from {low:.4g} to {high:.4g}, which are neither power nor amplitude nor decibels (name what "
                "stands for no data with --nodata, or take them as they are with --radiometry amplitude)"
            )
        return Radiometry("db", "negative numbers")
    if is_whole:
        return Radiometry("amplitude", "whole numbers")
    rest = sample[sample <= np.percentile(sample, BRIGHTEST)]
    limit = SKEWNESS[bool(rest.max() < CALIBRATED)]
    deviation = rest.std()
    skewness = float(np.mean((rest - rest.mean()) ** 3) / deviation**3) if deviation > 0 else 0.0
    kind = "power" if skewness > limit else "amplitude"
    doubt = "; a guess: name it with --radiometry" if DOUBTFUL[0] < skewness < DOUBTFUL[1] else ""
    return Radiometry(kind, f"skewness {skewness:.1f}, power has more than {limit:g}{doubt}", certain=False)


def _check_power(sample: np.ndarray, kind: str, said: str) -> None:
    """Reject numbers that are called power and are mostly below 0, where no noise of a subtraction leaves them."""
    if kind == "power" and (sample < 0).mean() > MOSTLY:
        raise BadImage(f"{said}, but {_share_below_0(sample)}: {CURE}")


def _share_below_0(sample: np.ndarray) -> str:
    return f"{(sample < 0).mean():.0%} of its numbers are negative"


def to_amplitude(values: np.ndarray, kind: str) -> np.ndarray:
    """Convert the numbers of a SAR image to amplitude.

    Args:
      values: float, any shape.
      kind: one of KINDS.

    Returns:
      The same shape and dtype; power below 0, which noise subtraction leaves, becomes 0.
    """
    if kind == "power":
        return np.sqrt(np.maximum(values, 0))
    if kind == "db":
        return np.exp(values * (np.log(10) / 20)).astype(values.dtype, copy=False)
    return values
