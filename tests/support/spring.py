"""A Eureka server and a config server that answer as the real ones were seen to; the real ones come in tests/live."""

from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import msgspec

REQUIRED = {"hostName", "app", "ipAddr", "port", "securePort", "dataCenterInfo", "leaseInfo", "vipAddress", "lastDirtyTimestamp", "instanceId"}
XML = b"<applications/>"


class Spring:
    """What both servers have in common: a user with a password, and moments of weakness."""

    def __init__(self, credentials: str = "") -> None:
        """`credentials` are `user:password`, or nothing."""
        self.credentials = credentials
        self.is_down = False
        self.calls: list[tuple[str, str]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, or refuse the connection; for httpx.MockTransport."""
        if self.is_down:
            raise httpx.ConnectError("refused", request=request)
        path = request.url.path
        self.calls.append((request.method, path))
        given = b64decode(request.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        if given != self.credentials:
            return httpx.Response(401)
        status, document = self.respond(request.method, path, dict(request.url.params), request.headers.get("Accept", ""), request.content)
        return httpx.Response(status, content=document if isinstance(document, bytes) else msgspec.json.encode(document))

    def respond(self, method: str, path: str, query: dict[str, str], accept: str, body: bytes) -> tuple[int, Any]:
        """Give status and document, or bytes."""
        raise NotImplementedError


@contextmanager
def listening(server: Spring) -> Iterator[str]:
    """Serve on a loopback port, in a thread, for the length of the block; gives the URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url = f"http://spring{self.path}"
            answer = server.answer(httpx.Request(self.command, url, headers=dict(self.headers.items()), content=body))
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        listener.daemon_threads = True
        Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.server_port}"
        finally:
            listener.shutdown()


class FakeEureka(Spring):
    """A registry."""

    def __init__(self, credentials: str = "") -> None:
        """Begin empty and warmed up."""
        super().__init__(credentials)
        self.instances: dict[tuple[str, str], dict[str, Any]] = {}
        self.warms_up = False

    def forget(self) -> None:
        """Lose everything, as after a restart."""
        self.instances.clear()

    def statuses(self) -> dict[str, str]:
        """Give the status of every instance by its id."""
        return {id: instance["status"] for (_, id), instance in self.instances.items()}

    def respond(self, method: str, path: str, query: dict[str, str], accept: str, body: bytes) -> tuple[int, Any]:
        """Answer below /eureka/apps."""
        parts = path.removeprefix("/eureka/apps").strip("/").split("/")
        if method == "GET":
            return self._fetched(accept)
        if method == "POST":
            return self._registered(parts[0], body)
        known = self.instances.get((parts[0], parts[1]))
        if known is None:
            return 404, b""
        if method == "DELETE":
            del self.instances[parts[0], parts[1]]
            return 200, b""
        return (404 if int(query["lastDirtyTimestamp"]) > int(known["lastDirtyTimestamp"]) else 200), b""

    def _fetched(self, accept: str) -> tuple[int, Any]:
        if self.warms_up:
            return 403, b""
        if "json" not in accept:
            return 200, XML
        names = sorted({app for app, _ in self.instances})
        applications = [{"name": name, "instance": [found for (app, _), found in self.instances.items() if app == name]} for name in names]
        return 200, {"applications": {"versions__delta": "1", "apps__hashcode": "", "application": applications}}

    def _registered(self, app: str, body: bytes) -> tuple[int, Any]:
        instance = msgspec.json.decode(body)["instance"]
        typed = isinstance(instance.get("port"), dict) and "@class" in instance.get("dataCenterInfo", {})
        flat = all(isinstance(value, str) for value in instance.get("metadata", {}).values())
        if not (instance.keys() >= REQUIRED and typed and flat):
            return 400, b""
        key = (app, instance["instanceId"])
        known = self.instances.get(key)
        if known is None or int(instance["lastDirtyTimestamp"]) > int(known["lastDirtyTimestamp"]):
            self.instances[key] = instance
        return 204, b""


class FakeConfigServer(Spring):
    """A config server; `files` has flat maps, those of the requested application and profile come first."""

    def __init__(self, credentials: str = "") -> None:
        """Begin without files."""
        super().__init__(credentials)
        self.files: dict[str, dict[str, Any]] = {}
        self.failures = 0

    def respond(self, method: str, path: str, query: dict[str, str], accept: str, body: bytes) -> tuple[int, Any]:
        """Answer /{application}/{profile}."""
        if self.failures:
            self.failures -= 1
            return 500, b""
        application, profile = path.strip("/").split("/")
        names = [f"{name}-{profile}" for name in (*application.split(","), "application")] + [*application.split(","), "application"]
        found = [{"name": f"file:/config/{name}.yml", "source": self.files[name]} for name in names if name in self.files]
        return 200, {"name": application, "profiles": [profile], "label": None, "version": None, "state": "", "propertySources": found}
