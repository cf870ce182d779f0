"""The readers that need a model: mask decoding inside a SavedModel, and the local server with all that is around it.

Both take the tiny network of `make_tiny`, so that a case costs what the checks cost, and hardly any arithmetic.
"""

import base64
import functools
import http.client
import json
import random
import select
import socket
import tempfile
from pathlib import Path

from benchmarks.speed.serving import Server, in_a_process_of_its_own, make_export
from tests.robustness import mutations
from tests.robustness.readers import SIZE, Reader, bodies, bomb, masks, paths, pngs

TINY = ["model.depth=5", "model.generator_width=4", "model.discriminator_width=4", "train.precision=float32"]
MAY_SAY = (400, 404, 405, 408, 411, 413, 414, 417, 426, 431, 501, 503)  # what HTTP has for a request that is not good
PATIENCE = 0.25  # seconds for an answer, which takes some milliseconds


class Refused(Exception):
    """The answer of the model or the server."""


@functools.cache
def make_tiny() -> Path:
    """A base path with a tiny, untrained export; made once in a process."""
    base = Path(tempfile.mkdtemp()) / "bench"
    in_a_process_of_its_own(make_export, base / "1", SIZE, TINY)
    return base


@functools.cache
def _model():
    from pix2pix_tf.export import saved_model

    return saved_model.load(make_tiny())


def _mask(data: bytes, _: Path) -> None:
    """Paint a mask through the SavedModel alone, as TensorFlow Serving does."""
    import tensorflow as tf

    from pix2pix_tf.serving.error_messages import sentence

    try:
        _model().generate_pngs([[data]], [7])
    except tf.errors.InvalidArgumentError as error:
        raise Refused(sentence(error.message)) from None


@functools.cache
def _server() -> Server:
    return Server(make_tiny())


def requests() -> list[bytes]:
    """Whole HTTP requests: to look, and to predict."""
    _server()  # which takes longer to start than a case may
    looks = (path.split(b" ")[1].replace(b"orig", b"bench") for path in paths() if path.startswith(b"G"))
    found = [
        b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path for path in (*looks, b"/", b"/healthz", b"/api/models")
    ]
    return found + [_post(body) for body in bodies()[:4]]


def _post(body: bytes) -> bytes:
    head = b"POST /v1/models/bench:predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _spoilt_request(random_: random.Random, data: bytes, other: bytes = b"") -> bytes:
    """Of two one is spoilt in its body alone, and says its right length."""
    if random_.random() < 0.5:
        return mutations.damaged(random_, data, other)
    if random_.random() < 0.3:
        image = mutations.png(random_, random_.choice(_MASKS), random_.choice(_MASKS))
        return _post(json.dumps({"instances": [{"b64": base64.b64encode(image).decode()}]}).encode())
    return _post(mutations.json_document(random_, random_.choice(_BODIES)))


def _request(data: bytes, _: Path) -> None:
    """Send bytes to the server and read the answer, which must be HTTP and, if it is a refusal, one sentence."""
    connection = http.client.HTTPConnection("127.0.0.1", _server().port, timeout=20)
    connection.connect()
    try:
        connection.sock.sendall(data)
        if not select.select([connection.sock], [], [], PATIENCE)[0]:  # it waits for more than there is
            connection.sock.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection.sock)
        try:
            answer.begin()
        except (http.client.RemoteDisconnected, ConnectionResetError):
            raise Refused("the connection was closed: no whole request") from None
        content = answer.read()
    finally:
        connection.close()
    if answer.status == 200:
        return
    if answer.status not in MAY_SAY:
        raise AssertionError(f"{answer.status}: {content[:200]!r}")
    raise Refused(content.decode())


_MASKS, _BODIES = masks(), bodies()[:4]

READERS = {
    "saved-model": Reader(
        "SavedModel", lambda: [*pngs(), bomb(8192, 8192, 2**20)], _mask, (Refused,), mutations.png, share=6
    ),
    "server": Reader("server", requests, _request, (Refused,), _spoilt_request, share=2),
}
