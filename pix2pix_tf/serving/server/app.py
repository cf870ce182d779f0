"""The local server: TF Serving's REST interface, and what the page asks beside it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from pix2pix_tf.serving.server import rest_api
from pix2pix_tf.serving.server.batching import Batcher
from pix2pix_tf.serving.server.gallery import Gallery
from pix2pix_tf.serving.server.limits import Limits, check_images
from pix2pix_tf.serving.server.model_manager import Version, Versions
from pix2pix_tf.serving.server.rest_api import Address, RestError
from pix2pix_tf.serving.server.security import Guard, Metrics

PAGE = Path(__file__).parents[1] / "page"
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass
class Service:
    """What the server has at hand while it runs."""

    models: Mapping[str, Versions]
    gallery: Gallery
    limits: Limits = field(default_factory=Limits)
    metrics: Metrics = field(default_factory=Metrics)
    batchers: dict[str, Batcher] = field(default_factory=dict)
    waiting: int = 0  # requests to predict that are read, wait or are worked on

    def versions(self, address: Address, missing: str) -> Versions:
        """The model that an address names.

        Args:
          address: its name decides.
          missing: what to say where there is no such model.

        Raises:
          RestError: there is none.
        """
        if address.name not in self.models:
            raise RestError(404, missing)
        return self.models[address.name]

    @contextlib.contextmanager
    def admitted(self):
        """A place among those who wait, for the length of a block.

        Raises:
          RestError: 503; all places are taken.
        """
        if self.waiting >= self.limits.waiting:
            raise RestError(503, f"{self.waiting} requests are waiting already; come again", {"Retry-After": "1"})
        self.waiting += 1
        self.metrics.waiting.set(self.waiting)
        try:
            yield
        finally:
            self.waiting -= 1
            self.metrics.waiting.set(self.waiting)


def make_app(service: Service, hosts: tuple[str, ...]) -> Guard:
    """The server as an ASGI application.

    Args:
      service: models and bounds.
      hosts: names under which it may be asked; see `Guard`.
    """

    @contextlib.asynccontextmanager
    async def working(_) -> AsyncIterator[None]:
        for name in service.models:
            service.batchers[name] = Batcher(service.limits.pixels, service.limits.linger, service.metrics.rows.observe)
        tasks = [asyncio.create_task(batcher.work()) for batcher in service.batchers.values()]
        yield
        for task, batcher in zip(tasks, service.batchers.values(), strict=True):
            task.cancel()
            batcher.close()

    app = FastAPI(lifespan=working, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_exception_handler(RestError, lambda _, error: _error(error.code, str(error), error.headers))
    app.add_exception_handler(HTTPException, lambda _, error: _error(error.status_code, str(error.detail)))
    app.add_exception_handler(ClientDisconnect, lambda _, error: _error(499, "the client left"))
    app.add_exception_handler(Exception, lambda _, error: _error(500, "The server failed; its terminal says why."))
    _add_rest(app, service)
    _add_monitoring(app, service)
    _add_page(app, service)
    return Guard(app, hosts, service.metrics)


def _add_rest(app: FastAPI, service: Service) -> None:
    """TF Serving's addresses."""

    @app.get("/v1/{rest:path}")
    def look(request: Request) -> Response:
        address = rest_api.read_address("GET", request.url.path)
        if address.verb == "metadata":
            version = service.versions(address, f"Servable not found for request: {address}").find(address)
            specification = {"name": address.name, "signature_name": "", "version": str(version.number)}
            return _json(
                {"model_spec": specification, "metadata": {"signature_def": {"signature_def": version.metadata}}}
            )
        versions = service.versions(address, f"Could not find any versions of model {address.name}")
        return _json({"model_version_status": versions.status(address)})

    @app.post("/v1/{rest:path}")
    async def predict(request: Request) -> Response:
        address = rest_api.read_address("POST", request.url.path)
        if address.verb != "predict":
            raise RestError(400, f"The models of this server predict; they do not {address.verb}")
        version = service.versions(address, f"Servable not found for request: {address}").find(address)
        with service.admitted():
            body = await read_body(request, service.limits)
            asked, pixels, sizes = await run_in_threadpool(_understand, body, version, service.limits)
            del body  # 30 MB that need not wait in the queue as well
            outputs = await service.batchers[address.name].ask(version, asked, pixels, sizes)
            answer = await run_in_threadpool(rest_api.write_answer, outputs, asked.by_row)
        return Response(answer, media_type="application/json")


def _understand(body: bytes, version: Version, limits: Limits) -> tuple[rest_api.Request, int, frozenset]:
    """From bytes to a request, its pixels and the sizes of its images."""
    asked = rest_api.read_request(body, version.signatures)
    return asked, *check_images(asked.inputs, limits.pixels)


def _add_monitoring(app: FastAPI, service: Service) -> None:
    """For those who watch over the server."""

    @app.get("/healthz")
    def health() -> Response:
        return _json({"status": "ok"})

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _add_page(app: FastAPI, service: Service) -> None:
    """The page, and what it asks."""
    files = {path.name: path.read_bytes() for path in sorted(PAGE.glob("*")) if path.suffix in _KINDS}

    @app.get("/")
    def index() -> Response:
        return page("index.html")

    @app.get("/page/{name}")
    def page(name: str) -> Response:
        if name not in files:  # read at the start: no request can name a path
            raise RestError(404, f"There is no page {name}")
        return Response(files[name], media_type=_KINDS[Path(name).suffix], headers={"Cache-Control": "no-cache"})

    @app.get("/api/models")
    def models() -> Response:
        return _json({"models": [_described(versions) for versions in service.models.values()]})

    @app.get("/api/gallery")
    def gallery() -> Response:
        names = service.gallery.names()
        return _json({"masks": [{"name": name, "url": f"/api/gallery/{i}.png"} for i, name in enumerate(names)]})

    @app.get("/api/gallery/{number}.png")
    def mask(number: str) -> Response:
        png = service.gallery.png(int(number)) if number.isdecimal() and len(number) < 7 else None
        if png is None:
            raise RestError(404, f"There is no mask {number}")
        return Response(png, media_type="image/png")


async def read_body(request: Request, limits: Limits) -> bytes:
    """Reads the body of a request, within bounds.

    Raises:
      RestError: 413, it is too large; 408, it takes too long.
      ClientDisconnect: it ends too early.
    """
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limits.body:
        raise RestError(413, f"The request has {length} bytes; this server takes {limits.body}")
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.body:
                    raise RestError(413, f"The request has more than the {limits.body} bytes that this server takes")
    except TimeoutError:
        raise RestError(408, f"The request did not arrive within {limits.body_seconds:.0f} seconds") from None
    return bytes(body)


def _described(versions: Versions) -> dict:
    """A model as the page needs it."""
    loaded = versions.loaded
    model = loaded[max(loaded)].model
    wanted = ("variant", "run", "inputs", "targets", "size", "divisor", "bits", "conditions", "origin")
    told = {key: getattr(model, key) for key in wanted}
    return {"name": versions.name, **told, "versions": sorted(loaded), "labels": versions.labels}


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


def _error(code: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps({"error": message}), code, dict(headers or {}), "application/json")
