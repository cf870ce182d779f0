"""The local server: TF Serving's REST interface, and the page with its own routes."""

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

from pix2pix_tf.serving.server import masks, rest_api
from pix2pix_tf.serving.server.batching import Batcher
from pix2pix_tf.serving.server.gallery import Gallery
from pix2pix_tf.serving.server.limits import Limits, check_images
from pix2pix_tf.serving.server.model_manager import Version, Versions
from pix2pix_tf.serving.server.rest_api import Address, RestError
from pix2pix_tf.serving.server.security import Metrics, SecurityMiddleware

PAGE = Path(__file__).parents[1] / "page"
_MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass
class Service:
    """The state of the running server."""

    models: Mapping[str, Versions]
    gallery: Gallery
    limits: Limits = field(default_factory=Limits)
    metrics: Metrics = field(default_factory=Metrics)
    batchers: dict[str, Batcher] = field(default_factory=dict)
    waiting: int = 0  # predict requests that are read, queued or computed

    def versions(self, address: Address, missing: str) -> Versions:
        """Return the model that an address names.

        Args:
          address: only its name counts.
          missing: the error message if there is no such model.

        Raises:
          RestError: 404, there is no such model.
        """
        if address.name not in self.models:
            raise RestError(404, missing)
        return self.models[address.name]

    @contextlib.contextmanager
    def admitted(self):
        """Occupy a place in the queue for the length of a block.

        Raises:
          RestError: 503, all places are taken.
        """
        if self.waiting >= self.limits.waiting:
            raise RestError(503, f"{self.waiting} requests are waiting already; try again", {"Retry-After": "1"})
        self.waiting += 1
        self.metrics.waiting.set(self.waiting)
        try:
            yield
        finally:
            self.waiting -= 1
            self.metrics.waiting.set(self.waiting)


def make_app(service: Service, hosts: tuple[str, ...]) -> SecurityMiddleware:
    """Return the server as an ASGI application.

    Args:
      service: models and limits.
      hosts: allowed Host headers; see `SecurityMiddleware`.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_) -> AsyncIterator[None]:
        for name in service.models:
            service.batchers[name] = Batcher(service.limits.pixels, service.limits.linger, service.metrics.rows.observe)
        tasks = [asyncio.create_task(batcher.work()) for batcher in service.batchers.values()]
        yield
        for task, batcher in zip(tasks, service.batchers.values(), strict=True):
            task.cancel()
            batcher.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_exception_handler(RestError, lambda _, error: _error(error.code, str(error), error.headers))
    app.add_exception_handler(HTTPException, lambda _, error: _error(error.status_code, str(error.detail)))
    app.add_exception_handler(ClientDisconnect, lambda _, error: _error(499, "the client left"))
    app.add_exception_handler(Exception, lambda _, error: _error(500, "The server failed; see its terminal."))
    _add_rest(app, service)
    _add_monitoring(app, service)
    _add_page(app, service)
    return SecurityMiddleware(app, hosts, service.metrics)


def _add_rest(app: FastAPI, service: Service) -> None:
    """Add TF Serving's routes."""

    @app.get("/v1/{rest:path}")
    def status_or_metadata(request: Request) -> Response:
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
            raise RestError(400, f"This server supports :predict only, not :{address.verb}")
        version = service.versions(address, f"Servable not found for request: {address}").find(address)
        with service.admitted():
            body = await read_body(request, service.limits)
            parsed, pixels, sizes = await run_in_threadpool(_parse, body, version, service.limits)
            del body  # up to 32 MiB, which the queue need not keep
            outputs = await service.batchers[address.name].predict(version, parsed, pixels, sizes)
            content = await run_in_threadpool(rest_api.write_response, outputs, parsed.by_row)
        return Response(content, media_type="application/json")


def _parse(body: bytes, version: Version, limits: Limits) -> tuple[rest_api.Request, int, frozenset]:
    """Return a request, the number of its pixels, and the sizes of its images."""
    request = rest_api.read_request(body, version.signatures)
    return request, *check_images(request.inputs, limits.pixels)


def _add_monitoring(app: FastAPI, service: Service) -> None:
    """Add the routes for health checks and Prometheus."""

    @app.get("/healthz")
    def health() -> Response:
        return _json({"status": "ok"})

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _add_page(app: FastAPI, service: Service) -> None:
    """Add the page and its own routes."""
    files = {path.name: path.read_bytes() for path in sorted(PAGE.glob("*")) if path.suffix in _MEDIA_TYPES}

    @app.get("/")
    def index() -> Response:
        return page("index.html")

    @app.get("/page/{name}")
    def page(name: str) -> Response:
        if name not in files:  # read at start-up: no request can name a path
            raise RestError(404, f"There is no page {name}")
        return Response(files[name], media_type=_MEDIA_TYPES[Path(name).suffix], headers={"Cache-Control": "no-cache"})

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

    @app.post("/api/mask")
    async def tiff(request: Request) -> Response:
        with service.admitted():
            body = await read_body(request, service.limits)
            png = await run_in_threadpool(masks.png_of_tiff, body, service.limits)
        return Response(png, media_type="image/png")


async def read_body(request: Request, limits: Limits) -> bytes:
    """Read the body of a request, within the limits.

    Raises:
      RestError: 413, it is too large; 408, it takes too long.
      ClientDisconnect: the client disconnected.
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
    """Return a model's metadata for the page."""
    loaded = versions.loaded
    model = loaded[max(loaded)].model
    keys = ("variant", "run", "inputs", "targets", "size", "divisor", "bits", "conditions", "styles", "origin")
    metadata = {key: getattr(model, key) for key in keys}
    return {"name": versions.name, **metadata, "versions": sorted(loaded), "labels": versions.labels}


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


def _error(code: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps({"error": message}), code, dict(headers or {}), "application/json")
