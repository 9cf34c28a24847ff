"""`shop demo` is a whole shop in one command; killed at any moment, it goes on with the same data."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from tests.process.running import COMMAND, environment, is_alive, shop, soon
from tests.support.loopback import free_port

from shop.demo.child import environment as environment_of_the_shop
from shop.demo.place import LOCK, MEMORY, Place


def four_free_ports() -> int:
    """Give a port that is free together with the three after it."""

    def look() -> int:
        port = free_port()
        try:
            for number in range(port, port + 4):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
        except (OSError, OverflowError):
            return 0
        return port

    found: int = soon(look)
    return found


class Demo:
    """A demo that runs beside the test."""

    def __init__(self, folder: Path, port: int, *options: str) -> None:
        """Start it; `running` is what it says when everything can be used."""
        self.log = (folder / "demo.log").open("ab")
        command = [*COMMAND, "demo", "--json", *options]
        variables = environment(PORT=str(port))
        self.process = subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=self.log, start_new_session=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (folder / "demo.log").read_text()[-3000:]
        self.running: dict[str, Any] = json.loads(line)
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        (self.shop,) = [int(number) for number in children.read_text().split()]

    def ends(self) -> int:
        """Wait for the end and give the exit code."""
        code = self.process.wait(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.log.close()
        return code

    def get(self, path: str) -> httpx.Response:
        """Read from the shop."""
        return httpx.get(f"{self.running['shop']}{path}", trust_env=False, timeout=30)


@pytest.fixture
def port() -> int:
    """Give the port of a demo."""
    return four_free_ports()


def test_a_demo_lives_dies_and_goes_on(tmp_path: Path, port: int) -> None:
    """The first start fills the shelves and tells the staff login once; SIGKILL of the shop, then of everything, loses nothing."""
    demo = Demo(tmp_path, port)
    told = demo.running
    assert told["products_added"] == 60
    assert {told["shop"], told["payments"], told["mailbox"]} == {f"http://localhost:{port + offset}" for offset in range(3)}
    first = demo.get("/api/v1/products?limit=1").json()["items"][0]
    assert httpx.get(first["image_url"], trust_env=False).headers["content-type"].startswith("image/svg")
    login = {"email": told["staff_email"], "password": told["staff_password"]}
    assert httpx.post(f"{told['shop']}/api/v1/sessions", json=login, trust_env=False, timeout=30).status_code == 200

    os.kill(demo.shop, signal.SIGKILL)
    assert demo.ends() == 1
    assert (tmp_path / "demo.log").read_text().splitlines()[-1] == (
        "the shop was ended by signal 9; start shop demo again, it goes on with the same data"
    )

    again = Demo(tmp_path, port)
    assert (again.running["staff_password"], again.running["products_added"]) == (None, 0)
    assert again.get("/api/v1/products?limit=1").json()["items"][0]["id"] == first["id"]
    assert "another demo is running in" in shop(tmp_path, "demo", PORT=str(port)).stderr
    again.process.kill()
    again.ends()
    soon(lambda: not is_alive(again.shop))

    last = Demo(tmp_path, port)
    assert httpx.get(last.running["mailbox"], trust_env=False).status_code == 200
    last.process.send_signal(signal.SIGINT)
    assert last.ends() == 0
    assert not is_alive(last.shop)
    for number in range(port, port + 4):
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", number))


@pytest.mark.parametrize(("offset", "what"), [(0, "the shop"), (1, "the Stripe twin"), (2, "the mailbox"), (3, "the mail server")])
def test_a_taken_port_is_one_line(tmp_path: Path, port: int, offset: int, what: str) -> None:
    """It says which part needs the port, before anything was started."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", port + offset))
        other.listen()
        done = shop(tmp_path, "demo", PORT=str(port))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"{what} cannot start: port {port + offset} of 127.0.0.1 is taken")


def test_starting_over_empties_only_its_own_folder(tmp_path: Path) -> None:
    """`--fresh` forgets this demo and no other one."""
    mine, other = (Place("127.0.0.1", port, tmp_path / str(port)) for port in (8000, 9000))
    for place in (mine, other):
        with place.take():
            (place.folder / "mails").mkdir()
            (place.folder / "products.db").write_text("old")
    with mine.take():
        mine.empty()
        assert [path.name for path in mine.folder.iterdir()] == [LOCK]
    assert (other.folder / "products.db").exists()


def test_a_refused_start_deletes_nothing(tmp_path: Path, port: int) -> None:
    """Not even with `--fresh`."""
    kept = tmp_path / "var" / "demo" / str(port) / "products.db"
    kept.parent.mkdir(parents=True)
    kept.write_text("precious")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert shop(tmp_path, "demo", "--fresh", PORT=str(port)).returncode == 1
    assert kept.read_text() == "precious"


def test_what_a_demo_remembers_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    """The keys are chosen once; the staff password is not among what is kept."""
    place = Place("127.0.0.1", 8000, tmp_path)
    first = place.memory()
    place.remember_stocked()
    assert place.memory() == replace(first, stocked=True)
    assert (tmp_path / MEMORY).stat().st_mode & 0o777 == 0o600
    assert "password" not in (tmp_path / MEMORY).read_text()


def test_the_shop_of_a_demo_ignores_what_was_set_for_another_one(tmp_path: Path) -> None:
    """Real Stripe keys in the environment never meet the demo; commerce settings do."""
    place = Place("127.0.0.1", 8000, tmp_path)
    given = {
        "SHOP_STRIPE_SECRET_KEY_FILE": "/run/real",
        "SHOP_MODULES": "cart",
        "SHOP_TAX_RATES": "ES=0.21",
        "PATH": "/bin",
        "SHOP_ENV": "production",
    }
    made = environment_of_the_shop(place, place.memory(), given)
    assert made["SHOP_STRIPE_SECRET_KEY"].startswith("sk_test_")
    assert (made["PATH"], made["SHOP_TAX_RATES"], made["SHOP_ENV"]) == ("/bin", "ES=0.21", "demo")
    assert not {"SHOP_STRIPE_SECRET_KEY_FILE", "SHOP_MODULES"} & set(made)
