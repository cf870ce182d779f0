"""Asks TF Serving over gRPC, which spares images the way through base64 and JSON."""

import grpc
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2, predict_pb2, prediction_service_pb2_grpc

from pix2pix_tf.serving.client.rest_client import RETRIES, Busy, Inputs, Refused, Which, patiently, sample_of
from pix2pix_tf.serving.error_messages import sentence
from pix2pix_tf.utils.errors import UserError

MESSAGE = 64 * 2**20  # bytes; gRPC's own bound of 4 MiB is less than a scene in 16 bit


class GrpcClient:
    """Asks over gRPC; the same methods as RestClient."""

    def __init__(self, target: str, timeout: float = 60.0, retries: int = RETRIES):
        """Nothing is asked yet.

        Args:
          target: host and port, such as "127.0.0.1:8500".
          timeout: seconds to wait for an answer.
          retries: how often a request is made again when the server is not there yet or too busy.
        """
        self.target, self.timeout, self.retries = target, timeout, retries
        bounds = [("grpc.max_send_message_length", MESSAGE), ("grpc.max_receive_message_length", MESSAGE)]
        self._channel = grpc.insecure_channel(target, options=bounds)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def inputs(self, which: Which) -> set[str]:
        """The names of what the signature `sample` takes.

        Raises:
          UserError: there is no such model or server.
        """
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=_specification(which), metadata_field=["signature_def"]
        )
        answer = self._ask(self._stub.GetModelMetadata, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(signatures)
        return set(sample_of(signatures.signature_def, which).inputs)

    def sample(self, which: Which, inputs: Inputs) -> dict[str, list]:
        """Paints images.

        Args:
          which: the model.
          inputs: of the signature `sample`, by name; all of the same length.

        Returns:
          The outputs by name, PNGs as bytes.

        Raises:
          UserError: the server is not there, is too busy for too long, or refuses; the text is the server's.
        """
        request = predict_pb2.PredictRequest(model_spec=_specification(which, "sample"))
        for name, values in inputs.items():
            dtype = tf.string if isinstance(values[0], bytes) else tf.int32
            request.inputs[name].CopyFrom(tf.make_tensor_proto(list(values), dtype))
        answer = self._ask(self._stub.Predict, request)
        return {name: tf.make_ndarray(tensor).tolist() for name, tensor in answer.outputs.items()}

    def close(self) -> None:
        """Lets the connection go."""
        self._channel.close()

    def _ask(self, method, request):
        def once():
            try:
                return method(request, timeout=self.timeout)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.UNAVAILABLE:
                    raise Busy(f"There is no server at {self.target}, or it is busy ({error.details()})") from None
                if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise UserError(f"{self.target} did not answer within {self.timeout:.0f} s (--timeout).") from None
                raise Refused(f"{self.target} says: {sentence(error.details())}") from None

        return patiently(once, self.retries)


def _specification(which: Which, signature: str = "") -> model_pb2.ModelSpec:
    specification = model_pb2.ModelSpec(name=which.name, signature_name=signature)
    if which.version is not None:
        specification.version.value = which.version
    elif which.label is not None:
        specification.version_label = which.label
    return specification
