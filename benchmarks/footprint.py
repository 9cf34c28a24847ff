"""How long a shop takes to its first answer, and how much memory it holds after a thousand requests.

Run it as `python benchmarks/footprint.py`; needs nothing that is not installed already, and leaves nothing behind.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVE_LIMIT, DEMO_LIMIT, MEMORY_LIMIT = 2.0, 3.0, 150.0
PATHS = ("/api/v1/products", "/api/v1/products?q=cafe", "/api/v1/categories", "/api/v1/shipping-methods", "/actuator/health", "/schema")


def free_ports() -> int:
    """Give a port that is free together with the three after it."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 65000 and all(is_free(number) for number in range(port, port + 4)):
            return port


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a port."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def get(port: int, path: str) -> int:
    """Give the status of a GET; 0 when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    except OSError:
        return 0
    else:
        return answer.status
    finally:
        connection.close()


@contextmanager
def running(command: list[str], port: int, folder: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Run a shop; gives the process and the seconds to its first 200."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")}
    variables |= {"SHOP_PORT": str(port), "SHOP_LOG_LEVEL": "error"} | settings
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "shop", *command], cwd=folder, env=variables, stdout=subprocess.PIPE)  # noqa: S603 our own
    try:
        while get(port, "/api/v1/products") != 200:
            if process.poll() is not None:
                raise SystemExit("the shop did not start")
            time.sleep(0.01)
        yield process, time.perf_counter() - started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        if process.stdout:
            process.stdout.close()


def resident(process: int) -> float:
    """Give the resident memory of a process and everything below it, in MiB."""
    fields = Path(f"/proc/{process}/statm").read_text().split()
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20 + sum(resident(int(child)) for child in children)


def measure(requests: int) -> dict[str, float]:
    """Measure a demo's first start, and `shop serve` over the data that it made."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_ports()
        with running(["demo", "--json"], port, folder) as (demo, to_first_answer_of_demo):
            assert demo.stdout is not None
            json.loads(demo.stdout.readline())  # the shelves are full
        data = folder / "var" / "demo" / str(port)
        settings = {
            "SHOP_DATABASE_URL": f"sqlite:///{data}/",
            "SHOP_STRIPE_SECRET_KEY": "sk_test_footprint",
            "SHOP_STRIPE_PUBLISHABLE_KEY": "pk_test_footprint",
            "SHOP_STRIPE_WEBHOOK_SECRET": "whsec_footprint",
            "SHOP_STRIPE_API_BASE": "http://127.0.0.1:9",
            "SHOP_SMTP_HOST": "127.0.0.1",
            "SHOP_SMTP_PORT": "9",
            "SHOP_SMTP_SENDER": "shop@example.com",
        }
        with running(["serve"], port, folder, **settings) as (shop, to_first_answer):
            before = resident(shop.pid)
            for number in range(requests):
                assert get(port, PATHS[number % len(PATHS)]) == 200
            return {
                "demo_seconds": to_first_answer_of_demo,
                "serve_seconds": to_first_answer,
                "mib_at_start": before,
                "mib_after": resident(shop.pid),
            }


def main() -> None:
    """Print what was measured beside what it should be."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=1000)
    chosen = options.parse_args()
    found = measure(chosen.requests)
    print(f"shop demo to the first 200    {found['demo_seconds']:7.2f} s    (at most {DEMO_LIMIT:g})")
    print(f"shop serve to the first 200   {found['serve_seconds']:7.2f} s    (at most {SERVE_LIMIT:g})")
    print(f"resident at the start         {found['mib_at_start']:7.1f} MiB")
    print(f"resident after {chosen.requests} requests  {found['mib_after']:7.1f} MiB  (below {MEMORY_LIMIT:g})")


if __name__ == "__main__":
    main()
