"""Filters out cloudy targets, which show no ground to learn from (Cheng et al. 2022, arXiv 2206.13042)."""

from collections.abc import Iterable
from dataclasses import replace

from pix2pix_tf.data import validation
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.utils.errors import UserError


def without_clouds(dataset: Dataset, max_cloud: float) -> Dataset:
    """Remove the samples whose targets have more cloud cover than a limit, and print their number.

    Args:
      dataset: loaded.
      max_cloud: largest cloud cover of a target that is kept, 0 to 1; 1 keeps all, even with unknown cloud cover.

    Raises:
      UserError: the cloud cover of samples is unknown, or no sample is left in a split.
    """
    if max_cloud >= 1:
        return dataset
    unknown = unscored(dataset, (stem for stems in dataset.stems.values() for stem in stems))
    if unknown:
        raise UserError(
            f"data.max_cloud={max_cloud:g} needs the cloud cover of every target, and {dataset.root}/dataset.json "
            f"has none for {len(unknown)}: {validation.abbreviate(unknown)}. Compute it by a classifier: python -m "
            f"pix2pix_tf.prepare score-clouds --model PATH --data {dataset.root}. Or keep all targets: train.py --set "
            "data.max_cloud=1, evaluate.py --max-cloud 1."
        )
    cloud = cloud_covers(dataset)
    kept = {split: tuple(stem for stem in stems if cloud[stem] <= max_cloud) for split, stems in dataset.stems.items()}
    for split, stems in dataset.stems.items():
        if not kept[split]:
            least = min(cloud[stem] for stem in stems)
            raise UserError(
                f"data.max_cloud={max_cloud:g} leaves nothing of {split} in {dataset.root}: the clearest of its "
                f"{len(stems)} targets has {least:.3f}. Allow more cloud."
            )
        dropped = len(stems) - len(kept[split])
        print(f"{split}: {dropped} of {len(stems)} targets left out, which have more than {100 * max_cloud:g} % cloud")
    return replace(dataset, stems=kept)


def unscored(dataset: Dataset, stems: Iterable[str]) -> list[str]:
    """Return the samples with unknown cloud cover, in order."""
    known = cloud_covers(dataset)
    return [stem for stem in stems if stem not in known]


def cloud_covers(dataset: Dataset) -> dict[str, float]:
    """Return the cloud cover, 0 to 1, of each sample for which it is known."""
    return {stem: pairing.cloud for stem, pairing in dataset.pairs.items() if pairing.cloud is not None}
