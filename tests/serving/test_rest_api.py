"""TF Serving's JSON to arrays and back, without a server."""

import json
from base64 import b64encode

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("orjson", reason="pip install -r requirements-serve.txt")

from pix2pix_tf.serving.error_messages import sentence
from pix2pix_tf.serving.server import limits, rest_api
from pix2pix_tf.serving.server.rest_api import Address, RestError, Spec

SIGNATURES = {
    "serving_default": {"image_bytes": Spec("string", 1)},
    "sample": {"image_bytes": Spec("string", 1), "seed": Spec("int32", 1)},
    "tensor": {"image": Spec("uint8", 4), "seed": Spec("int32", 1)},
}
LEAVES = st.sampled_from([None, True, 0, 1, -1, 256, 2**40, 2**70, 0.5, 1e300, "", "YQ==", "*"])
KEYS = st.sampled_from(["b64", "image_bytes", "seed", "image", "x"])
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2), max_leaves=6
)
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a machine that does more


@PATIENT
@given(
    images=st.lists(st.binary(max_size=40), min_size=1, max_size=4),
    seeds=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=4, max_size=4),
    by_row=st.booleans(),
)
def test_inputs_arrive_as_they_were_sent(images, seeds, by_row):
    seeds = seeds[: len(images)]
    sent = [{"b64": b64encode(image).decode()} for image in images]
    if by_row:
        body = {"instances": [{"image_bytes": i, "seed": s} for i, s in zip(sent, seeds, strict=True)]}
    else:
        body = {"inputs": {"image_bytes": sent, "seed": seeds}}
    request = rest_api.read_request(json.dumps({"signature_name": "sample", **body}).encode(), SIGNATURES)
    assert (request.inputs["image_bytes"], request.inputs["seed"].tolist()) == (images, seeds)
    assert (request.inputs["seed"].dtype, request.rows, request.by_row) == (np.int32, len(images), by_row)


@PATIENT
@given(
    body=st.dictionaries(st.sampled_from(["signature_name", "instances", "inputs", "x"]), JSON),
    signature=st.sampled_from([*SIGNATURES, None]),
)
def test_any_json_is_a_request_or_a_mistake_of_the_clients(body, signature):
    if signature:
        body["signature_name"] = signature
    request = attempt(rest_api.read_request, json.dumps(body).encode(), SIGNATURES)
    if isinstance(request, RestError):
        assert request.code == 400 and str(request)
    else:
        assert request.inputs.keys() == SIGNATURES[request.signature].keys()
        assert all(len(array) == request.rows for array in request.inputs.values())


def attempt(function, *arguments):
    """Return a function's result, or the RestError that it raises."""
    try:
        return function(*arguments)
    except RestError as error:
        return error


@PATIENT
@given(path=st.text(max_size=40) | st.from_regex(r"/v1/models/\w+(/versions/\d+)?(/labels/\w+)?(:predict)?"))
def test_any_path_is_an_address_or_a_mistake_of_the_clients(path):
    for method in ("GET", "POST"):
        found = attempt(rest_api.read_address, method, path)
        assert found.code == 400 if isinstance(found, RestError) else found.name


@pytest.mark.parametrize(
    ("method", "path", "address"),
    [
        ("GET", "/v1/models/gen5", Address("gen5")),
        ("GET", "/v1/models/gen5/versions/7", Address("gen5", 7)),
        ("GET", "/v1/models/gen5/labels/stable/metadata", Address("gen5", None, "stable", "metadata")),
        ("POST", "/v1/models/gen5:predict", Address("gen5", verb="predict")),
        ("POST", "/V1/Models/gen5/versions/7:Predict", Address("gen5", 7, None, "predict")),
    ],
)
def test_addresses(method, path, address):
    assert rest_api.read_address(method, path) == address


@pytest.mark.parametrize(
    ("outputs", "rows", "columns"),
    [
        ({"output_bytes": [b"a"]}, [{"b64": "YQ=="}], [{"b64": "YQ=="}]),
        ({"output": np.array([[0.1, -1]], np.float32)}, [[0.1, -1.0]], [[0.1, -1.0]]),
        (
            {"output": np.array([1.5], np.float32), "name": ["x"]},
            [{"output": 1.5, "name": "x"}],
            {"output": [1.5], "name": ["x"]},
        ),
    ],
)
def test_answers_by_hand(outputs, rows, columns):
    assert json.loads(rest_api.write_response(outputs, by_row=True)) == {"predictions": rows}
    assert json.loads(rest_api.write_response(outputs, by_row=False)) == {"outputs": columns}


def test_base64_needs_no_padding():
    request = rest_api.read_request(b'{"instances": [{"b64": "YQ"}]}', SIGNATURES)
    assert request.inputs == {"image_bytes": [b"a"]}


@pytest.mark.parametrize(
    ("message", "plain"),
    [
        (
            "Graph execution error:\n\nDetected at node Assert_1/Assert defined at (most recent call last):\n"
            "<stack traces unavailable>\nassertion failed: [zones: not a PNG file]\n\t [[{{node Assert_1/Assert}}]] "
            "[Op:__inference_signature_wrapper_3840]",
            "zones: not a PNG file",
        ),
        (
            "assertion failed: [the sides; height and width are] [33] [32]\n\t [[{{node x}}]]",
            "the sides; height and width are [33] [32]",
        ),
        ("Graph execution error:\n\nInvalid PNG data, size 60\n\t [[{{node y}}]] [Op:z]", "Invalid PNG data, size 60"),
        ("Invalid PNG data, size 60\n\t [[{{function_node f}}{{node y}}]]", "Invalid PNG data, size 60"),
        ("{{function_node f}} out of memory [Op:z]", "out of memory"),
        ("Servable not found for request: Latest(x)", "Servable not found for request: Latest(x)"),
        ("", ""),
    ],
)
def test_tensorflows_messages_in_one_sentence(message, plain):
    assert sentence(message) == plain


def test_costs_by_hand():
    image = np.zeros((3, 32, 64, 1), np.uint8)
    assert limits.check_images({"image": image, "seed": np.zeros(3, np.int32)}, 6144) == (6144, {(32, 64)})
    with pytest.raises(RestError, match="6144 pixels") as error:
        limits.check_images({"image": image}, 6143)
    assert error.value.code == 413


def test_one_long_string_does_not_make_all_cells_long():
    """NumPy's array of these strings would take 80 GB."""
    body = {"signature_name": "sample", "inputs": {"image_bytes": ["x"], "seed": ["x" * 2**20] + ["1"] * 20_000}}
    with pytest.raises(RestError, match="not of expected type: int32"):
        rest_api.read_request(json.dumps(body).encode(), SIGNATURES)


def test_values_of_the_request_are_cut_in_the_message():
    assert len(sentence(f"assertion failed: [condition: not known; got] [{'x' * 10_000}]")) == 400
