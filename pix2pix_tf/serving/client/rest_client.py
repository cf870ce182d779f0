"""REST client of the local server and of TF Serving. `grpc_client.py` is the same over gRPC."""

import base64
import http.client
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pix2pix_tf.data import conditions
from pix2pix_tf.serving.error_messages import sentence
from pix2pix_tf.utils.errors import UserError

RETRIES = 5  # after 0.5 s, 1 s, 2 s, 4 s and 8 s, unless the server sends Retry-After
_LONGEST_WAIT = 30.0  # seconds, also if the server asks for more

Inputs = Mapping[str, Sequence[bytes | int]]  # by name: PNGs, seeds, conditions


class Refused(UserError):
    """The server refused the request; the message is the server's."""


@dataclass(frozen=True)
class ModelSpec:
    """The model to use, and optionally its version or label."""

    name: str
    version: int | None = None  # None: the newest, or that of the label
    label: str | None = None


def sample_signature(signatures: Mapping[str, Any], model: ModelSpec) -> Any:
    """Return the signature `sample` of a model's metadata.

    Raises:
      UserError: the model has no such signature.
    """
    if "sample" not in signatures:
        raise UserError(f"The model {model.name} has no signature `sample`: it is not an export of this project.")
    return signatures["sample"]


class RestClient:
    """A client over REST."""

    def __init__(self, url: str, timeout: float = 60.0, retries: int = RETRIES):
        """Send no request yet.

        Args:
          url: of the server, such as "http://127.0.0.1:8501".
          timeout: for a response, seconds.
          retries: number of further attempts while the server is busy or not yet running.

        Raises:
          UserError: the URL is not valid.
        """
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(f"--url {url}: give an address such as http://127.0.0.1:8501.")
        self.url, self.timeout, self.retries = url.rstrip("/"), timeout, retries
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")  # a proxy would connect to its own machine
        self._opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))

    def inputs(self, model: ModelSpec) -> set[str]:
        """Return the input names of the signature `sample`.

        Raises:
          UserError: there is no such model or server.
        """
        signatures = self._send(f"{_path(model)}/metadata")["metadata"]["signature_def"]["signature_def"]
        return set(sample_signature(signatures, model)["inputs"])

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
        columns = {name: [_encoded(value) for value in values] for name, values in inputs.items()}
        outputs = self._send(f"{_path(model)}:predict", {"signature_name": "sample", "inputs": columns})["outputs"]
        by_name = outputs if isinstance(outputs, dict) else {"output_bytes": outputs}
        return {name: [_decoded(value) for value in values] for name, values in by_name.items()}

    def _send(self, path: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})

        def once() -> dict:
            try:
                with self._opener.open(request, timeout=self.timeout) as response:
                    return json.loads(response.read())
            except urllib.error.HTTPError as error:
                message = _message_of(error)
                if error.code == 503:
                    raise Busy(f"{self.url}: {message}", error.headers.get("Retry-After")) from None
                raise Refused(f"{self.url}: {message}") from None
            except urllib.error.URLError as error:
                if isinstance(error.reason, ConnectionRefusedError):
                    cure = "start one: python -m pix2pix_tf.serving run --model RUN"
                    raise Busy(f"There is no server at {self.url} ({cure})") from None
                raise UserError(f"{self.url} cannot be reached ({error.reason}).") from None
            except TimeoutError:
                raise UserError(f"{self.url} did not answer within {self.timeout:.0f} s (--timeout).") from None
            except (http.client.HTTPException, ConnectionError, json.JSONDecodeError) as error:
                raise UserError(
                    f"{self.url} closed the connection or is not such a server ({str(error) or type(error).__name__})."
                ) from None

        return with_retries(once, self.retries)


class Busy(Exception):
    """The server is busy or not yet running; the request had no effect and can be repeated."""

    def __init__(self, message: str, wait: str | None = None):
        super().__init__(message)
        self.wait = float(wait) if wait and wait.isdecimal() else None


def with_retries(send: Callable[[], dict], retries: int) -> dict:
    """Repeat a request while the server is busy or not running, with growing delays.

    Args:
      send: raises Busy if it can be called again.
      retries: number of further calls.

    Raises:
      UserError: the server was busy each time.
    """
    for attempt in range(retries + 1):
        try:
            return send()
        except Busy as busy:
            if attempt == retries:
                raise UserError(f"{busy}; given up after {attempt + 1} attempts.") from None
            time.sleep(min(busy.wait if busy.wait is not None else 0.5 * 2**attempt, _LONGEST_WAIT))
    raise AssertionError("the last attempt returns or raises")


def generate(
    client, model: ModelSpec, images: Mapping[str, bytes], seed: int, condition: Sequence[str], style: str = ""
) -> dict[str, bytes]:
    """Generate one image for each target of the model.

    Args:
      client: a RestClient or a GrpcClient.
      model: its name and version.
      images: PNGs by role, such as {"zones": ...}; the key of a single one may be "".
      seed: the same seed gives the same image.
      condition: "key=value" each.
      style: as `data/styles.choose` takes it; "" for a model without styles.

    Returns:
      PNGs by output, such as {"output_bytes": ...}.

    Raises:
      UserError: see `sample`; or the model takes other images, conditions or styles.
    """
    names = client.inputs(model)
    image_names = sorted(name for name in names if name.endswith("_bytes"))
    given = {f"{role}_bytes" if role else image_names[0]: png for role, png in images.items()}
    if len(image_names) == 1 and len(given) == 1:
        given = {image_names[0]: next(iter(given.values()))}
    if sorted(given) != image_names:
        roles = " ".join(f"{name.removesuffix('_bytes')}=FILE" for name in image_names)
        raise UserError(f"The model {model.name} takes these images: {roles}.")
    inputs = {name: [png] for name, png in given.items()} | {"seed": [seed]}
    if "style" in names:
        inputs["style"] = [style.encode()]
    elif style:
        raise UserError(f"--style {style}: the model {model.name} has no styles. Leave it out.")
    vocabulary = condition_vocabulary(client, model, inputs) if "condition" in names and condition else {}
    text = conditions.format_condition(conditions.parse_conditions(condition, vocabulary), vocabulary)
    if "condition" in names:
        inputs["condition"] = [text.encode()]
    return {name: values[0] for name, values in client.sample(model, inputs).items()}


def condition_vocabulary(client, model: ModelSpec, inputs: Inputs) -> dict[str, list[str]]:
    """Return the keys and values of a model's condition, in its order.

    TF Serving's metadata has no place for them, but a model lists them in its error message for an unknown value.

    Raises:
      UserError: the model's message does not list them.
    """
    try:
        client.sample(model, {**inputs, "condition": [b"?"]})
    except Refused as refused:
        listed = re.search(r"there are (.+?); got", str(refused))
        if not listed:
            raise
        parts = (part.split(": ", 1) for part in listed[1].split("; "))
        return {key: values.split(", ") for key, values in parts}
    raise UserError(f"The model {model.name} does not list its conditions.")


def _path(model: ModelSpec) -> str:
    path = f"/v1/models/{urllib.parse.quote(model.name, safe='')}"
    if model.version is not None:
        return f"{path}/versions/{model.version}"
    return path if model.label is None else f"{path}/labels/{urllib.parse.quote(model.label, safe='')}"


def _encoded(value: bytes | int) -> object:
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _decoded(value: object) -> object:
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


def _message_of(error: urllib.error.HTTPError) -> str:
    """Return the message in an error's JSON, or the HTTP code if there is none."""
    try:
        return sentence(json.loads(error.read())["error"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"{error.code} {error.reason}"
