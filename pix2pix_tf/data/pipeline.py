"""From patch PNGs to batches, through tf.data.

What an epoch shows is a function of (seed, epoch, index) alone: the order is a pseudo-random permutation that can be
entered anywhere, and every random change is stateless. So a training that starts again at step n sees what it would
have seen, and memory holds the list of names, not the data. Reading, decoding and jitter of a 256 x 256 pair take some
2 ms together (benchmarks/speed/pipeline.py); the operating system caches the files.
"""

from collections.abc import Sequence

import tensorflow as tf

from pix2pix_tf.config import Config
from pix2pix_tf.data import augmentation, conditions, encoding, targets, validation
from pix2pix_tf.data.cloud_filter import shares_of, unscored
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.utils.errors import UserError

# A batch: input float32 [N, H, W, C] and target float32 [N, H, W, C'], [-1, 1], zones one-hot; seed int32 [N], the
# images' noise; index int64 [N], places in dataset.stems; in training, epoch int64 [N], from 0; where fronts are to be
# found, weight float32 [N, H, W, 1]; where clouds are to be told, cloudy float32 [N, 1], 0 or 1, and no target. What a
# generator is told beside its input stands in the last channels of `input`, the same all over an image.
Batch = dict[str, tf.Tensor]

# Patches at least that are validated, or shown, together: one by one, as pix2pix trains, they take twice as long. More
# are no faster, and at 512 pixels a side eight already take more memory than a step at batch 1.
TOGETHER = 8

# Steps whose batches wait ready. tf.data's own choice (AUTOTUNE) doubles them whenever a step finds none, and never
# takes that back: after eight bursts of 60 steps 69 batches waited, each of 1.3 MB where patches are 256 pixels wide.
AHEAD = 4


def steps_per_epoch(dataset: Dataset, config: Config) -> int:
    """Whole batches in the training patches; which patches are left over changes with each epoch.

    Args:
      dataset: opened, with the split "train".
      config: gives the batch size.

    Raises:
      UserError: fewer patches than one batch.
    """
    patches, batch_size = len(dataset.stems["train"]), config.train.batch_size
    if patches < batch_size:
        raise UserError(
            f"{dataset.root} has {patches} training patches, fewer than one batch of {batch_size}; "
            "set a smaller train.batch_size."
        )
    return patches // batch_size


def training_batches(
    dataset: Dataset, config: Config, first_step: int = 0, worker: int = 0, workers: int = 1, devices: int = 1
) -> tf.data.Dataset:
    """Endless batches in shuffled order with random changes, from any step on.

    Several devices share a batch: of 8 images on 4 devices of 2 workers, worker 0 gets images 0 and 1, then 2 and 3,
    worker 1 gets 4 and 5, then 6 and 7. An image is the same, whoever gets it.

    Args:
      dataset: opened, with the roles of `config.data` in its "train" split.
      config: gives roles, batch size, random changes and seed.
      first_step: steps of this training that are already done.
      worker: whose part of each batch.
      workers: among whom each batch is dealt out.
      devices: of all workers together; the batch size must divide by them.

    Returns:
      A tf.data.Dataset of Batch, for each step as many as the worker has devices.
    """
    patches, batch_size = len(dataset.stems["train"]), config.train.batch_size
    shown = steps_per_epoch(dataset, config) * batch_size  # patches an epoch
    stems = dataset.stems["train"]
    paths, clouds = _paths(dataset, config, "train", stems), _clouds(dataset, config, stems)
    told = _conditions(dataset, config, stems)
    part = batch_size // workers

    def sample(number: tf.Tensor) -> Batch:
        position = number // part * batch_size + worker * part + number % part  # in the whole training
        epoch, place = position // shown, position % shown
        key = tf.stack([tf.constant(config.train.seed, tf.int64), epoch])
        index = tf.random.experimental.index_shuffle(place, key, patches - 1)
        changes, noise = tf.unstack(
            tf.random.experimental.stateless_split(tf.random.experimental.stateless_fold_in(key, index), 2)
        )
        images = _load(dataset, config, paths, index)
        images = augmentation.augment(images, changes, config.data)
        seed = tf.random.stateless_uniform([], noise, minval=None, maxval=None, dtype=tf.int32)
        condition = [] if told is None else [_hidden(told[index], noise, config.data.condition_dropout)]
        return _sample(images, config, seed, index, condition) | {"epoch": epoch} | _label(clouds, index)

    numbers = tf.data.Dataset.range(first_step * part, tf.int64.max // workers)  # of the worker's own samples
    samples = numbers.map(sample, tf.data.AUTOTUNE, deterministic=True)
    batches = samples.batch(batch_size // devices, drop_remainder=True)
    return batches.prefetch(AHEAD * max(1, devices // workers))


def fixed_batches(
    dataset: Dataset, config: Config, split: str, stems: tuple[str, ...], batch_size: int
) -> tf.data.Dataset:
    """Batches in the given order, unchanged; an image's seed is its place.

    Args:
      dataset: opened, with the roles of `config.data` in this split.
      config: gives the roles.
      split: such as "val".
      stems: which patches.
      batch_size: the last batch may be smaller.

    Returns:
      A tf.data.Dataset of Batch.
    """
    paths, clouds = _paths(dataset, config, split, stems), _clouds(dataset, config, stems)
    told = _conditions(dataset, config, stems)

    def sample(index: tf.Tensor) -> Batch:
        images = _load(dataset, config, paths, index)
        condition = [] if told is None else [told[index]]
        return _sample(images, config, tf.cast(index, tf.int32), index, condition) | _label(clouds, index)

    places = tf.data.Dataset.range(len(stems))
    return places.map(sample, tf.data.AUTOTUNE, deterministic=True).batch(batch_size).prefetch(AHEAD)


def _paths(dataset: Dataset, config: Config, split: str, stems: tuple[str, ...]) -> dict[str, tf.Tensor]:
    """The files of each role, string [n], in the order of the samples."""
    roles = dict.fromkeys(config.data.inputs + config.data.targets)
    return {role: tf.constant([str(dataset.path(split, role, stem)) for stem in stems]) for role in roles}


def _load(dataset: Dataset, config: Config, paths: dict[str, tf.Tensor], index: tf.Tensor) -> dict[str, tf.Tensor]:
    """Reads one sample's roles: float32 [size, size, C], [-1, 1]."""
    images = {}
    for role, path in paths.items():
        pixels = encoding.decode_png(tf.io.read_file(path[index]), role, dataset.bits[role])
        pixels = tf.ensure_shape(pixels, [dataset.size, dataset.size, None])
        images[role] = encoding.encode(pixels, role, config.data.mask)
    if config.data.targets == ("fronts",):
        # The published CaFFe code dilates whole scenes before it cuts them. Here each patch is dilated alone, so its
        # outermost 2 pixels may differ: a front of the neighbouring patch does not reach into this one.
        images["fronts"] = targets.dilate(images["fronts"], config.data.front_width)
    return images


def _sample(
    images: dict[str, tf.Tensor], config: Config, seed: tf.Tensor, index: tf.Tensor, condition: Sequence[tf.Tensor]
) -> Batch:
    sample = {"seed": seed, "index": index}
    for name, roles in (("input", config.data.inputs), ("target", config.data.targets)):
        if roles:
            sample[name] = tf.concat([images[role] for role in roles], axis=-1)
    for told in condition:
        sample["input"] = encoding.join_condition(sample["input"], told)
    if config.data.targets == ("fronts",):
        sample["weight"] = targets.distance_weights(images["fronts"], config.loss)
    return sample


def _conditions(dataset: Dataset, config: Config, stems: tuple[str, ...]) -> tf.Tensor | None:
    """What the generator is told of each patch, float32 [n, K], 0 or 1; None where it is told nothing."""
    known = conditions.vocabulary(dataset, config.data.condition)
    texts = [conditions.text_of(dataset, known, stem) for stem in stems]
    return encoding.encode_condition(tf.constant(texts), known) if known else None


def _hidden(told: tf.Tensor, noise: tf.Tensor, probability: float) -> tf.Tensor:
    """A condition, or zeros in its place as if none were told."""
    drawn = tf.random.stateless_uniform([], tf.random.experimental.stateless_fold_in(noise, 1))
    return tf.where(drawn < probability, tf.zeros_like(told), told)


def _clouds(dataset: Dataset, config: Config, stems: tuple[str, ...]) -> tf.Tensor | None:
    """Whether each patch is cloudy, float32 [n, 1], 0 or 1; None where that is not asked for."""
    if config.model.network != "vgg":
        return None
    if unknown := unscored(dataset, stems):
        raise UserError(
            f"{dataset.root}/dataset.json does not say how cloudy {validation.abbreviate(unknown)} are. Write rows "
            "with `cloud`, or prepare data that have it: python -m pix2pix_tf.prepare multiearth, or simulate."
        )
    shares = shares_of(dataset)
    return tf.constant([[float(shares[stem] > config.data.cloudy)] for stem in stems])


def _label(clouds: tf.Tensor | None, index: tf.Tensor) -> Batch:
    return {} if clouds is None else {"cloudy": clouds[index]}
