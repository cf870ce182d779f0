import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf import config
from pix2pix_tf.export import saved_model
from pix2pix_tf.models import layers
from pix2pix_tf.training import precision
from pix2pix_tf.training.tasks import make_task
from pix2pix_tf.utils import tf_compat
from tests.helpers import SIZE, TINY, UNET

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


def trained_network(variant, overrides, dtype_policy):
    tf.keras.utils.set_random_seed(1)
    task = make_task(config.make_config(variant, overrides), SIDE, BITS, dtype_policy)
    network = next(iter(task.modules().values()))
    random = np.random.default_rng(1)
    for variable in network.trainable_variables:  # biases and scales are to count, too
        variable.assign(random.normal(variable, 0.05))
    return network


def output_of(network):
    image = tf.random.stateless_uniform([2, SIDE, SIDE, network.inputs[0].shape[-1]], [5, 6], -1)
    return network([image, tf.constant([3, 4])], training=False).numpy()


@pytest.mark.parametrize(("variant", "overrides", "dtype_policy"), NETWORKS)
def test_the_copy_for_exports_has_the_networks_outputs_to_the_bit(variant, overrides, dtype_policy):
    network = trained_network(variant, overrides, dtype_policy)
    expected = output_of(network)
    assert np.ptp(expected) > 0
    np.testing.assert_array_equal(output_of(precision.cast_for_inference(network)), expected)


def test_its_kernels_take_half_the_bytes_and_its_norms_stay_as_they_are():
    copy = precision.cast_for_inference(trained_network("orig", TINY, "mixed_bfloat16"))
    for layer in copy.layers:
        kept = tf.bfloat16 if isinstance(layer, precision.LAYERS_WITH_KERNELS) else tf.float32
        assert {tf.as_dtype(weight.dtype) for weight in layer.weights} <= {kept}
    assert any(isinstance(layer, precision.LAYERS_WITH_KERNELS) for layer in copy.layers)


@pytest.mark.parametrize(("variant", "overrides", "dtype_policy"), [NETWORKS[1], NETWORKS[3], NETWORKS[5]])
def test_the_copy_may_compute_in_float32_with_kernels_of_half_the_bytes(variant, overrides, dtype_policy):
    network = trained_network(variant, overrides, dtype_policy)
    copy = precision.cast_for_inference(network, "float32")
    stored = dtype_policy.removeprefix("mixed_")
    exact = trained_network(variant, overrides, "float32")
    for layer, others in zip(copy.layers, exact.layers, strict=True):
        assert layer.compute_dtype == others.compute_dtype
        if isinstance(layer, precision.LAYERS_WITH_KERNELS):
            assert {tf.as_dtype(weight.dtype).name for weight in layer.weights} == {stored}
            for weight in others.weights:  # what is stored is rounded, and nothing else
                weight.assign(tf.cast(tf.cast(tf_compat.unwrapped(weight), stored), "float32"))
    np.testing.assert_allclose(output_of(copy), output_of(exact), atol=2e-5)
    assert np.abs(output_of(copy) - output_of(network)).max() > 2e-4  # which computes in a half precision


@pytest.mark.parametrize("variant", ["orig", "zones", "clouds"])
def test_exports_compute_as_the_option_says(variant):
    task_options = [*TINY, *UNET, "model.vgg_width=4"]
    for chosen, expected in (("auto", {tf.bfloat16}), ("float32", {tf.float32})):
        made = config.make_config(variant, [*task_options, f"train.export_precision={chosen}"])
        function, specs = make_task(made, SIDE, BITS, "mixed_bfloat16").signatures()["tensor"]
        graph = tf.function(function, input_signature=specs).get_concrete_function().graph
        functions = [graph, *(graph._get_function(one).graph for one in graph._functions)]
        convolutions = [one for each in functions for one in each.get_operations() if one.type == "Conv2D"]
        assert {one.outputs[0].dtype for one in convolutions} == expected


def test_the_copy_alone_uses_fixed_size_blocks():
    network = trained_network("orig", TINY, "mixed_bfloat16")
    kinds = layers.Conv2D, layers.Conv2DTranspose
    for model, fixed in ((network, False), (precision.cast_for_inference(network), True)):
        assert {layer.fixed_size_blocks for layer in model.layers if isinstance(layer, kinds)} == {fixed}


def test_further_training_leaves_the_copy_alone():
    network = trained_network("orig", TINY, "mixed_bfloat16")
    copy = precision.cast_for_inference(network)
    before = output_of(copy)
    for variable in network.trainable_variables:
        variable.assign_add(tf.ones_like(variable))
    np.testing.assert_array_equal(output_of(copy), before)


def test_a_copy_that_is_no_longer_used_is_freed():
    network = trained_network("orig", TINY, "mixed_bfloat16")
    layers = [weakref.ref(layer) for layer in precision.cast_for_inference(network).layers if layer.weights]
    gc.collect()
    assert layers
    assert not any(layer() for layer in layers)


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_an_export_holds_each_weight_once(tmp_path, norm):
    chosen = config.make_config("orig", [*TINY, f"model.norm={norm}"])
    task = make_task(chosen, SIZE, BITS, "mixed_bfloat16")
    tensor = task.signatures()["tensor"]
    example = {"image": np.zeros((1, SIZE, SIZE, 1), np.uint8), "seed": np.zeros(1, np.int32)}
    saved_model.write(tmp_path / "1", {"tensor": tensor}, {}, example)
    reader = tf.train.load_checkpoint(str(tmp_path / "1/variables/variables"))
    held = sum(
        np.prod(shape, dtype=int) * reader.get_variable_to_dtype_map()[name].size
        for name, shape in reader.get_variable_to_shape_map().items()
        if not name.startswith("_CHECKPOINTABLE")
    )
    copy = precision.cast_for_inference(task.generator)
    assert held == sum(weight.dtype.size * weight.numpy().size for weight in map(tf_compat.unwrapped, copy.weights))
