"""Data sets as a training sees them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix_tf import config
from pix2pix_tf.data import loading
from pix2pix_tf.data.cloud_filter import without_clouds
from pix2pix_tf.data.dataset import SPLITS
from pix2pix_tf.utils.errors import did_you_mean

if TYPE_CHECKING:
    import tensorflow as tf


def load_dataset(
    path: str | Path, split: str = "train", variant: str = "speckle", options: Mapping[str, object] | None = None
) -> "tf.data.Dataset":
    """Return the batches of a data set as `train.py` sees them.

    Args:
      path: a data set from `python -m pix2pix_tf.prepare`.
      split: "train" gives endless batches, shuffled and augmented (`.take(n)` ends them); "val" and "test" each patch
        once, in order, as it is.
      variant: of the training, such as "speckle", "gen5" or "zones": it chooses roles and augmentation.
      options: further options of `train.py --set`, such as {"train.batch_size": 8, "data.flip": 0}.

    Returns:
      Dictionaries of tensors: `input` and `target`, float32 [N, H, W, C], [-1, 1], zones one-hot; `seed` and `index`,
      and others by the variant (`data/pipeline.py` lists them).

    Raises:
      UserError: no such data set, split, variant or option, or files that are not as the variant needs them.

    >>> for batch in load_dataset("datasets/mine", options={"train.batch_size": 4}).take(1):
    ...     print(batch["input"].shape, batch["target"].shape)
    (4, 32, 32, 4) (4, 32, 32, 1)
    """
    if split not in SPLITS:
        raise did_you_mean("split", str(split), SPLITS)
    joined = {key: ",".join(map(str, v)) if isinstance(v, list | tuple) else v for key, v in (options or {}).items()}
    overrides = [f"{key}={value}" for key, value in joined.items()]
    chosen = config.make_config(variant, overrides)
    roles = tuple(dict.fromkeys(chosen.data.inputs + chosen.data.targets))
    splits = ("train", split) if chosen.data.condition and split != "train" else (split,)
    loaded = loading.load_dataset(Path(path), roles, splits, option="the path")
    loaded = without_clouds(loaded, chosen.data.max_cloud)

    from pix2pix_tf.data import pipeline  # TensorFlow: seconds, after all checks

    if split == "train":
        return pipeline.training_batches(loaded, chosen)
    return pipeline.fixed_batches(loaded, chosen, split, loaded.stems[split], chosen.train.batch_size)
