"""`shop serve` starts or says why not, and ends without losing a request or leaving a process."""

import asyncio
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from tests.process.running import COMMAND, Serving, environment, is_alive, shop, soon
from tests.support.loopback import free_port
from tests.support.needs import need

from shop.settings import MODULES

LINUX = sys.platform == "linux"


def half_a_request(port: int) -> socket.socket:
    """Begin a request whose body is not complete yet."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(b"POST /api/v1/carts HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{")
    return connection


def the_rest_of_it(connection: socket.socket) -> str:
    """Complete the request and give all of the answer."""
    received = b""
    with connection:
        connection.sendall(b"}")
        while part := connection.recv(65536):
            received += part
    return received.decode()


def test_a_request_under_way_is_answered_after_sigterm(tmp_path: Path) -> None:
    """Readiness turns 503 while the door is still open; then nobody new comes in, and who is inside is served."""
    with Serving(tmp_path, MODULES="products,cart", DRAIN_WAIT="2s") as serving:
        begun = half_a_request(serving.port)
        assert serving.get("/api/v1/products")[0] == 200
        serving.process.send_signal(signal.SIGTERM)
        soon(lambda: serving.status("/actuator/health/readiness") == 503)
        assert serving.status("/actuator/health/liveness") == 200
        assert serving.status("/api/v1/products") == 200
        soon(lambda: serving.status("/api/v1/products") == 0)
        answer = the_rest_of_it(begun)
        assert answer.startswith("HTTP/1.1 201 ")
        assert "connection: close" in answer.lower()
        assert serving.ends() == 0
        messages = [line["message"] for line in serving.lines() if line["logger"] == "shop.process"]
    closed, ended = messages[-2:]
    assert re.fullmatch("the door is closed; [12] requests are under way", closed)  # the second is a look that came just before
    assert ended == "ended"


def test_ctrl_c_ends_it_at_once_when_nothing_is_under_way(tmp_path: Path) -> None:
    """Alone and without a registry there is nobody to wait for; a request that never ends is cut off after the limit."""
    with Serving(tmp_path, MODULES="products,cart", DRAIN_LIMIT="1s") as serving:
        stuck = half_a_request(serving.port)
        soon(lambda: "shop_requests_under_way 2" in serving.get("/actuator/prometheus")[1])
        serving.process.send_signal(signal.SIGINT)
        assert serving.ends(10) == 0
        assert any("did not finish in 1 s" in line["message"] for line in serving.lines())
        stuck.close()


def test_workers_share_the_work_and_their_fate(tmp_path: Path) -> None:
    """One scrape tells of both; one that falls is replaced; when the parent is killed none stays."""
    need(LINUX, "/proc, to find child processes")
    with Serving(tmp_path, WORKERS="2") as serving:
        first, second = serving.workers()
        for _ in range(20):
            assert serving.get("/api/v1/products")[0] == 200
        counted = 'http_server_requests_seconds_count{method="GET",uri="/api/v1/products",status="200",outcome="SUCCESS"} 20'
        soon(lambda: counted in serving.get("/actuator/prometheus")[1])
        soon(lambda: 'process_resident_memory_bytes{worker="1"}' in serving.get("/actuator/prometheus")[1])
        os.kill(first, signal.SIGKILL)
        soon(lambda: len(serving.workers() - {first}) == 2)
        after = serving.workers()
        assert second in after
        serving.process.kill()
        serving.ends()
        soon(lambda: not any(is_alive(process) for process in after))
        assert serving.status("/api/v1/products") == 0


def test_a_worker_that_starts_does_not_stop_the_others(tmp_path: Path) -> None:
    """They share one socket, whose flags belong to all: a new worker once made it blocking, and the others stood still in accept()."""
    need(LINUX, "/proc, to find child processes")
    with Serving(tmp_path, WORKERS="2") as serving:
        soon(lambda: len(serving.workers()) == 2)
        os.kill(max(serving.workers()), signal.SIGKILL)
        until = time.monotonic() + 3
        while time.monotonic() < until:
            with suppress(ConnectionResetError, http.client.RemoteDisconnected):  # those whom the killed one had accepted
                assert serving.get("/actuator/health/liveness", seconds=3)[0] == 200


def test_a_refused_body_that_comes_late_does_not_cost_the_next_request(tmp_path: Path) -> None:
    """The connection goes on after a 401 or a 404 that needed no body; one whose body never comes is told that it ends."""
    with Serving(tmp_path) as serving, socket.create_connection(("127.0.0.1", serving.port), timeout=10) as connection:
        for path, status in (("/api/v1/products", b"401"), ("/api/v1/nothing", b"404")) * 2:
            connection.sendall(f"POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n".encode())
            time.sleep(0.2)
            connection.sendall(b"{}")
            assert connection.recv(65536).startswith(b"HTTP/1.1 " + status)
        connection.sendall(b"POST /api/v1/products HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\n{")
        assert b"\r\nconnection: close\r\n" in connection.recv(65536)


def test_several_workers_end_in_order(tmp_path: Path) -> None:
    """The parent passes SIGTERM on, waits for its workers, and its exit code is 0."""
    need(LINUX, "/proc, to find child processes")
    with Serving(tmp_path, WORKERS="2") as serving:
        workers = serving.workers()
        serving.process.send_signal(signal.SIGTERM)
        assert serving.ends() == 0
        assert not any(is_alive(process) for process in workers)


def test_without_stripe_and_smtp_there_is_a_line_for_every_missing_key(tmp_path: Path) -> None:
    """And nothing else: no traceback, no file."""
    done = shop(tmp_path, "serve")
    assert done.returncode == 1
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
        "SHOP_SMTP_HOST",
        "SHOP_SMTP_PORT",
        "SHOP_SMTP_SENDER",
        "SHOP_STRIPE_PUBLISHABLE_KEY",
        "SHOP_STRIPE_SECRET_KEY",
        "SHOP_STRIPE_WEBHOOK_SECRET",
    ]
    assert (done.stdout, list(tmp_path.iterdir())) == ("", [])


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    """Before anything is migrated or made; also when the other one would share the port."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = shop(tmp_path, "serve", "--modules", "products", "--port", str(port))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"port {port} of 127.0.0.1 is taken by another program")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"MODULES": "products", "DATABASE_URL": "postgresql://nobody:secret@127.0.0.1:1/none"}, "the database of products cannot be used: "),
        ({"MODULES": "cart", "HOST": "127.0.0.1"}, "Products is needed, but products is not hosted here"),
        ({"MODULES": "products", "HOST": "no.such.host.invalid"}, "cannot listen on no.such.host.invalid: "),
    ],
)
def test_what_stops_the_start_is_one_line(tmp_path: Path, settings: dict[str, str], line: str) -> None:
    """No traceback for what an operator can mend."""
    done = shop(tmp_path, "serve", PORT=str(free_port()), LOG_LEVEL="error", **settings)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(line)
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_processes_may_migrate_at_once(tmp_path: Path, database_url: str) -> None:
    """Containers that start together: one makes the tables, the others wait and find them made."""
    url = asyncio.run(emptied(database_url)) if database_url.startswith("postgresql") else f"sqlite:///{tmp_path}/var/"
    command, pipe = [*COMMAND, "migrate"], subprocess.PIPE
    started = [subprocess.Popen(command, cwd=tmp_path, env=environment(DATABASE_URL=url), stderr=pipe, stdout=pipe) for _ in range(3)]
    ended = [process.communicate(timeout=90) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], ended
    assert shop(tmp_path, "migrate", "--check", DATABASE_URL=url).returncode == 0


async def emptied(url: str) -> str:
    """Give a PostgreSQL database without any table."""
    connection = await asyncpg.connect(url)
    for module in MODULES:
        await connection.execute(f"DROP SCHEMA {module} CASCADE")
    await connection.close()
    return url
