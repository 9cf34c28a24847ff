"""The sample catalogue fits the public API."""

import re
from typing import Any
from xml.etree import ElementTree

import msgspec

from shop.demo.catalogue import CATEGORIES, COUPON, PRODUCTS, STOCK, products
from shop.demo.images import picture
from shop.modules.cart.coupon_commands import NewCoupon


def test_every_body_fits_the_api() -> None:
    """Bodies have only the API's fields, money in minor units, SKUs and slugs of the right form."""
    for product in PRODUCTS:
        body: dict[str, Any] = msgspec.to_builtins(product)
        assert body.keys() == {"title", "slug", "description", "category", "images", "variants"}
        assert re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", product.slug)
        for variant in body["variants"]:
            assert variant.keys() <= {"sku", "title", "price", "compare_at_price", "attributes"}
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", variant["sku"])
            assert variant["price"].keys() == {"amount", "currency"}
            assert variant["price"]["amount"] > 0
            assert variant.get("compare_at_price", {"amount": 10**9})["amount"] > variant["price"]["amount"]


def test_the_coupon_fits_the_api() -> None:
    """It is one that the shop takes."""
    assert msgspec.convert(msgspec.to_builtins(COUPON), NewCoupon).percent == 10


def test_the_tree_holds_together() -> None:
    """Parents come first, every product has a category, nothing is there twice."""
    seen: set[str] = set()
    for category in CATEGORIES:
        assert category.parent is None or category.parent in seen
        seen.add(category.slug)
    assert {product.category for product in PRODUCTS} <= seen
    assert len({product.slug for product in PRODUCTS}) == len(PRODUCTS) == 60
    skus = [variant.sku for product in PRODUCTS for variant in product.variants]
    assert len(skus) == len(set(skus)) == 150
    assert set(skus) == STOCK.keys()
    assert any(stock == 0 for stock in STOCK.values())


def test_pictures_are_drawn_from_names() -> None:
    """A product's picture is well-formed SVG, the same every time and like no other; products get full URLs."""
    pictures = {product.slug: picture(product.slug) for product in PRODUCTS}
    assert all(ElementTree.fromstring(drawn).tag.endswith("svg") for drawn in pictures.values())
    assert len(set(pictures.values())) == len(PRODUCTS)
    assert ElementTree.fromstring(picture('"><script>')) is not None
    assert products("http://localhost:8001/")[0].images == ("http://localhost:8001/images/cafe-huila.svg",)
