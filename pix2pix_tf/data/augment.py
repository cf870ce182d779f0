"""Random changes to a training sample, each a function of a seed, so that every epoch can be had again."""

import tensorflow as tf

CATEGORICAL = ("zones", "fronts")  # roles whose values are classes: never interpolated


def random_jitter(images: dict[str, tf.Tensor], seed: tf.Tensor, scale: float, mirror: bool) -> dict[str, tf.Tensor]:
    """Enlarges a sample, crops it back at a random place, and mirrors it half of the time (Isola et al. 2017, 6.2).

    Args:
      images: for each role float32 [H, W, C], [-1, 1]; all are changed alike.
      seed: int32 [2].
      scale: by how much to enlarge; 286 / 256 in the paper, 1 for not at all.
      mirror: whether to mirror left and right at random.

    Returns:
      The same roles, shapes and ranges.
    """
    place, flip = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    size = tf.shape(next(iter(images.values())))[:2]
    large = tf.cast(tf.round(tf.cast(size, tf.float32) * scale), tf.int32)
    offset = tf.cast(tf.random.stateless_uniform([2], place) * tf.cast(large - size + 1, tf.float32), tf.int32)
    mirrored = tf.logical_and(mirror, tf.random.stateless_uniform([], flip) < 0.5)

    def change(role: str, image: tf.Tensor) -> tf.Tensor:
        if scale != 1.0:
            # Cubic keeps more of the speckle's contrast than linear interpolation does.
            method = "nearest" if role in CATEGORICAL else "bicubic"
            image = tf.clip_by_value(tf.image.resize(image, large, method), -1.0, 1.0)
            image = tf.slice(image, [offset[0], offset[1], 0], [size[0], size[1], -1])
        return tf.cond(mirrored, lambda: image[:, ::-1], lambda: image)

    return {role: tf.ensure_shape(change(role, image), image.shape) for role, image in images.items()}
