"""The three Spring servers and nginx, as processes on loopback ports that were free."""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from tests.support.loopback import free_port
from tests.support.needs import need
from tests.support.shop import ISSUER

DEPLOY = Path(__file__).parents[2] / "deploy"
SPRING = DEPLOY / "spring"
JAVA = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss512k")
HEAPS = {"eureka": "96m", "config": "64m", "gateway": "96m"}
PATIENCE = 300.0  # a loaded machine of two cores; alone they take seconds
PASSWORD = "for-tests-only"


class Server:
    """One server that can be started, stopped and started again on the same port."""

    def __init__(self, name: str, command: Sequence[str], environ: Mapping[str, str], ready_at: str, folder: Path) -> None:
        """`ready_at` answers 2xx once it is ready; what it prints is kept in `folder`."""
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = list(command)
        self._environ = os.environ | environ
        self._ready_at = ready_at
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Give its process id."""
        assert self._process is not None, f"{self.name} is not running"
        return self._process.pid

    def start(self) -> None:
        """Start it; `ready` waits until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environ)

    def ready(self) -> None:
        """Wait until it answers; raises AssertionError with the end of its log."""
        limit = time.monotonic() + PATIENCE
        while not self._answers():
            goes_on = self._process is not None and self._process.poll() is None and time.monotonic() < limit
            assert goes_on, f"{self.name} does not start:\n{self.log.read_text(errors='replace')[-3000:]}"
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            return httpx.get(self._ready_at, timeout=2.0).is_success
        except httpx.TransportError:
            return False

    def stop(self, sent: signal.Signals = signal.SIGTERM) -> None:
        """Stop it, if it runs; what does not end within 30 seconds is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(sent)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Servers:
    """All four, and what the processes of the shop must be told of them."""

    def __init__(self, folder: Path, warm_up: str, collector: str, *, limited: bool) -> None:
        """See `servers`."""
        self._folder = folder
        self.collector_url = collector
        self.config_folder = Path(shutil.copytree(DEPLOY / "config", folder / "config"))
        ports = {name: free_port() for name in ("eureka", "config", "gateway", "management", "nginx", "health")}
        self.url = f"http://127.0.0.1:{ports['nginx']}"
        self.gateway_url = f"http://127.0.0.1:{ports['gateway']}"
        self.management_url = f"http://127.0.0.1:{ports['management']}"
        self.eureka_url = f"http://eureka:{PASSWORD}@127.0.0.1:{ports['eureka']}/eureka/"
        self.config_import = f"configserver:http://config:{PASSWORD}@127.0.0.1:{ports['config']}"
        self.eureka = self._java("eureka", ports["eureka"], EUREKA_PASSWORD=PASSWORD, EUREKA_WARM_UP=warm_up)
        self.config = self._java("config", ports["config"], CONFIG_PASSWORD=PASSWORD, CONFIG_FOLDER=str(self.config_folder))
        self.gateway = self._gateway("gateway", ports["gateway"], ports["management"], SHOP_OTEL_ENDPOINT=collector)
        directives = "daemon off; user root;" if os.geteuid() == 0 else "daemon off;"  # else its workers could not enter the folder
        command = ["nginx", "-p", str(folder), "-c", str(_nginx(folder, ports, limited=limited)), "-g", directives]
        self.nginx = Server("nginx", command, {}, f"http://127.0.0.1:{ports['health']}/health", folder)

    @property
    def all(self) -> tuple[Server, ...]:
        """Give them in the order in which they are started."""
        return self.eureka, self.config, self.gateway, self.nginx

    def gateway_without_a_collector(self) -> tuple[Server, str]:
        """Make one more gateway, with other ports; gives it and its URL."""
        port = free_port()
        return self._gateway("another", port, free_port()), f"http://127.0.0.1:{port}"

    def _gateway(self, name: str, port: int, management: int, **environ: str) -> Server:
        told = {"EUREKA_URL": self.eureka_url, "SHOP_AUTH_ISSUER": ISSUER, "SHOP_PUBLIC_URL": self.url}
        return self._java("gateway", port, management, log=name, MANAGEMENT_SERVER_PORT=str(management), **told, **environ)

    def _java(self, name: str, port: int, ready_on: int | None = None, log: str = "", **environ: str) -> Server:
        command = ["java", *JAVA, f"-Xmx{HEAPS[name]}", "-jar", str(_jar(name))]
        ready_at = f"http://127.0.0.1:{ready_on or port}/actuator/health/readiness"
        return Server(log or name, command, {"SERVER_PORT": str(port), "MALLOC_ARENA_MAX": "2", **environ}, ready_at, self._folder)


@contextmanager
def servers(folder: Path, collector: str, *, warm_up: str = "0s", limited: bool = False) -> Iterator[Servers]:
    """Start all four and stop them at the end; traces go to `collector`, `warm_up` is Eureka's, `limited` keeps the request limits of production."""
    need(shutil.which("java") and shutil.which("mvn"), "Java 17 or newer and Maven")
    need(shutil.which("nginx"), "nginx")
    build()
    started = Servers(folder, warm_up, collector, limited=limited)
    with ExitStack() as stack:
        for server in started.all:
            stack.callback(server.stop)
            server.start()
        for server in started.all:
            server.ready()
        yield started


def build() -> None:
    """Build the jars unless they are newer than their sources; of several test processes one does it."""
    with (SPRING / ".gitignore").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if any(not _jar(name).exists() or _jar(name).stat().st_mtime < _newest_source(name) for name in HEAPS):
            subprocess.run(["mvn", "--quiet", "--batch-mode", "package"], cwd=SPRING, check=True)


def _jar(name: str) -> Path:
    return SPRING / name / "target" / f"{name}.jar"


def _newest_source(name: str) -> float:
    sources = (SPRING / "pom.xml", SPRING / name / "pom.xml", *(SPRING / name / "src").rglob("*.*"))
    return max(path.stat().st_mtime for path in sources)


def _nginx(folder: Path, ports: Mapping[str, int], *, limited: bool) -> Path:
    """Copy nginx's configuration with these ports and folders; raises AssertionError if there is nothing to replace."""
    copied = Path(shutil.copytree(DEPLOY / "nginx", folder / "nginx"))
    (folder / "cache").mkdir()
    file = copied / "nginx.conf"
    text = file.read_text("utf-8")
    changes = {
        "/run/nginx.pid": f"{folder}/nginx.pid",
        "/var/cache/nginx": f"{folder}/cache",
        "default gateway:8080;": f"default 127.0.0.1:{ports['gateway']};",
        "listen 8080 ": f"listen 127.0.0.1:{ports['nginx']} ",
        "listen 127.0.0.1:8081;": f"listen 127.0.0.1:{ports['health']};",
    } | ({} if limited else {"rate=200r/s": "rate=100000r/s", "rate=20r/s": "rate=100000r/s"})
    for old, new in changes.items():
        assert old in text, f"nginx.conf does not say {old}"
        text = text.replace(old, new)
    file.write_text(text, "utf-8")
    return file
