"""The door of the local server: who may ask, what every answer says to browsers, and the counts for Prometheus."""

import json
import time
from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

HEADERS = {  # a page of ours runs scripts of ours alone, and no other page may frame it
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LOCAL = ("localhost", "127.0.0.1", "::1")
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds


class Metrics:
    """What Prometheus reads from /metrics."""

    def __init__(self):
        """Each server has counts of its own."""
        self.registry = CollectorRegistry()
        self.requests = Counter("requests", "Requests by HTTP code", ["code"], registry=self.registry)
        self.seconds = Histogram(
            "request_seconds", "From a request's first byte to its answer", buckets=_BUCKETS, registry=self.registry
        )
        self.rows = Histogram("batch_rows", "Rows of a batch", buckets=(1, 2, 4, 8, 16, 32, 64), registry=self.registry)
        self.waiting = Gauge("requests_waiting", "Requests that are read or wait", registry=self.registry)


class Guard:
    """ASGI middleware around the whole server.

    A page from elsewhere can make a browser send requests here, under a name of its own that leads to this machine
    (DNS rebinding). Such requests carry that name as their Host, or their page as their Origin, and are refused.
    """

    def __init__(self, app, hosts: Collection[str], metrics: Metrics):
        """Stands before an app.

        Args:
          app: what is guarded.
          hosts: names, without port, under which the server may be asked.
          metrics: count all requests.
        """
        self.app, self.hosts, self.metrics = app, {host.lower() for host in hosts}, metrics

    async def __call__(self, scope, receive, send) -> None:
        """Handles one connection, as ASGI says."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, code = time.perf_counter(), 499  # as nginx counts clients that left before their answer

        async def answer(message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                ours = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", ()), *ours]}
            await send(message)

        try:
            refused = self.refusal(dict(scope["headers"]))
            if refused:
                await _refuse(answer, *refused)
            else:
                await self.app(scope, receive, answer)
        finally:
            self.metrics.requests.labels(code).inc()
            self.metrics.seconds.observe(time.perf_counter() - started)

    def refusal(self, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        """The code and sentence for a request that may not be made; None for others."""
        host = headers.get(b"host", b"").decode("latin-1")
        if _name(host) not in self.hosts:
            return 400, f"Host {host!r} is not served here. Start the server with --allow-host to allow it."
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and origin.partition("://")[2] != host:
            return 403, f"Pages of {origin} may not ask this server."
        return None


def _name(host: str) -> str:
    """A Host header without its port and brackets, in small letters."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() or host.lower()


async def _refuse(send, code: int, message: str) -> None:
    body = json.dumps({"error": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
