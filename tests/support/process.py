"""The shop as a process of its own, to be killed at any moment."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
from tests.support.outside import Outside, Places
from tests.support.shop import ISSUER, SIGNING_KEY


class ShopProcess:
    """A real `shop serve`; it is started, killed with SIGKILL and started again over the same database."""

    def __init__(self, folder: Path, port: int, database_url: str, world: Outside | Places, **settings: str) -> None:
        """Serve on this loopback port; `settings` are further SHOP_ variables without their prefix."""
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / "shop.log"
        key = folder / "signing-key.pem"
        key.write_text(SIGNING_KEY.reveal())
        self._environment = {
            "SHOP_PORT": str(port),
            "SHOP_PUBLIC_URL": ISSUER,
            "SHOP_DATABASE_URL": database_url,
            "SHOP_IMAGES_STORE": str(folder / "images"),
            "SHOP_STRIPE_SECRET_KEY": world.stripe.secret_key.reveal(),
            "SHOP_STRIPE_PUBLISHABLE_KEY": world.stripe.publishable_key,
            "SHOP_STRIPE_WEBHOOK_SECRET": world.stripe.webhook_secret.reveal(),
            "SHOP_STRIPE_API_BASE": world.stripe.api_base,
            "SHOP_SMTP_HOST": world.smtp.host,
            "SHOP_SMTP_PORT": str(world.smtp.port),
            "SHOP_SMTP_TLS": world.smtp.tls,
            "SHOP_SMTP_SENDER": world.smtp.sender,
            "SHOP_AUTH_SIGNING_KEY_FILE": str(key),
            **{f"SHOP_{name}": value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        self.launch()
        await self.ready()

    def launch(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "shop", "serve"]
            self._process = subprocess.Popen(command, env=self._whole(), stdout=log, stderr=log, start_new_session=True)

    def command(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run another command with the same settings to its end, whether or not the shop runs."""
        command = [sys.executable, "-m", "shop", *map(str, words)]
        return subprocess.run(command, env=self._whole(), capture_output=True, text=True, timeout=90, check=False)

    def _whole(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")} | self._environment

    async def ready(self) -> None:
        """Wait until it is ready."""
        assert self._process is not None
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            for _ in range(600):
                if self._process.poll() is not None:
                    break
                try:
                    if (await client.get("/actuator/health/readiness")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)
        raise RuntimeError(f"the shop did not start: {self.log()[-3000:]}")

    def kill(self) -> None:
        """Kill it and its workers with SIGKILL, at once."""
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to stop, wait, and give its exit code."""
        return self._signal(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it stand still with SIGSTOP: connections are accepted, and nothing is answered."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGCONT)

    def log(self) -> str:
        """Give all that it has written so far."""
        return self._log.read_text(errors="replace")

    def _signal(self, number: int) -> int:
        assert self._process is not None
        if number == signal.SIGKILL:
            os.killpg(self._process.pid, number)
        else:
            self._process.send_signal(number)
        return self._process.wait(timeout=60)
