"""The socket that a shop listens on, opened before anything else so that a taken port is told at once."""

import errno
import socket
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

BACKLOG = 1024


class CannotListen(RuntimeError):
    """The address cannot be listened on; the message is one line for people."""


def listen(host: str, port: int) -> socket.socket:
    """Open the socket; raises CannotListen. Granian's own way would share the port silently with whoever has it."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        opened = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(f"cannot listen on {host}: {error.strerror}; see SHOP_HOST") from error
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(BACKLOG)
        opened.setblocking(False)  # the workers share this flag too: one that blocks in accept() answers nobody
    except OSError as error:
        opened.close()
        raise CannotListen(_reason(host, port, error)) from error
    return opened


def _reason(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken by another program: stop that one, or choose another port, for example SHOP_PORT={_other(port)}"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this user has: choose one above 1023 with SHOP_PORT"
    return f"cannot listen on {host}:{port}: {error.strerror}; see SHOP_HOST and SHOP_PORT"


def _other(port: int) -> int:
    return port + 10 if port < 65000 else 8000


class Door(Server):
    """Granian inside our own event loop, on a socket of ours; signals, the lifespan and the logging stay ours."""

    def __init__(self, app: Any, opened: socket.socket) -> None:
        """Serve an ASGI application on this socket, which stays the caller's to close."""
        self._opened = opened
        super().__init__(
            app,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            backlog=BACKLOG,
            log_level=LogLevels.error,
            log_dictconfig={"handlers": {}, "loggers": {}},
        )

    def _init_shared_socket(self) -> None:
        holder: Any = SocketHolder  # its stub leaves the arguments out: descriptor, whether it is a Unix socket, backlog
        self._ssp, self._shd = None, holder(self._opened.dup().detach(), False, BACKLOG)
