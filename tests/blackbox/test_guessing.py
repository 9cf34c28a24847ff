"""users: guessing passwords, at a shop behind a proxy that it trusts."""

import subprocess
import threading
import time
import uuid
from collections.abc import Iterator

import httpx
import pytest
from tests.blackbox.conftest import SHOP, clean_environment, free_block
from tests.blackbox.outside import PASSWORD, Demo, ok, problem, somewhere, unique


@pytest.fixture(scope="module")
def served(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A shop of its own that uses the demo's mailbox; SIGTERM drains it."""
    folder, port = tmp_path_factory.mktemp("served"), free_block()
    settings = {
        "SHOP_PORT": str(port),
        "SHOP_TRUSTED_PROXIES": "127.0.0.1",
        "SHOP_PUBLIC_URL": f"http://localhost:{port}",
        "SHOP_SMTP_HOST": "127.0.0.1",
        "SHOP_SMTP_PORT": str(demo.port + 3),
        "SHOP_SMTP_SENDER": "shop@shop.example",
        "SHOP_SMTP_TLS": "none",
        "SHOP_STRIPE_SECRET_KEY": "sk_test_a",
        "SHOP_STRIPE_PUBLISHABLE_KEY": "pk_test_a",
        "SHOP_STRIPE_WEBHOOK_SECRET": "whsec_a",
        "SHOP_STRIPE_API_BASE": f"http://127.0.0.1:{demo.port + 1}",
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([SHOP, "serve"], cwd=folder, env=clean_environment(**settings), stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=60) as http:
            end = time.monotonic() + 120
            while True:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < end
                try:
                    http.get("/categories")
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield Demo(http, demo.root, demo.twin, demo.mailbox, port, "")
        process.terminate()
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            process.kill()


def guess(served: Demo, email: str, where: dict[str, str], password: str = "wrong guess") -> httpx.Response:
    """One guess."""
    return served.http.post("/sessions", json={"email": email, "password": password}, headers=where)


def test_an_account_takes_ten_wrong_guesses(served: Demo) -> None:
    """429 after 10 wrong guesses; then the right password is refused too, and accounts that do not exist are throttled alike."""
    bob, nobody = served.person(), f"{unique('nobody')}@example.com"
    for _ in range(9):
        problem(guess(served, bob.email, somewhere()), 401)
    ok(guess(served, bob.email, somewhere(), PASSWORD))
    for email in (bob.email, nobody):
        for _ in range(10):
            problem(guess(served, email, somewhere()), 401)
        for password in ("wrong guess", PASSWORD):
            answer = guess(served, email.upper(), somewhere(), password)
            problem(answer, 429)
            assert 0 < int(answer.headers["retry-after"]) <= 900
    ok(served.http.get("/users/me", headers=bob.who))


@pytest.mark.parametrize("kind", ["v4", "v6"])
def test_an_address_takes_sixty_wrong_guesses(served: Demo, kind: str) -> None:
    """429 after 60 from an address (/64 for IPv6) in 15 minutes; others go on; a login does not reset it."""
    ann = served.person()
    net = f"2001:db8:{uuid.uuid4().hex[:4]}:{uuid.uuid4().hex[:4]}"
    v4 = f"198.51.{uuid.uuid4().int % 256}.{uuid.uuid4().int % 256}"

    def where() -> dict[str, str]:
        return {"X-Forwarded-For": v4 if kind == "v4" else f"{net}:{uuid.uuid4().hex[:4]}::{uuid.uuid4().hex[:4]}"}

    answers: list[int] = []

    def some(count: int) -> None:
        for _ in range(count):
            answers.append(guess(served, f"{unique()}@example.com", where()).status_code)

    threads = [threading.Thread(target=some, args=(10,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ok(guess(served, ann.email, where(), PASSWORD))
    some(20)
    assert answers == [401] * 60
    problem(guess(served, f"{unique()}@example.com", where()), 429)
    problem(guess(served, ann.email, where(), PASSWORD), 429)
    ok(guess(served, ann.email, {"X-Forwarded-For": f"{where()['X-Forwarded-For']}, 203.0.113.{uuid.uuid4().int % 256}"}, PASSWORD))
