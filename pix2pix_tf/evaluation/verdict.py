"""The first sentences of a report: which run is best, by what, and how sure that is."""

from collections.abc import Mapping, Sequence

import numpy as np

from pix2pix_tf.evaluation.tables import with_interval
from pix2pix_tf.metrics.statistics import confidence_interval


def verdict(
    values: Mapping[str, Sequence[float] | np.ndarray],
    measure: str,
    digits: int,
    things: str = "images",
    lower_is_better: bool = False,
) -> str:
    """Name the best, and compare it with the second best on the same images.

    The difference is that of each image, so that what makes an image hard for all does not count. It says nothing of
    another training of the same run.

    Args:
      values: name -> float [n], one for each image, in the same order; NaN where an image has none.
      measure: in words, such as SSIM, with its unit.
      digits: behind the point.
      things: that have a value each.
      lower_is_better: as of a distance.

    Returns:
      Markdown of one or two sentences; "" without a value that all have.
    """
    names = list(values)
    table = np.array([values[name] for name in names], np.float64)
    table = table[:, ~np.isnan(table).any(axis=0)]
    if not table.size:
        return ""
    order = np.argsort((1 if lower_is_better else -1) * table.mean(axis=1), kind="stable")
    best = order[0]
    mean = with_interval(*confidence_interval(table[best]), digits)
    count, one = table.shape[1], things.removesuffix("s")
    on = f"{count} {things}" if count > 1 else f"1 {one}"
    if len(names) == 1:
        return f"**`{names[best]}`: {measure} {mean}**, the mean of {on}."
    second = order[1]
    first = f"**`{names[best]}` is best by {measure}: {mean}**, the mean of {on}."
    lead, half = confidence_interval(table[best] - table[second])
    behind = f"{first} `{names[second]}` follows {with_interval(abs(lead), half, digits)} behind on the same"
    if half is None:
        return f"{behind} {one}; one {one} cannot decide between them."
    if abs(lead) <= half:
        return f"{behind} {things}: **the two cannot be told apart.**"
    return f"{behind} {things}, which is more than chance explains; another training may still turn out otherwise."
