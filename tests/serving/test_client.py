"""The client, against the local server and against TF Serving's own gRPC interface."""

import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pix2pix_tf import serving
from pix2pix_tf.export import saved_model, versions
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError
from tests.serving.server import png, running

import grpc  # isort: skip
from google.protobuf import any_pb2  # isort: skip
from tensorflow.core.protobuf import saved_model_pb2  # isort: skip
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc  # isort: skip

from pix2pix_tf.serving.server import main  # isort: skip
from pix2pix_tf.serving.client.rest_client import RestClient, Which, paint  # isort: skip
from pix2pix_tf.serving.client.grpc_client import GrpcClient  # isort: skip
from pix2pix_tf.serving.server.model_manager import load  # isort: skip


@pytest.fixture(scope="module")
def bases(tiny_run, told_run):
    return {"orig": tiny_run / "export" / "orig", "told": told_run / "export" / "orig"}


@pytest.fixture(scope="module")
def rest_url(bases):
    with running(bases, labels={"orig": {"stable": 1}}) as server:
        yield server.url


class Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """TF Serving's PredictionService around SavedModels; nothing of it but what a client meets."""

    def __init__(self, bases):
        self.versions = {
            (name, number): (load(number, folder, 0), folder)
            for name, base in bases.items()
            for number, folder in versions.versions(base).items()
        }

    def _find(self, specification, context):
        numbers = [number for name, number in self.versions if name == specification.name]
        chosen = specification.version.value or max(numbers, default=0)
        if specification.version_label:
            chosen = {"stable": 1}[specification.version_label]
        if (specification.name, chosen) not in self.versions:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {specification.name}")
        return self.versions[specification.name, chosen]

    def GetModelMetadata(self, request, context):  # noqa: N802
        _, folder = self._find(request.model_spec, context)
        saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in saved.meta_graphs[0].signature_def.items():
            signatures.signature_def[name].CopyFrom(signature)
        packed = any_pb2.Any()
        packed.Pack(signatures)
        return get_model_metadata_pb2.GetModelMetadataResponse(metadata={"signature_def": packed})

    def Predict(self, request, context):  # noqa: N802
        version, _ = self._find(request.model_spec, context)
        given = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        try:
            outputs = version.model.signatures[request.model_spec.signature_name](
                **{name: tf.constant(array) for name, array in given.items()}
            )
        except tf.errors.InvalidArgumentError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
        answer = predict_pb2.PredictResponse(model_spec=request.model_spec)
        for name, tensor in outputs.items():
            answer.outputs[name].CopyFrom(tf.make_tensor_proto(tensor))
        return answer


@pytest.fixture(scope="module")
def grpc_target(bases):
    largest = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(4), options=largest)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Servicer(bases), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


@pytest.fixture(params=["rest", "grpc"])
def client(request, rest_url, grpc_target):
    if request.param == "rest":
        yield RestClient(rest_url, retries=0)
    else:
        client = GrpcClient(grpc_target, retries=0)
        yield client
        client.close()


def test_it_brings_the_models_own_bytes(client, bases, mask_png):
    model = saved_model.load(bases["orig"])
    assert paint(client, Which("orig"), {"": mask_png}, 7, []) == {
        "output_bytes": model.generate_pngs([[mask_png]], [7])[0][0]
    }


def test_versions_and_labels(client, mask_png):
    newest, two, one, stable = (
        paint(client, which, {"zones": mask_png}, 7, [])
        for which in (Which("orig"), Which("orig", version=2), Which("orig", version=1), Which("orig", label="stable"))
    )
    assert newest == two != one == stable


def test_conditions_by_name_whatever_their_order(client, bases, mask_png):
    model = saved_model.load(bases["told"])
    painted = paint(client, Which("told"), {"": mask_png}, 3, ["season=winter", "sensor=TSX"])["output_bytes"]
    assert [[painted]] == model.generate_pngs([[mask_png]], [3], ["TSX,winter"])
    untold = paint(client, Which("told"), {"": mask_png}, 3, [])["output_bytes"]
    assert [[untold]] == model.generate_pngs([[mask_png]], [3])
    with pytest.raises(UserError, match="Unknown sensor 'TSXX'. Did you mean 'TSX'"):
        paint(client, Which("told"), {"": mask_png}, 3, ["sensor=TSXX"])
    with pytest.raises(UserError, match="without conditions"):
        paint(client, Which("orig"), {"": mask_png}, 3, ["sensor=TSX"])


@pytest.mark.parametrize(
    ("which", "images", "message"),
    [
        (Which("nope"), {"": png(np.full((32, 32), 127, np.uint8))}, "Servable not found"),
        (Which("orig", version=9), {"": png(np.full((32, 32), 127, np.uint8))}, "Servable not found"),
        (Which("orig"), {"": b"no image"}, "says: [a-z_]+: not a PNG file"),
        (Which("orig"), {"": png(np.full((32, 32), 128, np.uint8))}, "says: zones: a grey value is no class; the"),
        (Which("orig"), {"zones": b"", "elevation": b""}, "takes these images: image=FILE"),
    ],
)
def test_what_the_server_refuses_is_one_sentence(client, which, images, message):
    with pytest.raises(UserError, match=message) as error:
        paint(client, which, images, 0, [])
    assert "\n" not in str(error.value) and "node" not in str(error.value)


def test_images_of_many_megabytes_pass(client):
    """gRPC's own bound is 4 MiB; noise does not compress."""
    noise = np.random.default_rng(0).choice(np.array([0, 64, 127, 254], np.uint8), (2048, 2048))
    scene = png(noise) + bytes(4 * 2**20)  # what follows a PNG's end is nobody's concern
    painted = paint(client, Which("orig"), {"": scene}, 0, [])["output_bytes"]
    assert Image.open(io.BytesIO(painted)).size == (2048, 2048)


def test_a_server_that_comes_late_is_waited_for(bases, mask_png):
    with main.listen("127.0.0.1", 0) as found:
        port = found.getsockname()[1]
    with pytest.raises(UserError, match="no server at .* given up after 2 attempts"):
        RestClient(f"http://127.0.0.1:{port}", retries=1).inputs(Which("orig"))
    with pytest.raises(UserError, match="no server at .* given up after 2 attempts"):
        GrpcClient(f"127.0.0.1:{port}", retries=1).inputs(Which("orig"))


def test_a_busy_server_is_asked_again(bases, mask_png):
    with running({"orig": bases["orig"]}) as server:
        server.service.waiting = server.service.limits.waiting
        with pytest.raises(UserError, match="requests are waiting already; come again; given up after 1 attempts"):
            paint(RestClient(server.url, retries=0), Which("orig"), {"": mask_png}, 0, [])

        def leave():
            time.sleep(0.3)
            server.service.waiting = 0

        threading.Thread(target=leave).start()
        assert paint(RestClient(server.url), Which("orig"), {"": mask_png}, 0, [])


def test_what_is_no_server_is_said(rest_url):
    for url in ("ftp://localhost", "localhost:8501", "http://"):
        with pytest.raises(UserError, match="give an address such as"):
            RestClient(url)
    with pytest.raises(UserError, match="Not Found"):
        RestClient(f"{rest_url}/elsewhere").inputs(Which("orig"))


@pytest.mark.parametrize("server", ["rest", "grpc"])
def test_the_command(server, rest_url, grpc_target, bases, tiny_data, tmp_path, capsys):
    mask = tiny_data / "val" / "zones" / "S6.png"
    output = tmp_path / "sar.png"
    address = ["--url", rest_url] if server == "rest" else ["--grpc", grpc_target]
    command = ["predict", *address, "--name", "told", str(mask), "-o", str(output), "--seed", "3"]
    assert cli.run(serving.main, [*command, "--condition", "sensor=TSX"]) == 0
    assert capsys.readouterr().out == f"{output}\n"
    wanted = saved_model.load(bases["told"]).generate_pngs([[mask.read_bytes()]], [3], ["TSX,"])
    assert [[output.read_bytes()]] == wanted
    assert cli.run(serving.main, command) == 2
    assert "is there already" in capsys.readouterr().err
    assert cli.run(serving.main, [*command[:-4], "-o", str(tmp_path / "no.png"), "--condition", "sensor=X"]) == 2
    assert "Unknown sensor 'X'" in capsys.readouterr().err
    assert not (tmp_path / "no.png").exists()


def test_the_commands_mistakes(tmp_path, capsys):
    assert cli.run(serving.main, ["predict", "--name", "x", "nowhere.png", "-o", str(tmp_path / "o.png")]) == 2
    assert "nowhere.png cannot be read" in capsys.readouterr().err
