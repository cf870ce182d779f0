"""The client, against the local server and against TF Serving's own gRPC interface."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
from pix2pix_tf.serving.client.rest_client import ModelSpec, RestClient, generate  # isort: skip
from pix2pix_tf.serving.client.grpc_client import GrpcClient  # isort: skip
from pix2pix_tf.serving.server.model_manager import load  # isort: skip


@pytest.fixture(scope="module")
def bases(tiny_run, told_run, speckle_run):
    exports = {"orig": tiny_run / "export" / "orig", "told": told_run / "export" / "orig"}
    return exports | {"speckle": speckle_run / "export" / "speckle"}


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
    assert generate(client, ModelSpec("orig"), {"": mask_png}, 7, []) == {
        "output_bytes": model.generate_pngs([[mask_png]], [7])[0][0]
    }


def test_versions_and_labels(client, mask_png):
    newest, two, one, stable = (
        generate(client, model, {"zones": mask_png}, 7, [])
        for model in (
            ModelSpec("orig"),
            ModelSpec("orig", version=2),
            ModelSpec("orig", version=1),
            ModelSpec("orig", label="stable"),
        )
    )
    assert newest == two != one == stable


def test_conditions_by_name_whatever_their_order(client, bases, mask_png):
    model = saved_model.load(bases["told"])
    conditioned = generate(client, ModelSpec("told"), {"": mask_png}, 3, ["season=winter", "sensor=TSX"])[
        "output_bytes"
    ]
    assert [[conditioned]] == model.generate_pngs([[mask_png]], [3], ["TSX,winter"])
    unconditioned = generate(client, ModelSpec("told"), {"": mask_png}, 3, [])["output_bytes"]
    assert [[unconditioned]] == model.generate_pngs([[mask_png]], [3])
    with pytest.raises(UserError, match="Unknown sensor 'TSXX'. Did you mean 'TSX'"):
        generate(client, ModelSpec("told"), {"": mask_png}, 3, ["sensor=TSXX"])
    with pytest.raises(UserError, match="without conditions"):
        generate(client, ModelSpec("orig"), {"": mask_png}, 3, ["sensor=TSX"])


def test_a_style_by_name_beside_a_condition(client, bases, mask_png):
    model = saved_model.load(bases["speckle"])
    scene = f"scene:{model.styles[2]}"
    for style in ("", "random", scene):
        served = generate(client, ModelSpec("speckle"), {"": mask_png}, 3, ["sensor=TSX"], style)["output_bytes"]
        assert [[served]] == model.generate_pngs([[mask_png]], [3], ["TSX"], [style])
    with pytest.raises(UserError, match="nowhere"):
        generate(client, ModelSpec("speckle"), {"": mask_png}, 3, [], "scene:nowhere")
    with pytest.raises(UserError, match="no styles"):
        generate(client, ModelSpec("orig"), {"": mask_png}, 3, [], scene)


@pytest.mark.parametrize(
    ("model", "images", "message"),
    [
        (ModelSpec("nope"), {"": png(np.full((32, 32), 127, np.uint8))}, "Servable not found"),
        (ModelSpec("orig", version=9), {"": png(np.full((32, 32), 127, np.uint8))}, "Servable not found"),
        (ModelSpec("orig"), {"": b"no image"}, ": [a-z_]+: not a PNG file"),
        (ModelSpec("orig"), {"": png(np.full((32, 32), 128, np.uint8))}, ": zones: a grey value is no class; the"),
        (ModelSpec("orig"), {"zones": b"", "elevation": b""}, "takes these images: image=FILE"),
    ],
)
def test_what_the_server_refuses_is_one_sentence(client, model, images, message):
    with pytest.raises(UserError, match=message) as error:
        generate(client, model, images, 0, [])
    assert "\n" not in str(error.value) and "node" not in str(error.value)


def test_images_of_many_megabytes_pass(client):
    """gRPC's own bound is 4 MiB; noise does not compress."""
    noise = np.random.default_rng(0).choice(np.array([0, 64, 127, 254], np.uint8), (2048, 2048))
    scene = png(noise) + bytes(4 * 2**20)  # what follows a PNG's end is nobody's concern
    generated = generate(client, ModelSpec("orig"), {"": scene}, 0, [])["output_bytes"]
    assert Image.open(io.BytesIO(generated)).size == (2048, 2048)


def test_a_server_that_starts_late_is_waited_for(bases, mask_png):
    with main.listen("127.0.0.1", 0) as found:
        port = found.getsockname()[1]
    with pytest.raises(UserError, match="no server at .* given up after 2 attempts"):
        RestClient(f"http://127.0.0.1:{port}", retries=1).inputs(ModelSpec("orig"))
    with pytest.raises(UserError, match="no server at .* given up after 2 attempts"):
        GrpcClient(f"127.0.0.1:{port}", retries=1).inputs(ModelSpec("orig"))


def test_a_busy_server_gets_the_request_again(bases, mask_png):
    with running({"orig": bases["orig"]}) as server:
        server.service.waiting = server.service.limits.waiting
        with pytest.raises(UserError, match="requests are waiting already; try again; given up after 1 attempts"):
            generate(RestClient(server.url, retries=0), ModelSpec("orig"), {"": mask_png}, 0, [])

        def leave():
            time.sleep(0.3)
            server.service.waiting = 0

        threading.Thread(target=leave).start()
        assert generate(RestClient(server.url), ModelSpec("orig"), {"": mask_png}, 0, [])


def test_what_is_no_server_is_said(rest_url):
    for url in ("ftp://localhost", "localhost:8501", "http://"):
        with pytest.raises(UserError, match="give an address such as"):
            RestClient(url)
    with pytest.raises(UserError, match="Not Found"):
        RestClient(f"{rest_url}/elsewhere").inputs(ModelSpec("orig"))


@pytest.mark.parametrize("server", ["rest", "grpc"])
def test_the_command(server, rest_url, grpc_target, bases, tiny_data, tmp_path, capsys):
    mask = tiny_data / "val" / "zones" / "S6.png"
    output = tmp_path / "sar.png"
    address = ["--url", rest_url] if server == "rest" else ["--grpc", grpc_target]
    command = ["predict", *address, "--name", "told", str(mask), "-o", str(output), "--seed", "3"]
    assert cli.run(serving.main, [*command, "--condition", "sensor=TSX"]) == 0
    assert capsys.readouterr().out == f"{output}\n"
    expected = saved_model.load(bases["told"]).generate_pngs([[mask.read_bytes()]], [3], ["TSX,"])
    assert [[output.read_bytes()]] == expected
    assert cli.run(serving.main, command) == 2
    assert "exists already" in capsys.readouterr().err
    assert cli.run(serving.main, [*command[:-4], "-o", str(tmp_path / "no.png"), "--condition", "sensor=X"]) == 2
    assert "Unknown sensor 'X'" in capsys.readouterr().err
    assert not (tmp_path / "no.png").exists()


def test_the_commands_mistakes(tmp_path, capsys):
    assert cli.run(serving.main, ["predict", "--name", "x", "nowhere.png", "-o", str(tmp_path / "o.png")]) == 2
    assert "nowhere.png cannot be read" in capsys.readouterr().err


# ---- The documentation's commands -----------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), ROOT / "deploy/README.md", ROOT / "pretrained/README.md"]


def documented_requests():
    """The curl commands that send a mask, as they stand in the documentation, with the file's name."""
    for page in PAGES:
        for command in re.findall(r"^curl (?:.*\\\n)*.*$", page.read_text(encoding="utf-8"), re.MULTILINE):
            if ":predict" in command:
                yield pytest.param(command, id=f"{page.parent.name}/{page.name}")


@pytest.fixture(scope="module")
def documented_url(tiny_run):
    models = {"gen5": tiny_run / "export" / "orig", "glacier": ROOT / "pretrained" / "glacier"}
    with running(models, labels={"gen5": {"stable": 1}}) as server:
        yield server.url


@pytest.mark.skipif(not all(map(shutil.which, ("bash", "curl", "base64"))), reason="needs bash, curl and base64")
@pytest.mark.parametrize("command", list(documented_requests()))
def test_documented_requests_work(documented_url, tmp_path, command):
    (tmp_path / "mask.png").write_bytes(png(np.full((64, 64), 127, np.uint8)))
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "no_proxy": "*"}
    script = command.replace("http://127.0.0.1:8501", documented_url)
    done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    if "> sar.png" in command:
        assert Image.open(tmp_path / "sar.png").size == (64, 64)
    else:
        assert json.loads(done.stdout).keys() == {"predictions"}
