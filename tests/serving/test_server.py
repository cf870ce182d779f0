"""The local server, asked over HTTP."""

import asyncio
import http.client
import io
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import zlib
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pix2pix_tf.export import saved_model
from pix2pix_tf.utils.errors import UserError
from tests.helpers import SIZE, wait_until
from tests.serving.server import b64, memory, png, running

from pix2pix_tf.serving.server import main  # isort: skip  (after serving_server, which skips where FastAPI is missing)
from pix2pix_tf.serving.server.limits import Limits  # isort: skip

PREDICT = "/v1/models/orig:predict"
ICE = np.full((SIZE, SIZE), 127, np.uint8)


@pytest.fixture(scope="module")
def base(tiny_run):
    return tiny_run / "export" / "orig"


@pytest.fixture(scope="module")
def server(base):
    with running({"orig": base}, labels={"orig": {"stable": 1}}, limits=Limits(body=4 * 2**20)) as server:
        yield server


@pytest.fixture(scope="module")
def model(base):
    return saved_model.load(base)


def status(*versions):
    return {
        "model_version_status": [
            {"version": version, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
            for version in versions
        ]
    }


def test_status(server):
    assert server.ask("/v1/models/orig") == (200, status("2", "1"))
    assert server.ask("/v1/models/orig/versions/2") == (200, status("2"))
    assert server.ask("/v1/models/orig/labels/stable") == (200, status("1"))


def test_metadata_as_tf_serving_shows_them(server):
    code, answer = server.ask("/v1/models/orig/labels/stable/metadata")
    assert (code, answer["model_spec"]) == (200, {"name": "orig", "signature_name": "", "version": "1"})
    sample = answer["metadata"]["signature_def"]["signature_def"]["sample"]
    assert sample["method_name"] == "tensorflow/serving/predict"
    assert {name: info["dtype"] for name, info in sample["inputs"].items()} == {
        "image_bytes": "DT_STRING",
        "seed": "DT_INT32",
    }
    assert sample["inputs"]["seed"]["tensor_shape"] == {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}


def test_rows_and_columns_give_the_models_own_bytes(server, model, mask_png):
    (wanted,) = model.generate_pngs([[mask_png, mask_png]], [5, 6])
    rows = [{"image_bytes": b64(mask_png), "seed": seed} for seed in (5, 6)]
    code, answer = server.ask(PREDICT, {"signature_name": "sample", "instances": rows})
    assert (code, [b64decode(one["b64"]) for one in answer["predictions"]]) == (200, wanted)
    columns = {"image_bytes": [b64(mask_png)] * 2, "seed": [5, 6]}
    code, answer = server.ask(PREDICT, {"signature_name": "sample", "inputs": columns})
    assert (code, [b64decode(one["b64"]) for one in answer["outputs"]]) == (200, wanted)


@pytest.mark.parametrize("instances", [False, True])
def test_the_default_signature_needs_no_names(server, model, mask_png, instances):
    body = {"instances": [b64(mask_png)]} if instances else {"inputs": [b64(mask_png)]}
    code, answer = server.ask("/v1/models/orig/versions/2:predict", body)
    assert (code, b64decode(answer["predictions" if instances else "outputs"][0]["b64"])) == (
        200,
        model.generate_pngs([[mask_png]], [0])[0][0],
    )


def test_a_label_leads_to_its_version(server, base, mask_png):
    body = {"instances": [b64(mask_png)]}
    answers = [server.ask(f"/v1/models/orig/{which}:predict", body) for which in ("labels/stable", "versions/1")]
    assert answers[0] == answers[1] != server.ask(PREDICT, body)


def test_pixels_in_numbers_out(server, model):
    image = ICE[np.newaxis, ..., np.newaxis]
    rows = [{"image": image[0].tolist(), "seed": 3}]
    code, answer = server.ask(PREDICT, {"signature_name": "tensor", "instances": rows})
    assert code == 200
    np.testing.assert_allclose(np.array(answer["predictions"]), model.generate(image, [3]), atol=1e-5)


# ---- What is wrong is said ------------------------------------------------------------------------------------------


def header(width, height):
    """A PNG whose header says it has so many pixels, and hardly any data."""
    body = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", body), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def bomb():
    """A PNG of one patch whose data inflate to 100 MB."""
    data = zlib.compress(bytes(100 * 2**20), 9)
    start = header(SIZE, SIZE)[:33]
    return start + struct.pack(">I", len(data)) + b"IDAT" + data + struct.pack(">I", zlib.crc32(b"IDAT" + data))


@pytest.mark.parametrize(
    ("image", "code", "message"),
    [
        (b"", 400, "not a PNG file"),
        (png(ICE, "JPEG"), 400, "not a PNG file"),
        (png(ICE)[:60], 400, "PNG"),
        (png(ICE + 1), 400, "a grey value is no class; the classes are 0, 64, 127, 254"),
        (png(np.stack([ICE] * 4, axis=-1)), 400, "without palette or alpha channel"),
        (png(ICE.astype(np.uint16)), 400, "one grey channel of 8 bit"),
        (png(np.full((33, 32), 127, np.uint8)), 400, "multiples of 32"),
        (png(np.full((100_000, 1), 127, np.uint8)), 400, "multiples of 32"),
        (header(0, 32), 400, "damaged"),
        (header(60_000, 60_000), 413, "3600000000 pixels"),
        (header(2**32 - 1, 2**32 - 1), 413, "pixels"),
        (bomb(), 400, "longer than its 32 x 32 pixels can need"),
    ],
    ids=["empty", "jpeg", "cut", "class", "alpha", "16bit", "33", "1x100000", "0", "huge", "hugest", "bomb"],
)
def test_bad_images(server, image, code, message):
    got, answer = server.ask(PREDICT, {"instances": [b64(image)]})
    assert got == code
    assert message in answer["error"]
    assert "\n" not in answer["error"] and "node" not in answer["error"]


def test_the_pixels_of_all_rows_count(server):
    patch = b64(png(np.full((1024, 1024), 127, np.uint8)))
    assert server.ask(PREDICT, {"instances": [patch] * 5})[0] == 413


GOOD = b64(png(ICE))


@pytest.mark.parametrize(
    ("path", "body", "code", "message"),
    [
        ("/v1/models/nope:predict", {"instances": [GOOD]}, 404, "Servable not found for request: Latest(nope)"),
        (
            "/v1/models/orig/versions/7:predict",
            {"instances": [GOOD]},
            404,
            "Servable not found for request: Specific(orig, 7)",
        ),
        (
            "/v1/models/orig/labels/odd:predict",
            {"instances": [GOOD]},
            400,
            "Unrecognized servable version label: odd",
        ),
        ("/v1/models/orig/versions/7", None, 404, "Could not find version 7 of model orig"),
        ("/v1/models/nope", None, 404, "Could not find any versions of model nope"),
        ("/v1/models/nope/metadata", None, 404, "Servable not found for request: Latest(nope)"),
        ("/v1/models", None, 400, "Missing model name in request."),
        (f"/v1/models/orig/versions/{10**30}", None, 400, "Failed to convert version"),
        ("/v1/models/orig:paint", {"instances": [GOOD]}, 400, "Malformed request: POST /v1/models/orig:paint"),
        ("/v1/models/orig:classify", {"examples": []}, 400, "not :classify"),
        ("/v1/elsewhere", None, 400, "Malformed request: GET /v1/elsewhere"),
        ("/elsewhere", None, 404, "Not Found"),
        ("/v1?models/bench:predict", {"instances": [GOOD]}, 404, "Not Found"),  # and no redirection
        (PREDICT, b"", 400, "JSON Parse error: The document is empty"),
        (PREDICT, b'{"instances": [', 400, "JSON Parse error"),
        (PREDICT, b"\xff\xfe", 400, "JSON Parse error"),
        (PREDICT, b"[" * 100_000, 400, "JSON Parse error"),
        (PREDICT, [1], 400, "Is not object"),
        (PREDICT, {}, 400, "Missing 'inputs' or 'instances' key"),
        (PREDICT, {"instances": [GOOD], "inputs": [GOOD]}, 400, "only one of 'inputs' or 'instances'"),
        (PREDICT, {"instances": []}, 400, "No values in 'instances' array"),
        (PREDICT, {"instances": {}}, 400, "'instances' to be an list/array"),
        (PREDICT, {"inputs": []}, 400, "no image was sent"),
        (PREDICT, {"inputs": GOOD}, 400, "should be a list"),
        (PREDICT, {"instances": [{"b64": "***"}]}, 400, "Unable to base64 decode"),
        (PREDICT, {"instances": [{"b64": 3}]}, 400, "keys must be equal to: image_bytes"),
        (PREDICT, {"instances": [{"image": GOOD}]}, 400, "keys must be equal to: image_bytes"),
        (PREDICT, {"instances": [7]}, 400, "is not of expected type: string"),
        (PREDICT, {"instances": ["no PNG"]}, 400, "not a PNG file"),
        (PREDICT, {"inputs": {"image": [GOOD]}}, 400, "Missing named input: image_bytes in 'inputs' object."),
        (
            PREDICT,
            {"signature_name": "paint", "instances": [GOOD]},
            400,
            'Serving signature name: "paint" not found in signature def',
        ),
        (PREDICT, {"signature_name": 3, "instances": [GOOD]}, 400, "'signature_name' key must be a string value."),
        (PREDICT, {"signature_name": "sample", "instances": [GOOD]}, 400, "expecting list of objects"),
        (
            PREDICT,
            {"signature_name": "sample", "inputs": {"image_bytes": [GOOD], "seed": [1, 2]}},
            400,
            "image_bytes 1, seed 2",
        ),
        (
            PREDICT,
            {"signature_name": "sample", "inputs": {"image_bytes": [GOOD], "seed": [2**31]}},
            400,
            "not of expected type: int32",
        ),
        (
            PREDICT,
            {"signature_name": "sample", "inputs": {"image_bytes": [GOOD], "seed": ["1"]}},
            400,
            "not of expected type: int32",
        ),
        (
            PREDICT,
            {"signature_name": "tensor", "inputs": {"image": [[1, 2], [3]], "seed": [1, 2]}},
            400,
            "unexpected size",
        ),
        (PREDICT, {"signature_name": "tensor", "inputs": {"image": [[1]], "seed": [1]}}, 400, "has 2 dimensions"),
    ],
)
def test_bad_requests(server, path, body, code, message):
    got, answer = server.ask(path, body)
    assert (got, list(answer)) == (code, ["error"])
    assert message in answer["error"]
    assert len(answer["error"]) < 400


@pytest.mark.parametrize("chunked", [False, True])
def test_a_hundred_megabytes_are_refused_and_not_kept(server, chunked):
    before, part = memory(), bytes(2**20)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    length = {} if chunked else {"Content-Length": str(100 * 2**20)}
    connection.request("POST", PREDICT, (part for _ in range(100)), length, encode_chunked=chunked)
    response = connection.getresponse()
    assert response.status == 413
    assert "4194304" in json.loads(response.read())["error"]
    assert memory() - before < 60
    assert server.ask("/healthz")[0] == 200


def test_a_request_that_is_cut_off_leaves_no_trace(server):
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{{".encode())
        wait_until(lambda: server.service.waiting == 1)
    wait_until(lambda: server.service.waiting == 0)
    assert server.ask(PREDICT, {"instances": [GOOD]})[0] == 200


def test_a_request_that_does_not_arrive_is_given_up(base):
    with (
        running({"orig": base}, limits=Limits(body_seconds=0.2)) as server,
        socket.create_connection(("127.0.0.1", server.port)) as connection,
    ):
        connection.sendall(f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{{".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 408")


# ---- Many at once ---------------------------------------------------------------------------------------------------


def at_once(server, bodies):
    """The raw answers to requests of which all are under way before the first is answered."""

    async def one(body):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.read()
        writer.close()
        return answer

    async def everybody():
        return await asyncio.gather(*(one(json.dumps(body).encode()) for body in bodies))

    return asyncio.run(everybody())


def code_of(answer):
    return int(answer.split(b" ", 2)[1])


def content(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def test_three_hundred_at_once_are_answered_or_refused_with_retry_after(server):
    sample = [{"image_bytes": GOOD, "seed": seed} for seed in range(300)]
    answers = at_once(server, [{"signature_name": "sample", "instances": [row]} for row in sample])
    codes = [code_of(answer) for answer in answers]
    assert set(codes) <= {200, 503}
    assert codes.count(200) >= server.service.limits.waiting
    for answer in answers:
        if code_of(answer) == 503:
            assert b"retry-after: 1" in answer.lower() and "try again" in content(answer)["error"]
    wait_until(lambda: server.service.waiting == 0)
    assert server.ask(PREDICT, {"instances": [GOOD]})[0] == 200


def test_together_as_alone(server, model, tiny_data):
    """Rows of a batch are those alone, to rounding; another's mistake, size or signature is no matter."""
    pngs = [(tiny_data / "val" / "zones" / f"S{6 + i % 3}.png").read_bytes() for i in range(24)]
    bodies = [
        {"signature_name": "sample", "instances": [{"image_bytes": b64(p), "seed": i}]} for i, p in enumerate(pngs)
    ]
    bodies[3] = {"instances": [b64(png(ICE + 1))]}
    bodies[4] = {"signature_name": "sample", "instances": [{"image_bytes": b64(png(ICE + 1)), "seed": 1}]}
    bodies[5] = {"instances": [b64(png(np.full((64, 96), 127, np.uint8)))]}
    before = rows_and_batches(server)
    answers = at_once(server, bodies)
    assert [code_of(answer) for answer in answers] == [200] * 3 + [400] * 2 + [200] * 19
    for number in {*range(24)} - {3, 4, 5}:
        got = np.asarray(Image.open(io.BytesIO(b64decode(content(answers[number])["predictions"][0]["b64"]))))
        (wanted,) = model.generate_pngs([[pngs[number]]], [number])
        assert np.abs(got.astype(int) - np.asarray(Image.open(io.BytesIO(wanted[0])))).max() <= 1
    rows, batches = np.subtract(rows_and_batches(server), before)
    assert rows == 24 and batches < 16


def rows_and_batches(server):
    value = server.service.metrics.registry.get_sample_value
    return value("batch_rows_sum"), value("batch_rows_count")


# ---- Versions come and go -------------------------------------------------------------------------------------------


def test_versions_come_and_go_without_losing_a_request(base, tmp_path):
    served = tmp_path / "orig"
    shutil.copytree(base / "1", served / "1")
    codes, ended = [], threading.Event()
    with running({"orig": served}) as server:

        def keep_asking():
            while not ended.is_set():
                codes.append(server.ask(PREDICT, {"instances": [GOOD]})[0])

        asking = threading.Thread(target=keep_asking)
        asking.start()
        try:
            shutil.copytree(base / "2", tmp_path / "new")
            (tmp_path / "new").rename(served / "2")
            wait_until(lambda: server.ask("/v1/models/orig")[1] == status("2"))
            broken = tmp_path / "broken"
            broken.mkdir()
            (broken / "saved_model.pb").write_bytes(b"no model")
            shutil.copytree(base / "2" / "assets.extra", broken / "assets.extra")
            broken.rename(served / "3")
            wait_until(lambda: len(server.ask("/v1/models/orig")[1]["model_version_status"]) == 2)
        finally:
            ended.set()
            asking.join()
        told = {one["version"]: one for one in server.ask("/v1/models/orig")[1]["model_version_status"]}
        assert told["2"]["state"] == "AVAILABLE"
        assert told["3"]["state"] == "END" and "cannot be read" in told["3"]["status"]["error_message"]
        assert server.ask("/v1/models/orig/versions/1:predict", {"instances": [GOOD]})[0] == 404
        shutil.rmtree(served)  # what is loaded needs no files
        assert server.ask(PREDICT, {"instances": [GOOD]})[0] == 200
    assert set(codes) == {200}


def test_a_version_that_is_written_anew_is_loaded_anew(base, tmp_path):
    served = tmp_path / "orig"
    shutil.copytree(base / "1", served / "5")
    with running({"orig": served}) as server:
        first = server.ask(PREDICT, {"instances": [GOOD]})
        shutil.copytree(base / "2", tmp_path / "new")
        os.utime(tmp_path / "new" / "saved_model.pb")
        (served / "5").rename(tmp_path / "old")
        (tmp_path / "new").rename(served / "5")
        wait_until(lambda: server.ask(PREDICT, {"instances": [GOOD]}) != first)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"models": {"orig": "nowhere"}, "labels": {}}, "There is no export in nowhere"),
        ({"labels": {"orig": {"stable": 9}}}, "stable=9"),
    ],
)
def test_models_that_are_not_there_are_said_at_the_start(base, settings, message):
    models = {name: Path(path) for name, path in settings.pop("models", {"orig": base}).items()}
    with pytest.raises(UserError, match=message):
        main.load(main.Settings(models=models, **settings))


# ---- Beside TF Serving's interface ----------------------------------------------------------------------------------


def test_what_the_page_asks(server, tiny_run):
    [described] = server.ask("/api/models")[1]["models"]
    assert described == {
        "name": "orig",
        "variant": "orig",
        "run": tiny_run.name,
        "versions": [1, 2],
        "labels": {"stable": 1},
        "inputs": ["zones"],
        "targets": ["sar"],
        "size": SIZE,
        "divisor": 32,
        "bits": {"zones": 8, "sar": 8},
        "conditions": {},
        "styles": [],
        "origin": "simulated",
    }


def test_the_gallery_is_the_users_or_simulated(server, tiny_data, mask_png):
    gallery = server.service.gallery
    gallery.add_folder(tiny_data / "val" / "zones")
    masks = server.ask("/api/gallery")[1]["masks"]
    assert masks[0] == {"name": "S6", "url": "/api/gallery/0.png"}
    response, data = server.raw(masks[0]["url"])
    assert (response.headers["Content-Type"], data) == ("image/png", mask_png)
    gallery.simulate(SIZE)
    wait_until(lambda: len(server.ask("/api/gallery")[1]["masks"]) == 11)
    simulated = np.asarray(Image.open(io.BytesIO(server.raw("/api/gallery/10.png")[1])))
    assert simulated.shape == (SIZE, SIZE) and set(np.unique(simulated)) <= {0, 64, 127, 254}
    for missing in ("11", "-1", "x", "9" * 30):
        assert server.ask(f"/api/gallery/{missing}.png")[0] == 404


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        (np.full((40, 24), 127, np.uint8), 200, ""),
        (np.full((40, 24), 3, np.uint8), 400, "grey value 3"),
        (np.full((3000, 3000), 127, np.uint8), 413, "3000 x 3000 pixels"),
        (None, 400, "not a whole TIFF"),
    ],
    ids=["mask", "class", "large", "cut"],
)
def test_a_mask_in_a_tiff_becomes_a_png(server, values, code, message):
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8) if values is None else values).save(file, "TIFF", compression="packbits")
    body = file.getvalue()[:60] if values is None else file.getvalue()
    response, content = server.raw("/api/mask", body)
    assert response.status == code
    if code == 200:
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), values)
    else:
        assert message in json.loads(content)["error"]


def test_an_empty_gallery_is_refused(server, tmp_path):
    with pytest.raises(UserError, match="no .png file"):
        server.service.gallery.add_folder(tmp_path)


@pytest.mark.parametrize(
    "path",
    ["/page/nope.js", "/page/../app.py", "/page/%2e%2e/app.py", "/page/..%2fapp.py", "/page//etc/passwd", "/page/"],
)
def test_no_address_leads_out_of_the_page(server, path):
    assert server.raw(path)[0].status == 404


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/models/nope", "/elsewhere"])
def test_every_answer_tells_browsers_what_they_may_do(server, path):
    headers = server.raw(path)[0].headers
    assert headers["Content-Security-Policy"].startswith("default-src 'self'; img-src 'self' data: blob:")
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "localhost:8501"}, 200),
        ({"Host": "[::1]:8501"}, 200),
        ({"Host": "LOCALHOST"}, 200),
        ({"Host": "localhost", "Origin": "http://localhost"}, 200),
        ({"Host": "elsewhere.example"}, 400),
        ({"Host": "localhost.elsewhere.example:8501"}, 400),
        ({"Host": ""}, 400),
        ({"Host": "localhost", "Origin": "http://elsewhere.example"}, 403),
        ({"Host": "localhost", "Origin": "null"}, 403),
    ],
)
def test_pages_from_elsewhere_may_not_ask(server, headers, code):
    assert server.raw("/healthz", headers=headers)[0].status == code


def test_prometheus_sees_what_happened(server):
    server.ask(PREDICT, {"instances": [GOOD]})
    server.ask("/v1/models/nope")
    text = server.raw("/metrics")[1].decode()
    assert 'requests_total{code="200"}' in text and 'requests_total{code="404"}' in text
    assert 'request_seconds_bucket{le="0.1"}' in text and "batch_rows_sum" in text and "requests_waiting 0.0" in text


# ---- The command ----------------------------------------------------------------------------------------------------


def test_sigterm_ends_the_command_after_the_last_answer(base):
    command = [sys.executable, "-m", "pix2pix_tf.serving", "run", "--model", f"mine={base / '2'}", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            lines = iter(process.stdout.readline, "")
            url = next(line for line in lines if line.startswith("page: ")).split()[1]
            answers = []
            scene = b64(png(np.full((2048, 2048), 127, np.uint8)))  # some seconds
            port = int(url.rstrip("/").rpartition(":")[2])

            def ask():
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
                connection.request("POST", "/v1/models/mine:predict", json.dumps({"instances": [scene]}))
                answers.append(connection.getresponse().status)

            asking = threading.Thread(target=ask)
            asking.start()

            def busy():
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.request("GET", "/metrics")
                return b"requests_waiting 1.0" in connection.getresponse().read()

            wait_until(busy)
            process.send_signal(signal.SIGTERM)
            asking.join()
            assert process.wait(60) == 128 + signal.SIGTERM
            assert answers == [200]
            assert "answered" in process.stderr.read()
        finally:
            process.kill()


def test_a_port_that_is_taken_is_said():
    with main.listen("127.0.0.1", 0) as taken, pytest.raises(UserError, match="Choose another --port"):
        main.listen("127.0.0.1", taken.getsockname()[1])


def test_tensorflow_is_asked_for_the_bytes(server, base, mask_png):
    """The server's answer is the SavedModel's, with nothing of this package in between."""
    direct = tf.saved_model.load(str(base / "2")).signatures["serving_default"](image_bytes=tf.constant([mask_png]))
    _, answer = server.ask(PREDICT, {"instances": [b64(mask_png)]})
    assert b64decode(answer["predictions"][0]["b64"]) == direct["output_bytes"].numpy()[0]
