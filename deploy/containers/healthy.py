"""The health check of a container: exit code 0 if the shop in it says that it is ready."""

import os
import socket
import sys

REQUEST = b"GET /actuator/health/readiness HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

try:
    with socket.create_connection(("127.0.0.1", int(os.environ.get("SHOP_PORT") or 8000)), timeout=4) as connection:
        connection.sendall(REQUEST)
        status = connection.makefile("rb").readline().decode("latin-1").strip()
except OSError as error:
    status = str(error)
sys.exit(0 if " 200 " in f"{status} " else status or "no answer")
