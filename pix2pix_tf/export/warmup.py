"""Warm-up requests: what TF Serving asks of a version that it has just loaded, before anybody else may.

The first request to a model takes many times as long as the second, because TensorFlow sets much up only then. The
records lie in the export as TF Serving wants them: a TFRecord of PredictionLog. It refuses a version whose records do
not fit its signatures, so they are made from the signatures' own types.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

FILE = "assets.extra/tf_serving_warmup_requests"

Inputs = Mapping[str, np.ndarray | Sequence[bytes]]  # by name; lists of bytes for strings


def write(version: Path, requests: Mapping[str, Inputs], specs: Mapping[str, Sequence[tf.TensorSpec]]) -> None:
    """Writes one request for each signature into an export.

    Args:
      version: the export's folder.
      requests: by signature.
      specs: the signatures' arguments, with their names and types.
    """
    (version / FILE).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(version / FILE)) as records:
        for signature, inputs in requests.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = version.parent.name, signature
            for spec in specs[signature]:
                request.inputs[spec.name].CopyFrom(tf.make_tensor_proto(inputs[spec.name], spec.dtype))
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            records.write(log.SerializeToString())


def read(version: Path) -> list[tuple[str, dict[str, np.ndarray | list[bytes]]]]:
    """The requests in an export, each with its signature; none where there are none.

    Raises:
      tf.errors.DataLossError: the file is damaged.
    """
    if not (version / FILE).exists():
        return []
    found = []
    for record in tf.data.TFRecordDataset(str(version / FILE)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        arrays = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        inputs = {name: array.tolist() if array.dtype == object else array for name, array in arrays.items()}
        found.append((request.model_spec.signature_name, inputs))
    return found
