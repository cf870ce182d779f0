"""Warm-up requests, which TF Serving sends to a version that it has just loaded, before any other request.

The first request to a model takes many times as long as the second, because TensorFlow initialises much only then. The
records are in TF Serving's format, a TFRecord of PredictionLog. TF Serving rejects a version whose records do not match
its signatures, so they are written with the signatures' own types.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

FILE = "assets.extra/tf_serving_warmup_requests"

Inputs = Mapping[str, np.ndarray | Sequence[bytes]]  # by name; lists of bytes for strings


def write(version: Path, requests: Mapping[str, Inputs], specs: Mapping[str, Sequence[tf.TensorSpec]]) -> None:
    """Write one request for each signature into an export.

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
    """Read the requests of an export, each with its signature; an empty list if the export has none.

    Raises:
      tf.errors.DataLossError: the file is damaged.
    """
    if not (version / FILE).exists():
        return []
    requests = []
    for record in tf.data.TFRecordDataset(str(version / FILE)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        arrays = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        inputs = {name: array.tolist() if array.dtype == object else array for name, array in arrays.items()}
        requests.append((request.model_spec.signature_name, inputs))
    return requests
