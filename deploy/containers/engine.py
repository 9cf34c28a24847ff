"""The engine as this check uses it: `docker` and `docker compose`, set by the environment of whoever runs the check."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE = 300


class EngineFailed(AssertionError):
    """A command of the engine failed; the message has what it said."""


def run(*command: str, given: str | None = None, environ: Mapping[str, str] | None = None, fails: bool = False, heard: bool = False) -> str:
    """Run a command and give what it printed, if `heard` its complaints too; raises EngineFailed unless it ends as it should."""
    ended = subprocess.run(command, input=given or "", capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT, env=environ, check=False)  # noqa: S603 our own
    said = ended.stdout + ended.stderr
    if bool(ended.returncode) is not fails:
        raise EngineFailed(f"{' '.join(command)} ended with {ended.returncode}:\n{said[-3000:]}")
    return said if fails or heard else ended.stdout


def compose(*arguments: str, given: str | None = None) -> str:
    """Run `docker compose` in the project that is up."""
    return run("docker", "compose", *arguments, given=given)


def containers(service: str) -> list[str]:
    """Give the ids of a service's running containers."""
    return compose("ps", "--quiet", service).split()


def running() -> dict[str, str]:
    """Give the ids of all running containers, and the service of each."""
    lines = compose("ps", "--format", "{{.ID}} {{.Service}}").splitlines()
    return dict(sorted((line.split() for line in lines), key=lambda pair: pair[1]))


def inspected(container: str) -> dict[str, Any]:
    """Give what the engine knows of a container."""
    found: dict[str, Any] = json.loads(run("docker", "inspect", container))[0]
    return found


def within(container: str, *command: str) -> str:
    """Run a command inside a container, as its own user."""
    return run("docker", "exec", container, *command)


def published(service: str, port: int) -> str:
    """Give the URL at which a port of a service is reached from this machine."""
    return f"http://{compose('port', service, str(port)).strip()}"


def memory(names: Sequence[str]) -> dict[str, float]:
    """Give the memory of containers in MiB, page cache that can be given back aside."""
    lines = run("docker", "stats", "--no-stream", "--format", "{{.ID}} {{.MemUsage}}", *names).splitlines()
    units = {"B": 1 / 1048576, "KiB": 1 / 1024, "MiB": 1.0, "GiB": 1024.0}
    found = {}
    for line in lines:
        name, used = line.split()[:2]
        digits = used.rstrip("KMGiB")
        found[name] = float(digits) * units[used.removeprefix(digits)]
    return found


def plain(*arguments: str, fails: bool = False) -> str:
    """Run `docker compose` as somebody who has set nothing and only has docker-compose.yml; gives all that was printed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SHOP_", "COMPOSE_"))}
    command = ("docker", "compose", "--env-file", os.devnull, "--file", "docker-compose.yml", "--project-name", "nothing-set", *arguments)
    return run(*command, environ=environ, fails=fails, heard=True)
