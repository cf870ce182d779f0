"""What is said of a data set made from MultiEarth files: counts, pairs, stretches, gaps, clouds."""

from collections import Counter
from collections.abc import Mapping, Sequence

from pix2pix_tf.data import validation
from pix2pix_tf.data.cloud_filter import unscored
from pix2pix_tf.data.dataset import SPLITS, Dataset
from pix2pix_tf.prepare.multiearth.files import CLOUD_MASK, OPTICAL, Pair, Picture
from pix2pix_tf.prepare.multiearth.survey import SceneInfo, Settings

SHOWN = 0.1  # of a target under cloud: how many have more is told


def report(
    pairs: Sequence[Pair],
    found: Mapping[str, SceneInfo],
    where: Mapping[str, str],
    described: Dataset,
    settings: Settings,
) -> None:
    """Prints what the data set holds.

    Args:
      pairs: targets and inputs.
      found: all pictures of the pairs, by name.
      where: the split of each patch.
      described: the data set.
      settings: what it was made with.
    """
    images, places = len({pair.sar.name for pair in pairs}), len({pair.sar.place for pair in pairs})
    print(
        f"{images} SAR images and {len(pairs)} optical targets, places: {places}; patches of {settings.size} x "
        f"{settings.size} pixels: {', '.join(described.bits)}"
    )
    print("split   places  inputs  targets")
    for split in SPLITS:
        targets = [stem for stem in described.pairs if where[stem] == split]
        if targets:
            inputs = {described.pairs[stem].input for stem in targets}
            inside = {one.picture.place for one in found.values() if any(where[stem] == split for stem in one.stems)}
            print(f"{split:<8}{len(inside):>6}{len(inputs):>8}{len(targets):>9}")
    apart = Counter(pair.days for pair in pairs)
    print("days between target and input: " + ", ".join(f"{days} ({n} x)" for days, n in sorted(apart.items())))
    _say_stretch(described, settings)
    gaps = [one for one in found.values() if one.not_measured]
    if gaps:
        total, listed = sum(one.not_measured for one in gaps), validation.abbreviate([one.picture.name for one in gaps])
        print(f"{total} pixels were NaN, infinite, zero-filled or no data and became 0: {listed}")
    _say_clouds(found, described)


def _say_stretch(described: Dataset, settings: Settings) -> None:
    for role, bits in described.bits.items():
        if role in settings.limits:
            low, high = settings.limits[role]
            print(f"{role}: stretched to {bits} bit, {low:g} became black and {high:g} white")
        elif settings.cut:
            low, high = settings.cut
            print(f"{role}: stretched to {bits} bit, percentiles {low:g} to {high:g} of each picture and band")
        else:
            print(f"{role}: kept as it is, {bits} bit")


def _say_clouds(found: Mapping[str, SceneInfo], described: Dataset) -> None:
    masked = [one for one in found.values() if one.cloud is not None]
    cloudy = [stem for stem, row in described.pairs.items() if (row.cloud or 0) > SHOWN]
    unknown = unscored(described, described.pairs)
    if len(unknown) < len(described.pairs):
        scored = len(described.pairs) - len(unknown)
        print(f"{CLOUD_MASK} tells the share of cloud of {scored} targets; {len(cloudy)} have more than {SHOWN:.0%}")
    elif masked:
        print(
            f"{CLOUD_MASK} marks no cloud in any of {len(masked)} pictures. That is taken for a mask that was never "
            "filled, not for a clear sky"
        )
    if unknown:
        print(
            f"the share of cloud of {len(unknown)} targets is not known; a classifier can find it: python -m "
            f"pix2pix_tf.prepare score-clouds --model PATH --data {described.root}"
        )


def say_unused(sar: Sequence[Picture], optical: Sequence[Picture], pairs: Sequence[Pair], days: int) -> None:
    """Says which pictures are in no pair.

    Args:
      sar: all that are whole.
      optical: likewise.
      pairs: targets and inputs.
      days: that may lie between the two.
    """
    used = {picture.name for pair in pairs for picture in (pair.sar, pair.optical)}
    for pictures in (sar, optical):
        unused = [picture.name for picture in pictures if picture.name not in used]
        if unused and pictures[0].sensor == OPTICAL:
            reason = f"optical pictures have no SAR image of their place within {days} days"
        elif unused:
            reason = f"SAR images are not the nearest of any optical picture within {days} days"
        if unused:
            print(f"{len(unused)} of {len(pictures)} {reason}, and are left out: {validation.abbreviate(unused)}")
