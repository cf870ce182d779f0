"""gRPC client of TF Serving. Unlike REST, it needs no base64 and JSON for images."""

import grpc
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2, predict_pb2, prediction_service_pb2_grpc

from pix2pix_tf.serving.client.rest_client import (
    RETRIES,
    Busy,
    Inputs,
    ModelSpec,
    Refused,
    sample_signature,
    with_retries,
)
from pix2pix_tf.serving.error_messages import sentence
from pix2pix_tf.utils.errors import UserError

MESSAGE = 64 * 2**20  # bytes; gRPC's default limit of 4 MiB is less than a scene in 16 bit


class GrpcClient:
    """A client over gRPC, with the same methods as RestClient."""

    def __init__(self, target: str, timeout: float = 60.0, retries: int = RETRIES):
        """Send no request yet.

        Args:
          target: host and port, such as "127.0.0.1:8500".
          timeout: for a response, seconds.
          retries: number of further attempts while the server is busy or not yet running.
        """
        self.target, self.timeout, self.retries = target, timeout, retries
        bounds = [("grpc.max_send_message_length", MESSAGE), ("grpc.max_receive_message_length", MESSAGE)]
        self._channel = grpc.insecure_channel(target, options=bounds)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def inputs(self, model: ModelSpec) -> set[str]:
        """Return the input names of the signature `sample`.

        Raises:
          UserError: there is no such model or server.
        """
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=_proto(model), metadata_field=["signature_def"]
        )
        response = self._send(self._stub.GetModelMetadata, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return set(sample_signature(signatures.signature_def, model).inputs)

    def sample(self, model: ModelSpec, inputs: Inputs) -> dict[str, list]:
        """Generate images.

        Args:
          model: its name and version.
          inputs: of the signature `sample`, by name; all of the same length.

        Returns:
          The outputs by name, PNGs as bytes.

        Raises:
          UserError: the server is not running, stays busy, or refuses the request with its own message.
        """
        request = predict_pb2.PredictRequest(model_spec=_proto(model, "sample"))
        for name, values in inputs.items():
            dtype = tf.string if isinstance(values[0], bytes) else tf.int32
            request.inputs[name].CopyFrom(tf.make_tensor_proto(list(values), dtype))
        response = self._send(self._stub.Predict, request)
        return {name: tf.make_ndarray(tensor).tolist() for name, tensor in response.outputs.items()}

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def _send(self, method, request):
        def once():
            try:
                return method(request, timeout=self.timeout)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.UNAVAILABLE:
                    raise Busy(f"There is no server at {self.target}, or it is busy ({error.details()})") from None
                if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise UserError(f"{self.target} did not answer within {self.timeout:.0f} s (--timeout).") from None
                raise Refused(f"{self.target}: {sentence(error.details())}") from None

        return with_retries(once, self.retries)


def _proto(model: ModelSpec, signature: str = "") -> model_pb2.ModelSpec:
    specification = model_pb2.ModelSpec(name=model.name, signature_name=signature)
    if model.version is not None:
        specification.version.value = model.version
    elif model.label is not None:
        specification.version_label = model.label
    return specification
