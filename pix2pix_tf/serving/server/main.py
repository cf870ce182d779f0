"""Starts the local server, and shuts it down after the requests in flight are answered."""

import signal
import socket
import threading
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from pix2pix_tf.export import best_epoch
from pix2pix_tf.export import versions as export_versions
from pix2pix_tf.serving.server.app import Service, make_app
from pix2pix_tf.serving.server.gallery import Gallery
from pix2pix_tf.serving.server.limits import Limits
from pix2pix_tf.serving.server.model_manager import Versions, poll
from pix2pix_tf.serving.server.security import LOCAL
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import Interrupted, UserError

LAST_ANSWERS = 60  # seconds for requests in flight at shutdown


@dataclass(frozen=True)
class Settings:
    """The settings of the local server."""

    models: Mapping[str, Path]  # name -> a base path or a version
    labels: Mapping[str, Mapping[str, int]]  # name -> version by label
    newest: int = 1  # number of newest versions served of each model
    host: str = "127.0.0.1"
    port: int = 8501  # 0: any that is free
    allowed_hosts: Sequence[str] = ()  # further allowed Host headers
    gallery: Path | None = None  # a folder of zone masks for the page; None: simulated ones
    limits: Limits = field(default_factory=Limits)
    open_page: bool = False


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
      UserError: the port is taken, a model cannot be loaded, or the gallery is empty.
      Interrupted: it received a signal, and has answered all requests in flight.
    """
    gallery = Gallery()
    if settings.gallery:
        gallery.add_folder(settings.gallery)
    with listen(settings.host, settings.port) as listening:
        service = Service(load(settings), gallery, settings.limits)
        if not settings.gallery:
            _simulate(service)
        stop = threading.Event()
        threading.Thread(target=poll, args=(list(service.models.values()), stop), daemon=True).start()
        app = make_app(service, (*LOCAL, settings.host, *settings.allowed_hosts))
        _announce(service, listening, settings)
        try:
            _run(app, listening)
        finally:
            stop.set()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on a port.

    Raises:
      UserError: the port is in use, or the host is not an address of this machine.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{host}:{port} cannot be served ({reason}). Choose another --port or --host.") from None


def load(settings: Settings) -> dict[str, Versions]:
    """Load all models before the first request.

    Raises:
      UserError: one cannot be loaded.
    """
    models = {}
    for name, path in cli.progress(settings.models.items(), len(settings.models), "models loaded"):
        versions = Versions(name, path_to_serve(path), settings.newest, settings.labels.get(name))
        versions.refresh()
        if not versions.loaded:
            raise UserError(next(iter(versions.failed.values())))
        missing = [f"{label}={n}" for label, n in versions.labels.items() if n not in versions.loaded]
        if missing:
            raise UserError(f"--label {name}/{missing[0]}: {path} has no such version.")
        models[name] = versions
    return models


def path_to_serve(path: Path) -> Path:
    """Return the version folder to serve for a run with best.json or a version; else a base path, to serve its newest.

    Raises:
      UserError: there is no export, or the run's best one is gone.
    """
    version = export_versions.find(path)
    newest = not best_epoch.read(path) and version != path
    return version.parent if newest else version


def _simulate(service: Service) -> None:
    """Fill the gallery with masks of the size of the first model that takes masks."""
    for versions in service.models.values():
        model = versions.loaded[max(versions.loaded)].model
        if "zones" in model.inputs:
            service.gallery.simulate(model.size)
            return


def _announce(service: Service, listening: socket.socket, settings: Settings) -> None:
    for name, versions in service.models.items():
        print(f"{name}: version {', '.join(map(str, versions.loaded))} of {versions.path}")
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{listening.getsockname()[1]}"
    print("This server is for local use: no passwords, no encryption. For production see deploy/README.md.")
    print(f"REST: {url}/v1/models/{next(iter(service.models))}")
    if settings.host not in LOCAL:
        print("Requests must use a host name given by --host or --allow-host.")
    print(f"page: {url}/", flush=True)
    if settings.open_page:
        webbrowser.open(f"{url}/")


def _run(app, listening: socket.socket) -> None:
    """Run uvicorn, which at SIGINT and SIGTERM answers the requests in flight, ends, and raises the signal again."""
    received: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda which, _: received.append(which))
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=LAST_ANSWERS
    )
    uvicorn.Server(config).run(sockets=[listening])
    if received:
        raise Interrupted("stopped; all requests are answered", received[0])
