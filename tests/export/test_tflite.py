"""Exports on small devices: TensorFlow Lite's converter takes them, and its interpreter gives the same images."""

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.data.classes import ZONE_VALUES
from pix2pix_tf.export import saved_model
from tests.helpers import SIZE


@pytest.mark.long
@pytest.mark.parametrize(
    ("run", "signature"), [("tiny_run", "tensor"), ("speckle_run", "styled"), ("zones_run", "tensor")]
)
def test_it_converts_and_gives_the_same_image(run, signature, request, rng):
    model = saved_model.load(request.getfixturevalue(run))
    converter = tf.lite.TFLiteConverter.from_saved_model(str(model.folder), signature_keys=[signature])
    # The loop over images of instance normalisation needs TensorFlow's own operations.
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    converted = converter.convert()
    function = model.signatures[signature]
    values = {
        "image": rng.choice(np.array(ZONE_VALUES, np.uint8), (1, SIZE, SIZE, 1)),
        "seed": np.array([5], np.int32),
        "origin": np.array([[64, 32]], np.int32),
    }
    if "style_vector" in function.structured_input_signature[1]:
        length = function.structured_input_signature[1]["style_vector"].shape[1]
        values["style_vector"] = rng.normal(size=(1, length)).astype(np.float32)
    given = {name: values[name] for name in function.structured_input_signature[1]}
    expected = function(**{name: tf.constant(value) for name, value in given.items()})["output"].numpy()
    assert expected.std() > 0.01
    try:
        output = tf.lite.Interpreter(model_content=converted).get_signature_runner(signature)(**given)["output"]
    except RuntimeError as error:
        if "Flex delegate" not in str(error):
            raise
        pytest.skip("the interpreter of this TensorFlow wheel lacks TensorFlow's own operations (Flex)")
    np.testing.assert_allclose(output, expected, atol=1e-4)
