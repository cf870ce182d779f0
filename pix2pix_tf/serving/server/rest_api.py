"""TF Serving's REST interface: parses its URLs and JSON, and writes its responses and error messages.

The format is that of https://www.tensorflow.org/tfx/serving/api_rest. The error messages are those of TF Serving's
json_tensor.cc and http_rest_api_util.cc, so a client gets the same ones from both servers.
"""

import binascii
import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import orjson

from pix2pix_tf.utils.errors import truncate

_WHICH = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_PREDICT = re.compile(rf"/v1/models/(?P<name>[^/:]+){_WHICH}:(?P<verb>predict|classify|regress)", re.IGNORECASE)
_LOOK = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_WHICH}(?:/(?P<verb>metadata))?", re.IGNORECASE)
_SHOWN = 60  # characters of a value in an error message

Array = np.ndarray | list[bytes]  # strings are lists of bytes


class RestError(Exception):
    """An error response: an HTTP code and one sentence."""

    def __init__(self, code: int, message: str, headers: Mapping[str, str] | None = None):
        super().__init__(message)
        self.code, self.headers = code, dict(headers or {})


@dataclass(frozen=True)
class Address:
    """The parts of a URL's path."""

    name: str
    version: int | None = None
    label: str | None = None
    verb: str = ""  # predict | classify | regress | metadata; "": the status

    def __str__(self) -> str:
        return f"Latest({self.name})" if self.version is None else f"Specific({self.name}, {self.version})"


@dataclass(frozen=True)
class Spec:
    """An input of a signature."""

    dtype: str  # as TensorFlow names it: "string", "uint8", "int32" ...
    rank: int  # with the batch


@dataclass(frozen=True)
class Request:
    """A request to predict."""

    signature: str
    inputs: Mapping[str, Array]  # by name; all of the same length
    rows: int
    by_row: bool  # `instances` and `predictions`, in place of `inputs` and `outputs`


def read_address(method: str, path: str) -> Address:
    """Parse a URL's path.

    Args:
      method: "GET" or "POST".
      path: such as "/v1/models/gen5/labels/stable:predict".

    Raises:
      RestError: 400, TF Serving has no such path.
    """
    match = (_PREDICT if method == "POST" else _LOOK).fullmatch(path)
    if not match:
        raise RestError(400, f"Malformed request: {method} {truncate(path)}")
    if not match["name"]:
        raise RestError(400, "Missing model name in request.")
    if match["version"] and (len(match["version"]) > 19 or int(match["version"]) >= 2**63):
        raise RestError(400, f"Failed to convert version: {truncate(match['version'])} to numeric.")
    version = int(match["version"]) if match["version"] else None
    return Address(match["name"], version, match["label"], (match["verb"] or "").lower())


def read_request(body: bytes, signatures: Mapping[str, Mapping[str, Spec]]) -> Request:
    """Parse the body of a predict request.

    Args:
      body: JSON with `instances` (a list of rows) or `inputs` (columns), and perhaps a `signature_name`.
      signatures: the inputs by name of each signature.

    Raises:
      RestError: 400, the body does not fit; the message names the place.
    """
    document = _parse(body)
    name = document.get("signature_name", "serving_default")
    if not isinstance(name, str):
        raise RestError(400, f"JSON Value: {_shown(document)} 'signature_name' key must be a string value.")
    if name not in signatures:
        raise RestError(400, f'Serving signature name: "{truncate(name)}" not found in signature def')
    specs = signatures[name]
    if "instances" in document and "inputs" in document:
        raise RestError(
            400, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist in the request."
        )
    columns: Mapping[str, object]
    if "instances" in document:
        columns = _columns_of_rows(document["instances"], specs)
    elif "inputs" in document:
        columns = _columns(document["inputs"], specs)
    else:
        raise RestError(400, "Missing 'inputs' or 'instances' key")
    inputs = {key: _array(key, column, specs[key]) for key, column in columns.items()}
    lengths = {key: len(array) for key, array in inputs.items()}
    if len(set(lengths.values())) != 1:
        counts = ", ".join(f"{key} {length}" for key, length in sorted(lengths.items()))
        raise RestError(400, f"Inputs must have equally many rows; they have: {counts}")
    return Request(name, inputs, next(iter(lengths.values())), "instances" in document)


def write_response(outputs: Mapping[str, Array], by_row: bool) -> bytes:
    """Return the body of a response: `predictions` by row or `outputs` by column. Names in _bytes become base64.

    Args:
      outputs: by name; all of the same length.
      by_row: as in the request.
    """
    columns = {
        name: [{"b64": b64encode(one).decode()} for one in array] if name.endswith("_bytes") else array
        for name, array in outputs.items()
    }
    single = next(iter(columns.values())) if len(columns) == 1 else None
    if not by_row:
        content = {"outputs": columns if single is None else single}
    elif single is not None:
        content = {"predictions": list(single)}
    else:
        content = {"predictions": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]}
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def _parse(body: bytes) -> dict:
    if not body:
        raise RestError(400, "JSON Parse error: The document is empty")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RestError(400, f"JSON Parse error: {error.msg} at offset: {error.pos}") from None
    if not isinstance(document, dict):
        raise RestError(400, f"JSON Value: {_shown(document)} Is not object")
    return document


def _columns_of_rows(rows: object, specs: Mapping[str, Spec]) -> dict[str, list]:
    """Turn `instances` into one list for each input."""
    if not isinstance(rows, list):
        raise RestError(400, f"JSON Value: {_shown(rows)} Excepting 'instances' to be an list/array")
    if not rows:
        raise RestError(400, "JSON Value: [] No values in 'instances' array")
    named = _is_named(rows[0])
    if not named and len(specs) > 1:
        raise RestError(
            400,
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            f"tensorinfo_map: {', '.join(sorted(specs))}",
        )
    for number, row in enumerate(rows):
        if _is_named(row) != named:
            kinds = ("object", "list") if named else ("value/list", "object")
            raise RestError(400, f"Expecting {kinds[0]} but got {kinds[1]} at item {number} of input list")
        if named and row.keys() != specs.keys():
            raise RestError(
                400,
                f"Failed to process element: {number} of 'instances' list. JSON object: {_shown(row)} keys must be "
                f"equal to: {','.join(sorted(specs))}",
            )
    return {key: [row[key] for row in rows] for key in specs} if named else {next(iter(specs)): rows}


def _columns(inputs: object, specs: Mapping[str, Spec]) -> dict[str, object]:
    """Turn `inputs` into one value for each input."""
    if not _is_named(inputs):
        if len(specs) > 1:
            raise RestError(
                400,
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                f"tensorinfo_map: {', '.join(sorted(specs))}",
            )
        return {next(iter(specs)): inputs}
    for key in specs:
        if key not in inputs:
            raise RestError(400, f"Missing named input: {key} in 'inputs' object.")
    return {key: inputs[key] for key in specs}


def _is_named(value: object) -> TypeGuard[dict[str, object]]:
    """Return True if a JSON value is an object of inputs by name, rather than one input."""
    return isinstance(value, dict) and not (value.keys() == {"b64"} and isinstance(value["b64"], str))


def _array(key: str, column: object, spec: Spec) -> Array:
    if spec.dtype == "string":
        if not isinstance(column, list):
            raise RestError(400, f"{key} should be a list of strings")
        return [_bytes(key, value) for value in column]
    dtype = np.dtype(spec.dtype)
    array = np.asarray(column, dtype=object)  # not strings: NumPy would give each cell the length of the longest one
    types = set(map(type, array.ravel()))
    if list in types:
        raise RestError(400, f"{key}: Encountered list at unexpected size; all rows must have one shape")
    if not types <= ({int, float} if dtype.kind == "f" else {int}):
        raise RestError(400, f"{key}: JSON Value: {_shown(column)} is not of expected type: {spec.dtype}")
    if array.ndim != spec.rank:
        raise RestError(400, f"{key} has {array.ndim} dimensions, with the batch; the model takes {spec.rank}")
    if dtype.kind in "iu" and array.size:
        bounds = np.iinfo(dtype)
        if array.min() < bounds.min or array.max() > bounds.max:
            raise RestError(400, f"{key}: a value is not of expected type: {spec.dtype}")
    return array.astype(dtype)


def _bytes(key: str, value: object) -> bytes:
    """Return a JSON string as bytes; {"b64": ...} is decoded."""
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, dict):
        raise RestError(400, f"{key}: JSON Value: {_shown(value)} is not of expected type: string")
    if _is_named(value):
        raise RestError(400, f"{key}: JSON Value: {_shown(value)} not formatted correctly for base64 data")
    text = value["b64"]
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except (binascii.Error, ValueError):
        raise RestError(400, f"{key}: Unable to base64 decode") from None


def _shown(value: object) -> str:
    """Return a JSON value for an error message, cut if it is long."""
    if isinstance(value, Sequence) and len(value) > _SHOWN:
        value = value[:_SHOWN]
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
