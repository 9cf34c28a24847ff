"""cart: what customers and staff may do."""

import pytest
from tests.blackbox.outside import ABSENT, Cart, Demo, Person, ok, problem
from tests.blackbox.test_cart import CART


@pytest.fixture
def bob(demo: Demo) -> Person:
    """A customer without a cart."""
    return demo.person()


def test_a_customer_has_one_open_cart(demo: Demo, bob: Person) -> None:
    """With a bearer token it is the customer's and has no cart_token; POST /carts gives it again (201); /carts/mine is the open cart, or 404."""
    problem(demo.http.get("/carts/mine", headers=bob.who), 404)
    made = ok(demo.http.post("/carts", headers=bob.who), 201)
    assert made.keys() == CART
    assert ok(demo.http.post("/carts", headers=bob.who), 201)["id"] == made["id"]
    mine = ok(demo.http.get("/carts/mine", headers=bob.who))
    assert mine.keys() == CART
    assert mine["id"] == made["id"]
    assert ok(demo.http.get(f"/carts/{made['id']}", headers=bob.who)) == mine


def test_a_customers_cart_is_nobody_elses(demo: Demo, ana: Person, bob: Person) -> None:
    """404 for other customers, guests and staff."""
    cart = demo.cart({demo.sku(): 1}, bob.who)
    for who in (ana.who, {}, demo.staff, {"X-Cart-Token": "guess"}):
        assert demo.http.get(cart.path, headers=who).status_code in ((403, 404) if who is demo.staff else (404,))


def test_staff_cannot_open_carts(demo: Demo) -> None:
    """403 known but not allowed."""
    problem(demo.http.post("/carts", headers=demo.staff), 403)


def test_a_claim_merges_the_guest_cart(demo: Demo, bob: Person) -> None:
    """Quantities of a SKU add up to at most what is available; {cart, merged, dropped}; a second claim is 404."""
    both, only, scarce, sold_out = demo.sku(stock=5), demo.sku(), demo.sku(stock=3), demo.sku(stock=0)
    mine = demo.cart({both: 2, scarce: 2}, bob.who)
    guest = demo.cart({both: 2, only: 1, scarce: 2, sold_out: 1})
    answer = ok(demo.http.post(f"{guest.path}/claim", headers=bob.who | guest.who))
    assert answer.keys() == {"cart", "merged", "dropped"}
    assert answer["cart"].keys() == CART
    assert answer["cart"]["id"] == mine.id
    assert {line["sku"]: line["quantity"] for line in answer["cart"]["lines"]} == {both: 4, only: 1, scarce: 3}
    for line in answer["merged"] + answer["dropped"]:
        assert line.keys() == {"sku", "quantity"}
    assert {line["sku"]: line["quantity"] for line in answer["merged"]} == {both: 2, only: 1, scarce: 1}
    assert {line["sku"]: line["quantity"] for line in answer["dropped"]} == {scarce: 1, sold_out: 1}
    problem(demo.http.post(f"{guest.path}/claim", headers=bob.who | guest.who), 404)
    assert ok(demo.http.get("/carts/mine", headers=bob.who)) == answer["cart"]


def test_a_claim_by_somebody_without_a_cart_keeps_it_all(demo: Demo, bob: Person) -> None:
    """The guest cart's lines become the customer's."""
    sku = demo.sku()
    guest = demo.cart({sku: 2})
    answer = ok(demo.http.post(f"{guest.path}/claim", headers=bob.who | guest.who))
    assert {line["sku"]: line["quantity"] for line in answer["cart"]["lines"]} == {sku: 2}
    assert {line["sku"]: line["quantity"] for line in answer["merged"]} == {sku: 2}
    assert ok(demo.http.get("/carts/mine", headers=bob.who))["id"] == answer["cart"]["id"]


def test_a_claim_needs_both_tokens(demo: Demo, ana: Person) -> None:
    """A customer, with X-Cart-Token."""
    guest = demo.cart({demo.sku(): 1})
    problem(demo.http.post(f"{guest.path}/claim", headers=guest.who), 401)
    problem(demo.http.post(f"{guest.path}/claim", headers=ana.who), 404)
    problem(demo.http.post(f"{guest.path}/claim", headers=ana.who | {"X-Cart-Token": "guess"}), 404)
    problem(demo.http.post(f"/carts/{ABSENT}/claim", headers=ana.who | guest.who), 404)
    problem(demo.http.post("/carts/x/claim", headers=ana.who | guest.who), 404)
    problem(demo.http.post(f"{guest.path}/claim", headers=demo.staff | guest.who), 403)
    assert len(ok(demo.http.get(guest.path, headers=guest.who))["lines"]) == 1


def test_after_an_order_a_customer_starts_a_new_cart(demo: Demo, bob: Person) -> None:
    """The open cart is never one that was ordered."""
    sku = demo.sku()
    order = demo.bought({sku: 1}, who=bob.who)
    assert order.body["status"] == "awaiting_payment"
    problem(demo.http.get("/carts/mine", headers=bob.who), 404)
    cart = demo.cart(who=bob.who)
    assert isinstance(cart, Cart)
    assert ok(demo.http.get(cart.path, headers=cart.who))["lines"] == []
