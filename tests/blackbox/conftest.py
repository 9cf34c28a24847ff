"""One demo shop for the whole suite, started as a user starts it, in an empty folder on ports of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.blackbox.outside import Demo, Person, bearer

SHOP = Path(sys.executable).with_name("shop")
METHODS = [
    {"code": "standard", "title": {"en": "Standard", "es": "Estándar"}, "price": 495, "free_from": None, "countries": None},
    {"code": "express", "title": {"en": "Express", "es": "Exprés"}, "price": 990, "free_from": 5000, "countries": ["ES", "PT"]},
    {"code": "pickup", "title": {"en": "Pick-up", "es": "Recogida"}, "price": 0, "free_from": None, "countries": ["ES"]},
]
SETTINGS = {
    "SHOP_SHIPPING_METHODS": json.dumps(METHODS),
    "SHOP_TAX_RATES": "ES=0.21,DE=0.19",
    "SHOP_LOG_FORMAT": "json",
}


def free_block() -> int:
    """A port that is free together with the three above it."""
    for start in range(20000 + os.getpid() % 4000 * 4, 60000, 4):
        sockets = [socket.socket() for _ in range(4)]
        try:
            for offset, one in enumerate(sockets):
                one.bind(("127.0.0.1", start + offset))
            return start
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise AssertionError("no free ports")


def clean_environment(**settings: str) -> dict[str, str]:
    """The environment without anybody's settings but these."""
    return {key: value for key, value in os.environ.items() if not key.startswith("SHOP_")} | settings


def undocumented(document: dict[str, dict[str, dict[str, object]]], method: str, path: str, status: int) -> bool:
    """Whether the published document fails to mention this status of a call it describes."""
    fits = [template for template in document["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)]
    calls = document["paths"].get(min(fits, key=lambda template: template.count("{"))) if fits else None
    call = (calls or {}).get(method.lower())
    return isinstance(call, dict) and str(status) not in call["responses"]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The shop, its Stripe twin and its mailbox, stopped as Ctrl-C stops them. Every answer is held against the published document."""
    folder, port = tmp_path_factory.mktemp("blackbox"), free_block()
    said = folder / "said.json"
    with said.open("w") as out, (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [SHOP, "demo", "--json"], cwd=folder, env=clean_environment(SHOP_PORT=str(port), **SETTINGS), stdout=out, stderr=log
        )
    try:
        end = time.monotonic() + 120
        while not said.read_text().endswith("\n"):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
        facts = json.loads(said.read_text())
        document = httpx.get(facts["shop"] + "/schema/openapi.json", timeout=60).json()

        def hold(answer: httpx.Response) -> None:
            """No answer is a bug, none is unknown to the document, all carry what every answer carries."""
            path = answer.request.url.raw_path.decode().split("?")[0]
            assert answer.status_code < 500 or answer.status_code == 503, f"{answer.request.method} {path}: {answer.status_code}"
            assert not undocumented(document, answer.request.method, path, answer.status_code), f"{answer.request.method} {path} {answer.status_code}"
            assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", answer.headers["x-request-id"])
            assert answer.headers["x-content-type-options"] == "nosniff"

        hooks = {"response": [hold]}
        with (
            httpx.Client(base_url=facts["shop"] + "/api/v1", timeout=60, event_hooks=hooks) as http,
            httpx.Client(base_url=facts["shop"], timeout=60, event_hooks=hooks) as root,
            httpx.Client(base_url=facts["payments"], timeout=60) as twin,
            httpx.Client(base_url=facts["mailbox"], timeout=60) as mailbox,
        ):
            secret = json.loads((Path(facts["folder"]) / "demo.json").read_text())["webhook_secret"]
            shop = Demo(http, root, twin, mailbox, port, secret)
            shop.folder = facts["folder"]
            shop.staff_login = (facts["staff_email"], facts["staff_password"])
            yield shop
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture(scope="session")
def registered(demo: Demo) -> Person:
    """A customer that tests share where they leave nothing behind."""
    return demo.person()


@pytest.fixture
def ana(demo: Demo, registered: Person) -> Person:
    """The shared customer with a fresh session."""
    session = demo.login(registered.email)
    return Person(registered.email, bearer(session), session["refresh_token"])


@pytest.fixture
def document(demo: Demo) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    """The published document."""
    return dict(demo.root.get("/schema/openapi.json").json())
