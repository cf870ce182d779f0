"""From patch PNGs to batches, through tf.data.

An epoch's samples are a function of (seed, epoch, index) alone: the order is a pseudo-random permutation that can start
at any place, and every random change is stateless. A training that resumes at step n therefore gets the same batches as
an uninterrupted one, and memory holds the file names instead of the data. Reading, decoding and jitter of a 256 x 256
pair take about 2 ms together (benchmarks/speed/pipeline.py); the operating system caches the files.
"""

from collections.abc import Sequence

import tensorflow as tf

from pix2pix_tf.config import Config
from pix2pix_tf.data import augmentation, conditions, encoding, targets, validation
from pix2pix_tf.data.cloud_filter import cloud_covers, unscored
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.utils.errors import UserError

# A batch:
#   input   float32 [N, H, W, C], [-1, 1], zones one-hot; conditions are its last channels, constant over an image
#   target  float32 [N, H, W, C'], [-1, 1], zones one-hot; absent in cloud classification
#   seed    int32 [N], of the images' noise
#   index   int64 [N], places in dataset.stems
#   epoch   int64 [N], from 0; in training
#   turn    int32 [N], 0 to 7, how the augmentation turned the images (`augmentation.turn`); for network speckle
#   weight  float32 [N, H, W, 1], loss weights; in front segmentation
#   cloudy  float32 [N, 1], 0 or 1; in cloud classification
Batch = dict[str, tf.Tensor]

# Minimum batch size in validation and for snapshots: with batches of 1, as pix2pix trains, these take twice as long.
# Larger batches are no faster, and at 512 pixels a side eight already take more memory than a step at batch 1.
TOGETHER = 8

# Steps to prefetch. AUTOTUNE doubles their number whenever a step has to wait, and never reduces it: after eight bursts
# of 60 steps 69 batches were prefetched, of 1.3 MB each for patches of 256 pixels.
AHEAD = 4


def steps_per_epoch(dataset: Dataset, config: Config) -> int:
    """Return the number of whole batches in an epoch; the patches that are left over differ between epochs.

    Args:
      dataset: loaded, with the split "train".
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
    """Return endless batches in shuffled order with random augmentation, starting at any step.

    Several devices share a batch: of 8 images on 4 devices of 2 workers, worker 0 gets images 0 and 1, then 2 and 3,
    worker 1 gets 4 and 5, then 6 and 7. The images do not depend on this division.

    Args:
      dataset: loaded, with the roles of `config.data` in its "train" split.
      config: its roles, batch size, augmentation and seed.
      first_step: steps of this training that are already done.
      worker: index of this worker, from 0.
      workers: number of workers.
      devices: of all workers together; the batch size must be a multiple of their number.

    Returns:
      A tf.data.Dataset of Batch; each step takes one for each device of the worker.
    """
    stems, batch_size = dataset.stems["train"], config.train.batch_size
    epoch_size = steps_per_epoch(dataset, config) * batch_size  # patches
    paths, clouds = _paths(dataset, config, "train", stems), _clouds(dataset, config, stems)
    vectors = _conditions(dataset, config, stems)
    part = batch_size // workers

    def sample(number: tf.Tensor) -> Batch:
        position = number // part * batch_size + worker * part + number % part  # in the whole training
        epoch, place = position // epoch_size, position % epoch_size
        key = tf.stack([tf.constant(config.train.seed, tf.int64), epoch])
        index = tf.random.experimental.index_shuffle(place, key, len(stems) - 1)
        image_seed = tf.random.experimental.stateless_fold_in(key, index)
        changes, noise = tf.unstack(tf.random.experimental.stateless_split(image_seed, 2))
        images = augmentation.augment(_load(dataset, config, paths, index), changes, config.data)
        seed = tf.random.stateless_uniform([], noise, minval=None, maxval=None, dtype=tf.int32)
        condition = [] if vectors is None else [_dropout(vectors[index], noise, config.data.condition_dropout)]
        batch = _sample(images, config, seed, index, condition) | {"epoch": epoch} | _label(clouds, index)
        return batch | ({"turn": augmentation.turn(changes, config.data)} if config.model.network == "speckle" else {})

    numbers = tf.data.Dataset.range(first_step * part, tf.int64.max // workers)  # of this worker's samples
    samples = numbers.map(sample, tf.data.AUTOTUNE, deterministic=True)
    batches = samples.batch(batch_size // devices, drop_remainder=True)
    return _untuned(batches.prefetch(AHEAD * max(1, devices // workers)))


def fixed_batches(
    dataset: Dataset, config: Config, split: str, stems: tuple[str, ...], batch_size: int
) -> tf.data.Dataset:
    """Return batches in the given order, without augmentation; an image's seed is its place.

    Args:
      dataset: loaded, with the roles of `config.data` in this split.
      config: its roles.
      split: such as "val".
      stems: of the patches.
      batch_size: the last batch may be smaller.

    Returns:
      A tf.data.Dataset of Batch.
    """
    paths, clouds = _paths(dataset, config, split, stems), _clouds(dataset, config, stems)
    vectors = _conditions(dataset, config, stems)

    def sample(index: tf.Tensor) -> Batch:
        images = _load(dataset, config, paths, index)
        condition = [] if vectors is None else [vectors[index]]
        batch = _sample(images, config, tf.cast(index, tf.int32), index, condition) | _label(clouds, index)
        return batch | ({"turn": tf.constant(0)} if config.model.network == "speckle" else {})

    places = tf.data.Dataset.range(len(stems))
    return _untuned(places.map(sample, tf.data.AUTOTUNE, deterministic=True).batch(batch_size).prefetch(AHEAD))


def _untuned(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Keep as many threads as cores: the thread that would tune their number ends up to a minute after the training."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)


def _paths(dataset: Dataset, config: Config, split: str, stems: tuple[str, ...]) -> dict[str, tf.Tensor]:
    """Return the files of each role, string [n], in the order of the samples."""
    roles = dict.fromkeys(config.data.inputs + config.data.targets)
    return {role: tf.constant([str(dataset.path(split, role, stem)) for stem in stems]) for role in roles}


def _load(dataset: Dataset, config: Config, paths: dict[str, tf.Tensor], index: tf.Tensor) -> dict[str, tf.Tensor]:
    """Read one sample; return float32 [size, size, C], [-1, 1], for each role."""
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
    for vector in condition:
        sample["input"] = encoding.join_condition(sample["input"], vector)
    if config.data.targets == ("fronts",):
        sample["weight"] = targets.distance_weights(images["fronts"], config.loss)
    return sample


def _conditions(dataset: Dataset, config: Config, stems: tuple[str, ...]) -> tf.Tensor | None:
    """Return the condition of each patch, float32 [n, K], 0 or 1; None for a network without conditions."""
    known = conditions.vocabulary(dataset, config.data.condition)
    texts = [conditions.condition_text(dataset, known, stem) for stem in stems]
    return encoding.encode_condition(tf.constant(texts), known) if known else None


def _dropout(condition: tf.Tensor, noise: tf.Tensor, probability: float) -> tf.Tensor:
    """Replace a condition by zeros, which mean unknown, with the given probability."""
    drawn = tf.random.stateless_uniform([], tf.random.experimental.stateless_fold_in(noise, 1))
    return tf.where(drawn < probability, tf.zeros_like(condition), condition)


def _clouds(dataset: Dataset, config: Config, stems: tuple[str, ...]) -> tf.Tensor | None:
    """Return 1 for each cloudy patch and 0 for each other, float32 [n, 1]; None for other tasks."""
    if config.model.network != "vgg":
        return None
    if unknown := unscored(dataset, stems):
        raise UserError(
            f"{dataset.root}/dataset.json has no cloud cover of {validation.abbreviate(unknown)}. Write rows with "
            "`cloud`, or prepare data that have it: python -m pix2pix_tf.prepare multiearth, or simulate."
        )
    covers = cloud_covers(dataset)
    return tf.constant([[float(covers[stem] > config.data.cloudy)] for stem in stems])


def _label(clouds: tf.Tensor | None, index: tf.Tensor) -> Batch:
    return {} if clouds is None else {"cloudy": clouds[index]}
