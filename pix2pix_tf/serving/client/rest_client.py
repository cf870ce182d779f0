"""Asks a server to paint: the local one or TF Serving, over REST. `grpc_client.py` does the same over gRPC."""

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

RETRIES = 5  # with 0.5 s, 1 s, 2 s, 4 s and 8 s between, unless the server says how long
_LONGEST_WAIT = 30.0  # seconds; whatever the server says

Inputs = Mapping[str, Sequence[bytes | int]]  # by name: PNGs, seeds, conditions


class Refused(UserError):
    """The server understood, and said no; its text is the server's."""


@dataclass(frozen=True)
class Which:
    """The model that is asked."""

    name: str
    version: int | None = None  # None: the newest, or what the label means
    label: str | None = None


def sample_of(signatures: Mapping[str, Any], which: Which) -> Any:
    """What a server tells of the signature `sample`, of those of a model by name.

    Raises:
      UserError: the model has none.
    """
    if "sample" not in signatures:
        raise UserError(f"The model {which.name} has no signature `sample`: it is no export of this project.")
    return signatures["sample"]


class RestClient:
    """Asks over REST."""

    def __init__(self, url: str, timeout: float = 60.0, retries: int = RETRIES):
        """Nothing is asked yet.

        Args:
          url: of the server, such as "http://127.0.0.1:8501".
          timeout: seconds to wait for an answer.
          retries: how often a request is made again when the server is not there yet or too busy.

        Raises:
          UserError: it is no such URL.
        """
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(f"--url {url}: give an address such as http://127.0.0.1:8501.")
        self.url, self.timeout, self.retries = url.rstrip("/"), timeout, retries
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")  # a proxy would look for it on its own machine
        self._opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))

    def inputs(self, which: Which) -> set[str]:
        """The names of what the signature `sample` takes.

        Raises:
          UserError: there is no such model or server.
        """
        signatures = self._ask(f"{_path(which)}/metadata")["metadata"]["signature_def"]["signature_def"]
        return set(sample_of(signatures, which)["inputs"])

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
        sent = {name: [_encoded(value) for value in values] for name, values in inputs.items()}
        answer = self._ask(f"{_path(which)}:predict", {"signature_name": "sample", "inputs": sent})["outputs"]
        named = answer if isinstance(answer, dict) else {"output_bytes": answer}
        return {name: [_decoded(value) for value in values] for name, values in named.items()}

    def _ask(self, path: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})

        def once() -> dict:
            try:
                with self._opener.open(request, timeout=self.timeout) as response:
                    return json.loads(response.read())
            except urllib.error.HTTPError as error:
                told = _told(error)
                if error.code == 503:
                    raise Busy(f"{self.url} says: {told}", error.headers.get("Retry-After")) from None
                raise Refused(f"{self.url} says: {told}") from None
            except urllib.error.URLError as error:
                if isinstance(error.reason, ConnectionRefusedError):
                    cure = "start one: python -m pix2pix_tf.serving run --model RUN"
                    raise Busy(f"There is no server at {self.url} ({cure})") from None
                raise UserError(f"{self.url} cannot be reached ({error.reason}).") from None
            except TimeoutError:
                raise UserError(f"{self.url} did not answer within {self.timeout:.0f} s (--timeout).") from None
            except (http.client.HTTPException, ConnectionError, json.JSONDecodeError) as error:
                raise UserError(
                    f"{self.url} broke off or is no such server ({str(error) or type(error).__name__})."
                ) from None

        return patiently(once, self.retries)


class Busy(Exception):
    """The server is not there yet, or has no room; the request did nothing and can be made again."""

    def __init__(self, message: str, wait: str | None = None):
        super().__init__(message)
        self.wait = float(wait) if wait and wait.isdecimal() else None


def patiently(ask: Callable[[], dict], retries: int) -> dict:
    """Asks again while the server is not there or busy, less and less often.

    Args:
      ask: raises Busy when it is to be called again.
      retries: how often that may be.

    Raises:
      UserError: it was busy each time.
    """
    for attempt in range(retries + 1):
        try:
            return ask()
        except Busy as busy:
            if attempt == retries:
                raise UserError(f"{busy}; given up after {attempt + 1} attempts.") from None
            time.sleep(min(busy.wait if busy.wait is not None else 0.5 * 2**attempt, _LONGEST_WAIT))
    raise AssertionError("the last attempt returns or raises")


def paint(client, which: Which, images: Mapping[str, bytes], seed: int, wishes: Sequence[str]) -> dict[str, bytes]:
    """Paints one image of each kind that the model makes.

    Args:
      client: a RestClient or a GrpcClient.
      which: the model.
      images: PNGs by role, such as {"zones": ...}; a single one may be called "".
      seed: the same seed gives the same image.
      wishes: conditions, "key=value" each.

    Returns:
      PNGs by output, such as {"output_bytes": ...}.

    Raises:
      UserError: see `sample`; or the model takes other images or conditions.
    """
    taken = client.inputs(which)
    wanted = sorted(name for name in taken if name.endswith("_bytes"))
    given = {f"{role}_bytes" if role else wanted[0]: png for role, png in images.items()}
    if len(wanted) == 1 and len(given) == 1:
        given = {wanted[0]: next(iter(given.values()))}
    if sorted(given) != wanted:
        roles = " ".join(f"{name.removesuffix('_bytes')}=FILE" for name in wanted)
        raise UserError(f"The model {which.name} takes these images: {roles}.")
    inputs = {name: [png] for name, png in given.items()} | {"seed": [seed]}
    known = known_conditions(client, which, inputs) if "condition" in taken and wishes else {}
    told = conditions.format_condition(conditions.parse_conditions(wishes, known), known)
    if "condition" in taken:
        inputs["condition"] = [told.encode()]
    return {name: values[0] for name, values in client.sample(which, inputs).items()}


def known_conditions(client, which: Which, inputs: Inputs) -> dict[str, list[str]]:
    """Keys and values that a model can be told, in its order.

    TF Serving's metadata have no place for them; but the model itself names them when it is told what it does not know.

    Raises:
      UserError: it does not.
    """
    try:
        client.sample(which, {**inputs, "condition": [b"?"]})
    except Refused as refused:
        listed = re.search(r"there are (.+?); got", str(refused))
        if not listed:
            raise
        parts = (part.split(": ", 1) for part in listed[1].split("; "))
        return {key: values.split(", ") for key, values in parts}
    raise UserError(f"The model {which.name} does not say which conditions it knows.")


def _path(which: Which) -> str:
    path = f"/v1/models/{urllib.parse.quote(which.name, safe='')}"
    if which.version is not None:
        return f"{path}/versions/{which.version}"
    return path if which.label is None else f"{path}/labels/{urllib.parse.quote(which.label, safe='')}"


def _encoded(value: bytes | int) -> object:
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _decoded(value: object) -> object:
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


def _told(error: urllib.error.HTTPError) -> str:
    """The sentence in an error's JSON, or the code where there is none."""
    try:
        return sentence(json.loads(error.read())["error"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"{error.code} {error.reason}"
