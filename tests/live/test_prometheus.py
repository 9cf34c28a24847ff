"""A real Prometheus looks at the live system: every panel of the dashboard has something to show, and no alert disturbs anybody."""

import shutil
import subprocess
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from tests.live.four import PATIENCE, Four
from tests.observability.queries import ALERTS, FOLDER, Query, of_dashboard
from tests.support.loopback import free_port
from tests.support.needs import need
from tests.support.shop import Shop, eventually

EMPTY = {"Calls that came to nothing", "Oldest checkout"}  # where nothing is wrong
NOISE = {"ShopIsSlow"}  # on a loaded machine


def configuration(four: Four) -> dict[str, Any]:
    """Give the example's configuration, with the addresses of these processes in the place of names of containers."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    found["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    found["rule_files"] = [str(FOLDER / "alerts.yml")]
    places = {"shop": {member.module: member.url for member in four.members}, "gateway": {"gateway": four.servers.management_url}}
    for job in found["scrape_configs"]:
        del job["dns_sd_configs"], job["relabel_configs"]
        job.pop("scrape_timeout", None)
        targets = places[job["job_name"]].items()
        job["static_configs"] = [{"targets": [url.removeprefix("http://")], "labels": {"service": service}} for service, url in targets]
    return found


@asynccontextmanager
async def prometheus(folder: Path, four: Four) -> AsyncGenerator[httpx.AsyncClient]:
    """Run it for the length of the block; gives a client of its API."""
    need(shutil.which("prometheus"), "prometheus, of Debian's package of that name")
    config, address = folder / "prometheus.yml", f"127.0.0.1:{free_port()}"
    config.write_text(yaml.safe_dump(configuration(four)))
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/series", f"--web.listen-address={address}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}/api/v1", trust_env=False, timeout=30) as client:
            yield client
    finally:
        process.terminate()
        process.wait(30)


async def listens(client: httpx.AsyncClient) -> bool:
    """Tell whether it is there."""
    try:
        return (await client.get("/query", params={"query": "1"})).is_success
    except httpx.TransportError:
        return False


async def test_every_panel_shows_something_and_no_alert_is_raised(four: Four, shop: Shop, tmp_path: Path) -> None:
    """While people buy."""
    await shop.product("mug", stock=1_000)
    async with prometheus(tmp_path, four) as client:
        await eventually(lambda: listens(client), PATIENCE)

        async def asked(query: Query) -> Any:
            answer = await client.get("/query", params={"query": query.text.replace("[1m]", "[30s]")})
            assert answer.status_code == 200, (query.where, answer.text)
            return answer.json()["data"]["result"]

        empty = {"everything"}
        limit = time.monotonic() + PATIENCE
        while empty and time.monotonic() < limit:
            await shop.guest().buys(mug=1)
            empty = {query.where for query in of_dashboard() if not await asked(query)} - EMPTY
        assert not empty
        (group,) = (await client.get("/rules")).json()["data"]["groups"]
        assert {rule["name"]: rule["health"] for rule in group["rules"]} == {rule["alert"]: "ok" for rule in ALERTS}
        raised = (await client.get("/alerts")).json()["data"]["alerts"]
        assert {alert["labels"]["alertname"] for alert in raised} <= NOISE, raised
