"""Security of the local server: allowed hosts and origins, security headers; and metrics of all requests."""

import json
import time
from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

HEADERS = {  # our page runs our scripts only, and no other page may frame it
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LOCAL = ("localhost", "127.0.0.1", "::1")
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds


class Metrics:
    """The Prometheus metrics of /metrics."""

    def __init__(self):
        """Create a registry of its own for each server."""
        self.registry = CollectorRegistry()
        self.requests = Counter("requests", "Requests by HTTP code", ["code"], registry=self.registry)
        self.seconds = Histogram(
            "request_seconds", "From a request's first byte to its answer", buckets=_BUCKETS, registry=self.registry
        )
        self.rows = Histogram("batch_rows", "Rows of a batch", buckets=(1, 2, 4, 8, 16, 32, 64), registry=self.registry)
        self.waiting = Gauge("requests_waiting", "Requests that are read or queued", registry=self.registry)


class SecurityMiddleware:
    """ASGI middleware around the whole server. It refuses unknown Host headers and foreign origins.

    A foreign page can make a browser send requests to this server, also under a host name of its own that resolves to
    this machine (DNS rebinding). Such requests have that name as their Host, or the page as their Origin.
    """

    def __init__(self, app, hosts: Collection[str], metrics: Metrics):
        """Wrap an application.

        Args:
          app: the ASGI application.
          hosts: allowed Host headers, without port.
          metrics: updated at each request.
        """
        self.app, self.hosts, self.metrics = app, {host.lower() for host in hosts}, metrics

    async def __call__(self, scope, receive, send) -> None:
        """Handle one connection, as ASGI specifies."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, code = time.perf_counter(), 499  # nginx's code for clients that disconnect early

        async def send_with_headers(message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                ours = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", ()), *ours]}
            await send(message)

        try:
            refused = self.refusal(dict(scope["headers"]))
            if refused:
                await _refuse(send_with_headers, *refused)
            else:
                await self.app(scope, receive, send_with_headers)
        finally:
            self.metrics.requests.labels(code).inc()
            self.metrics.seconds.observe(time.perf_counter() - started)

    def refusal(self, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        """Return the code and message for a request that is refused; None for an allowed one."""
        host = headers.get(b"host", b"").decode("latin-1")
        if _name(host) not in self.hosts:
            return 400, f"Host {host!r} is not allowed. Start the server with --allow-host to allow it."
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and origin.partition("://")[2] != host:
            return 403, f"Pages of {origin} may not use this server."
        return None


def _name(host: str) -> str:
    """Return a Host header without port and brackets, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() or host.lower()


async def _refuse(send, code: int, message: str) -> None:
    body = json.dumps({"error": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
