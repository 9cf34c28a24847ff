"""Real `shop` processes, looked at from outside."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.loopback import free_port

COMMAND = [sys.executable, "-m", "shop"]


def environment(**settings: str) -> dict[str, str]:
    """Give the environment of a shop: these settings, without their prefix, and none of whoever runs the tests."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")}
    return inherited | {f"SHOP_{name}": value for name, value in settings.items()}


def shop(folder: Path, *arguments: str, typed: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a folder."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=folder, env=environment(**settings), input=typed, capture_output=True, text=True, timeout=90, check=False
    )


def soon(look: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Look again and again until there is something to see, and give it; fails when the time is over."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not seen in {seconds:g} s"
        time.sleep(0.02)
    return seen


class Serving:
    """A `shop serve` that runs beside the test."""

    def __init__(self, folder: Path, *, python: str = sys.executable, **settings: str) -> None:
        """Start it in a folder, on a free port, with the shop that this interpreter finds."""
        self.port = free_port()
        self.log = folder / f"serve-{self.port}.log"
        variables = environment(**{"MODULES": "products", "PORT": str(self.port)} | settings)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [python, *COMMAND[1:], "serve"], cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True
            )

    def __enter__(self) -> "Serving":
        """Wait until it is ready."""
        try:
            soon(self._is_ready, 60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)

    def get(self, path: str, seconds: float = 10.0) -> tuple[int, str]:
        """Send a GET over a connection of its own; gives status and body, or raises OSError."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def status(self, path: str) -> int:
        """Give the status of a GET; 0 when nobody listens or answers."""
        try:
            return self.get(path)[0]
        except (OSError, http.client.RemoteDisconnected):
            return 0

    def ends(self, seconds: float = 30.0) -> int:
        """Wait for the end and give the exit code."""
        return self.process.wait(timeout=seconds)

    def lines(self) -> list[dict[str, Any]]:
        """Give what it logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def workers(self) -> set[int]:
        """Give the ids of its child processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(number) for number in children.read_text().split()}

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return self.status("/actuator/health/readiness") == 200


def is_alive(process: int) -> bool:
    """Tell whether a process runs, zombies aside."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
