"""`shop topology` as a picture."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.process.running import Serving, shop
from tests.support.remote import SECRET
from tests.support.spring import FakeEureka, listening

from shop.drawing import Card, Row, drawn, shortened

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[str]:
    """Give what is written in a picture; raises ParseError unless it is XML."""
    return [str(found.text) for found in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def test_a_running_process_is_drawn_with_its_circuits_and_its_registry(tmp_path: Path) -> None:
    """What stands behind each port, who answers, how the circuits are, and when the registry was read."""
    with listening(FakeEureka("shop:pw")) as url:
        registry = {"INTERNAL_SECRET": SECRET.reveal(), "EUREKA_URL": url.replace("//", "//shop:pw@") + "/eureka", "EUREKA_HOSTNAME": "localhost"}
        with Serving(tmp_path, MODULES="cart", **registry) as cart:
            done = shop(tmp_path, "topology", "--svg", "where.svg", MODULES="cart", PORT=str(cart.port), **registry)
    assert (done.returncode, done.stdout) == (0, "")
    written = texts((tmp_path / "where.svg").read_text())
    assert "Products: HTTP at wherever Eureka says" in written
    (instance,) = (text for text in written if text.startswith(f"http://127.0.0.1:{cart.port}"))
    assert "UP, circuit to products CLOSED, registry read " in instance


def test_whoever_does_not_answer_is_red(tmp_path: Path) -> None:
    """And a secret is not drawn."""
    peer = {
        "INTERNAL_SECRET": SECRET.reveal(),
        "PEERS_PRODUCTS_URL": "http://127.0.0.1:9",
        "PORT": "9",
        "DATABASE_URL": "postgresql://shop:pw@db/shop",
    }
    assert shop(tmp_path, "topology", "--svg", "where.svg", MODULES="cart", **peer).returncode == 0
    picture = (tmp_path / "where.svg").read_text()
    dots = [dot.get("class") for dot in ElementTree.fromstring(picture).iter(f"{SVG}circle")]
    assert dots == ["bad", "bad"]
    assert "PostgreSQL, db/shop" in texts(picture)
    assert "pw" not in picture
    refused = shop(tmp_path, "topology", "--svg", "nowhere/where.svg", MODULES="products")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)


@pytest.mark.parametrize("strange", ["<b>&\"'", "ñ→😀", "a" * 300])
def test_any_text_can_be_drawn(strange: str) -> None:
    """It is escaped, and cut in the middle when it is longer than its place."""
    written = texts(drawn(strange, [Card("cart", strange, strange, True, [Row("needs", strange)])]))
    assert [shortened(strange, 52), shortened(strange, 42), "needs", shortened(strange, 100)] == written[3:]


def test_what_is_shortened_keeps_its_ends() -> None:
    """Never longer than it may be."""
    assert shortened("abcdefghij", 5) == "ab…ij"
    assert shortened("abcde", 5) == "abcde"
