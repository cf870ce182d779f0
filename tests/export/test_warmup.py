import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from pix2pix_tf.export import cpp_runtime, saved_model, versions, warmup


def requests(version):
    """The records as TF Serving reads them."""
    records = tf.data.TFRecordDataset(str(version / "assets.extra" / "tf_serving_warmup_requests"))
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records.as_numpy_iterator()]
    assert all(log.WhichOneof("log_type") == "predict_log" for log in logs)
    return {log.predict_log.request.model_spec.signature_name: log.predict_log.request for log in logs}


@pytest.fixture(params=["tiny_run", "zones_run"])
def version(request):
    """A painter's export, and a segmenter's."""
    return versions.find(next((request.getfixturevalue(request.param) / "export").iterdir()))


def test_an_export_has_a_request_of_the_right_types_for_each_signature(version):
    by_signature = requests(version)
    assert set(by_signature) == {"serving_default", "sample", "tensor"}
    with cpp_runtime.load(version) as served:
        for name, request in by_signature.items():
            expected = {key: info.dtype for key, info in served.signatures[name].inputs.items()}
            assert {key: tensor.dtype for key, tensor in request.inputs.items()} == expected
            assert request.model_spec.name == version.parent.name
            assert all(tensor.tensor_shape.dim[0].size == 1 for tensor in request.inputs.values())


def test_the_requests_are_answered(version):
    model = saved_model.load(version)
    with cpp_runtime.load(version) as served:
        for name, inputs in warmup.read(version):
            answer = model.signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
            ours = served.run(name, inputs)
            assert set(ours) == set(answer)
            if name == "tensor":
                np.testing.assert_allclose(ours["output"], answer["output"].numpy(), atol=1e-5)
            else:
                assert ours["output_bytes"] == answer["output_bytes"].numpy().tolist()


def test_a_request_that_the_model_refuses_stops_the_export(tmp_path):
    model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(1)])

    def strict(image):
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(image > 0), ["too small"])]):
            return {"output": model(image)}

    signatures = {"tensor": (strict, [tf.TensorSpec([None, 1], tf.float32, "image")])}
    with pytest.raises(RuntimeError, match="too small"):
        saved_model.write(tmp_path / "1", signatures, {}, {"image": np.zeros((1, 1), np.float32)})
    assert not list(tmp_path.iterdir())


def test_an_export_without_requests_has_none(tmp_path):
    assert warmup.read(tmp_path) == []
