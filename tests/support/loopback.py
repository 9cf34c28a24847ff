"""Where servers of tests listen."""

import secrets
import socket
from contextlib import suppress


def free_port() -> int:
    """Give a loopback port that nobody listens on, below those that outgoing connections take: one of these could have it before its server."""
    while True:
        port = 11_000 + secrets.randbelow(21_000)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
