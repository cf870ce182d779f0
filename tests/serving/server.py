"""A local server for the tests: the real one, on a free port, in a thread of the test's process."""

import contextlib
import http.client
import io
import json
import threading
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="pip install -r requirements-serve.txt")

import uvicorn

from pix2pix_tf.serving.server import main
from pix2pix_tf.serving.server.app import Service, make_app
from pix2pix_tf.serving.server.gallery import Gallery
from pix2pix_tf.serving.server.model_manager import poll
from pix2pix_tf.serving.server.security import LOCAL
from tests.helpers import wait_until


@dataclass
class Running:
    """A server that runs."""

    service: Service
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path, body=None, headers=None):
        """The code and the JSON of an answer; a body is sent as it is or, if it is no bytes, as JSON."""
        response, data = self.raw(path, body, headers)
        return response.status, json.loads(data)

    def raw(self, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request("GET" if data is None else "POST", path, data, headers or {})
            response = connection.getresponse()
            return response, response.read()


@contextlib.contextmanager
def running(models: dict[str, Path], seconds: float = 0.05, port: int = 0, **settings):
    """Run a server for the length of a block; `seconds` between looks for new versions; port 0: any that is free."""
    chosen = main.Settings(models=models, labels=settings.pop("labels", {}), **settings)
    with main.listen("127.0.0.1", port) as listening:
        service = Service(main.load(chosen), Gallery(), chosen.limits)
        server = uvicorn.Server(uvicorn.Config(make_app(service, LOCAL), log_level="critical"))
        stop = threading.Event()
        threads = [
            threading.Thread(target=server.run, kwargs={"sockets": [listening]}),
            threading.Thread(target=poll, args=(list(service.models.values()), stop, seconds)),
        ]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: server.started)
            yield Running(service, listening.getsockname()[1])
        finally:
            server.should_exit = True
            stop.set()
            for thread in threads:
                thread.join()


def b64(data: bytes) -> dict:
    return {"b64": b64encode(data).decode()}


def png(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def memory() -> float:
    """MiB that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
