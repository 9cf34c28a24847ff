"""cart: what a guest may do with his cart."""

import threading

import pytest
from tests.blackbox.outside import ABSENT, Demo, Json, Person, euro, ok, problem, unique

CART = {"id", "version", "status", "lines", "subtotal", "discount", "coupon", "problems", "stale"}
LINE = {"sku", "title", "quantity", "unit_price", "line_total", "available"}


def codes(cart: Json) -> list[tuple[str, str]]:
    """The problems of a cart."""
    return [(one["code"], one["sku"]) for one in cart["problems"]]


def test_a_new_cart_is_as_written(demo: Demo) -> None:
    """201 {id, cart_token, ...cart}."""
    for body in (None, {}, {"currency": "EUR"}):
        made = ok(demo.http.post("/carts", json=body), 201)
        assert made.keys() == CART | {"cart_token"}
        read = ok(demo.http.get(f"/carts/{made['id']}", headers={"X-Cart-Token": made.pop("cart_token")}))
        assert read == made
        assert (read["status"], read["lines"], read["subtotal"], read["discount"]) == ("open", [], euro(0), euro(0))
        assert (read["coupon"], read["problems"], read["stale"]) == (None, [], False)
        assert isinstance(read["version"], int)


@pytest.mark.parametrize("currency", ["USD", "eur", "", "EURO", 1, None, "EUR "])
def test_a_cart_in_another_currency_is_refused(demo: Demo, currency: object) -> None:
    """The shop has one currency."""
    answer = demo.http.post("/carts", json={"currency": currency})
    if currency is None and answer.status_code == 201:
        return
    problem(answer, 400, at="currency")


def test_only_its_token_opens_a_cart(demo: Demo, ana: Person) -> None:
    """404 for everybody else, staff included."""
    one, two = demo.cart(), demo.cart()
    for who in (
        {},
        two.who,
        {"X-Cart-Token": ""},
        {"X-Order-Token": one.who["X-Cart-Token"]},
        {"X-Cart-Token": one.who["X-Cart-Token"][:-1]},
        ana.who,
    ):
        problem(demo.http.get(one.path, headers=who), 404)
        problem(demo.http.put(f"{one.path}/lines/CAFE-HUI-250", json={"quantity": 1}, headers=who), 404)
        problem(demo.http.post(f"{one.path}/lines", json={"sku": "CAFE-HUI-250", "quantity": 1}, headers=who), 404)
        problem(demo.http.delete(f"{one.path}/lines/CAFE-HUI-250", headers=who), 404)
    problem(demo.http.get(f"/carts/{ABSENT}", headers=one.who), 404)
    assert ok(demo.http.get(one.path, headers=one.who))["lines"] == []


def test_lines_are_put_added_and_deleted(demo: Demo) -> None:
    """PUT sets, POST adds, DELETE and 0 remove; each answers the cart, and its version grows."""
    sku, other, cart = demo.sku(price=250), demo.sku(price=100), demo.cart()
    seen = ok(demo.http.put(f"{cart.path}/lines/{sku}", json={"quantity": 2}, headers=cart.who))
    assert seen.keys() == CART
    [line] = seen["lines"]
    assert line.keys() == LINE
    assert line == {"sku": sku, "title": line["title"], "quantity": 2, "unit_price": euro(250), "line_total": euro(500), "available": 20}
    assert seen["subtotal"] == euro(500)
    versions = [seen["version"]]
    seen = ok(demo.http.post(f"{cart.path}/lines", json={"sku": sku, "quantity": 3}, headers=cart.who))
    assert seen["lines"][0]["quantity"] == 5
    versions.append(seen["version"])
    seen = ok(demo.http.post(f"{cart.path}/lines", json={"sku": other, "quantity": 1}, headers=cart.who))
    assert seen["subtotal"] == euro(1350)
    versions.append(seen["version"])
    assert seen == ok(demo.http.get(cart.path, headers=cart.who))
    seen = ok(demo.http.put(f"{cart.path}/lines/{sku}", json={"quantity": 0}, headers=cart.who))
    assert [one["sku"] for one in seen["lines"]] == [other]
    versions.append(seen["version"])
    seen = ok(demo.http.delete(f"{cart.path}/lines/{other}", headers=cart.who))
    assert (seen["lines"], seen["subtotal"]) == ([], euro(0))
    versions.append(seen["version"])
    assert versions == sorted(set(versions))
    assert ok(demo.http.delete(f"{cart.path}/lines/{other}", headers=cart.who))["lines"] == []
    assert ok(demo.http.put(f"{cart.path}/lines/{other}", json={"quantity": 0}, headers=cart.who))["lines"] == []


def test_an_unknown_or_archived_sku_is_404(demo: Demo) -> None:
    """Adding an unknown or archived SKU is 404."""
    cart, made = demo.cart(), demo.product(skus=2)
    archived = made["variants"][0]["sku"]
    demo.http.delete(f"/variants/{archived}", headers=demo.staff)
    whole = demo.product()
    demo.http.delete(f"/products/{whole['id']}", headers=demo.staff)
    for sku in (unique("NO"), archived, whole["variants"][0]["sku"], "a" * 65, "%20", "%00"):
        problem(demo.http.put(f"{cart.path}/lines/{sku}", json={"quantity": 1}, headers=cart.who), 404)
    for sku in (unique("NO"), archived, whole["variants"][0]["sku"]):
        problem(demo.http.post(f"{cart.path}/lines", json={"sku": sku, "quantity": 1}, headers=cart.who), 404)
    for bad in ("", "a b", "é", "a" * 65, 5, None, "a\n"):
        problem(demo.http.post(f"{cart.path}/lines", json={"sku": bad, "quantity": 1}, headers=cart.who), 400, at="sku")


def test_a_line_goes_up_to_999(demo: Demo) -> None:
    """A line beyond 999 is 409 cart_full, and the line stays."""
    sku = demo.sku(stock=2000)
    cart = demo.cart({sku: 999})
    problem(demo.http.post(f"{cart.path}/lines", json={"sku": sku, "quantity": 1}, headers=cart.who), 409, "cart_full")
    assert ok(demo.http.get(cart.path, headers=cart.who))["lines"][0]["quantity"] == 999


def test_a_cart_has_at_most_100_lines(demo: Demo) -> None:
    """The 101st line is 409 cart_full; changing one of the hundred is not."""
    skus = [variant["sku"] for _ in range(3) for variant in demo.product(stock=0, skus=34)["variants"]]
    cart = demo.cart(dict.fromkeys(skus[:100], 1))
    problem(demo.http.put(f"{cart.path}/lines/{skus[100]}", json={"quantity": 1}, headers=cart.who), 409, "cart_full")
    problem(demo.http.post(f"{cart.path}/lines", json={"sku": skus[100], "quantity": 1}, headers=cart.who), 409, "cart_full")
    assert len(ok(demo.http.put(f"{cart.path}/lines/{skus[0]}", json={"quantity": 5}, headers=cart.who))["lines"]) == 100


def test_a_cart_tells_its_problems(demo: Demo) -> None:
    """A price that changed is price_changed; what is no longer available is insufficient_stock."""
    sku, gone = demo.sku(stock=3), demo.sku(stock=3)
    cart = demo.cart({sku: 5, gone: 1})
    assert codes(ok(demo.http.get(cart.path, headers=cart.who))) == [("insufficient_stock", sku)]
    ok(demo.http.put(f"{cart.path}/lines/{sku}", json={"quantity": 1}, headers=cart.who))
    ok(demo.http.patch(f"/variants/{sku}", json={"price": euro(1200)}, headers=demo.staff))
    seen = ok(demo.http.get(cart.path, headers=cart.who))
    assert codes(seen) == [("price_changed", sku)]
    assert next(line for line in seen["lines"] if line["sku"] == sku)["unit_price"] == euro(1200)
    demo.http.delete(f"/variants/{gone}", headers=demo.staff)
    seen = ok(demo.http.get(cart.path, headers=cart.who))
    assert ("insufficient_stock", gone) in codes(seen)
    assert ok(demo.http.delete(f"{cart.path}/lines/{gone}", headers=cart.who))["problems"] == seen["problems"][:1]


def test_a_cart_is_locked_while_it_checks_out(demo: Demo) -> None:
    """409 cart_locked while checking out; reading it is fine."""
    sku = demo.sku()
    cart = demo.cart({sku: 1})
    ok(demo.submit(cart, 1495), 201)
    assert ok(demo.http.get(cart.path, headers=cart.who))["status"] == "checking_out"
    problem(demo.http.put(f"{cart.path}/lines/{sku}", json={"quantity": 2}, headers=cart.who), 409, "cart_locked")
    problem(demo.http.post(f"{cart.path}/lines", json={"sku": sku, "quantity": 1}, headers=cart.who), 409, "cart_locked")
    problem(demo.http.delete(f"{cart.path}/lines/{sku}", headers=cart.who), 409, "cart_locked")


def test_additions_at_once_all_count(demo: Demo) -> None:
    """Nothing is lost when a cart is used from two windows."""
    sku, cart = demo.sku(), demo.cart()

    def add() -> None:
        ok(demo.http.post(f"{cart.path}/lines", json={"sku": sku, "quantity": 1}, headers=cart.who))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ok(demo.http.get(cart.path, headers=cart.who))["lines"][0]["quantity"] == 8
