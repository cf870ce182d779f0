import numpy as np
import pytest
import tensorflow as tf

from conftest import SIZE, TINY, UNET
from pix2pix_tf import config, precision
from pix2pix_tf.tasks import make_task

NETWORKS = [
    ("orig", TINY, "mixed_bfloat16"),
    ("orig", TINY, "mixed_float16"),
    ("gen5", [*TINY, "model.norm=batch"], "mixed_bfloat16"),
    ("spade", [*TINY, "model.spade_width=8"], "mixed_bfloat16"),
    ("orig", [*TINY, "model.upsampling=resized", "model.generator_kernel=3"], "mixed_bfloat16"),
    ("zones", UNET, "mixed_bfloat16"),
    ("fronts", UNET, "mixed_bfloat16"),
    ("clouds", ["model.vgg_width=4"], "mixed_bfloat16"),
]
SIDE = 2 * SIZE  # pixels, so that the innermost map has room for `resized`
BITS = {"zones": 8, "sar": 8, "fronts": 8, "optical": 8}


def trained_task(variant, overrides, computed_in):
    tf.keras.utils.set_random_seed(1)
    task = make_task(config.make_config(variant, overrides), SIDE, BITS, computed_in)
    random = np.random.default_rng(1)
    for variable in task.exported.trainable_variables:  # biases and scales are to count, too
        variable.assign(random.normal(variable, 0.05))
    return task


def answers(task, network):
    tensor, specs = task.signatures(network)["tensor"]
    pixels = np.random.default_rng(2).choice(np.array([0, 64, 127, 254]), (2, SIDE, SIDE, specs[0].shape[-1]))
    with tf.device("CPU"):
        return {name: value.numpy() for name, value in tensor(tf.cast(pixels, tf.uint8), tf.constant([3, 4])).items()}


@pytest.mark.parametrize(("variant", "overrides", "computed_in"), NETWORKS)
def test_the_twin_for_exports_answers_to_the_bit_as_the_network(variant, overrides, computed_in):
    task = trained_task(variant, overrides, computed_in)
    twin = precision.kept_as_computed(task.exported)
    wanted, found = answers(task, None), answers(task, twin)
    assert wanted.keys() == found.keys()
    for name, value in wanted.items():
        assert np.ptp(value) > 0
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_its_kernels_take_half_the_bytes_and_all_else_is_the_networks_own():
    task = trained_task("orig", TINY, "mixed_bfloat16")
    twin = precision.kept_as_computed(task.exported)
    kernels = [layer for layer in twin.layers if isinstance(layer, precision.KERNELS)]
    assert {tf.as_dtype(weight.dtype) for layer in kernels for weight in layer.weights} == {tf.bfloat16}
    others = [layer for layer in twin.layers if layer.weights and layer not in kernels]
    assert others
    assert all(layer is task.exported.get_layer(layer.name) for layer in others)
    assert len(kernels) == sum(isinstance(layer, precision.KERNELS) for layer in task.exported.layers)


def test_a_network_of_one_precision_keeps_its_weights():
    task = trained_task("orig", TINY, "float32")
    twin = precision.kept_as_computed(task.exported)
    assert all(layer is task.exported.get_layer(layer.name) for layer in twin.layers if layer.weights)


def test_training_on_leaves_what_was_exported_alone():
    task = trained_task("orig", TINY, "mixed_bfloat16")
    twin = precision.kept_as_computed(task.exported)
    before = [layer.get_weights() for layer in twin.layers if isinstance(layer, precision.KERNELS)]
    for variable in task.generator_variables:
        variable.assign_add(tf.ones_like(variable))
    after = [layer.get_weights() for layer in twin.layers if isinstance(layer, precision.KERNELS)]
    for old, new in zip(before, after, strict=True):
        for one, other in zip(old, new, strict=True):
            np.testing.assert_array_equal(one, other)
