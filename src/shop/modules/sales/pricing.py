"""What an order costs. Tax and shipping are included in prices; rounding happens once per line, half up."""

from msgspec import Struct

from shop.kit.money import Money, included_tax, split
from shop.kit.problems import Invalid
from shop.modules.sales.domain import OrderLine, Terms
from shop.modules.sales.problems import PriceChanged, TotalTooLarge
from shop.ports.cart import Quote
from shop.settings import Commerce, ShippingMethod

LARGEST_TOTAL = 99_999_999


class Charge(Struct, frozen=True):
    """What would be charged, in minor units; `subtotal - discount + shipping = total`, and `tax` is the part contained in it."""

    currency: str
    lines: list[OrderLine]
    subtotal: int
    discount: int
    shipping: int
    tax: int
    total: int


def shipping_method(code: str, country: str, commerce: Commerce) -> ShippingMethod:
    """Find the shipping method for a country; raises Invalid."""
    for method in offered(country, commerce):
        if method.code == code:
            return method
    raise Invalid.field("shipping_method", f"is not one for {country}")


def offered(country: str | None, commerce: Commerce) -> list[ShippingMethod]:
    """Give the shipping methods for a country, or all of them."""
    return [method for method in commerce.shipping_methods if country is None or method.countries is None or country in method.countries]


def charge(quote: Quote, terms: Terms) -> Charge:
    """Compute what a quoted cart costs under the terms of its order."""
    totals = [line.unit_price.amount * line.quantity for line in quote.lines]
    discounts = [line.discount.amount for line in quote.lines]
    if sum(discounts) != quote.discount.amount:
        discounts = split(quote.discount.amount, totals)
    lines = [
        OrderLine(line.sku, line.title, line.quantity, line.unit_price.amount, total, discount, included_tax(total - discount, terms.tax_rate))
        for line, total, discount in zip(quote.lines, totals, discounts, strict=True)
    ]
    subtotal, discount = sum(totals), sum(discounts)
    shipping = shipping_price(subtotal - discount, terms)
    tax = sum(line.tax for line in lines) + included_tax(shipping, terms.tax_rate)
    return Charge(quote.subtotal.currency, lines, subtotal, discount, shipping, tax, subtotal - discount + shipping)


def shipping_price(goods: int, terms: Terms) -> int:
    """Give the price of shipping goods of this worth, after discount."""
    return 0 if terms.free_from is not None and goods >= terms.free_from else terms.price


def check(charged: Charge, expected: Money) -> None:
    """Refuse what the customer did not agree to, before any money is touched; raises PriceChanged, TotalTooLarge."""
    if charged.total > LARGEST_TOTAL:
        raise TotalTooLarge
    if (charged.total, charged.currency) != (expected.amount, expected.currency):
        raise PriceChanged(total=Money(charged.total, charged.currency))
