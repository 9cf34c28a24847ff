"""How the texts of settings about selling are read; a reader raises ValueError with what is wrong."""

import re
from decimal import Decimal, InvalidOperation

import msgspec

from shop.configuration.values import items, text
from shop.settings import ShippingMethod

LANGUAGES = ("en", "es")
LOCALE = re.compile(r"[a-z]{2}(-[A-Z]{2})?")
CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def locale(value: str) -> str:
    """Take a language, with or without a country."""
    if not LOCALE.fullmatch(value):
        raise ValueError(f"names {value!r}, which is not a language such as en or es-MX")
    if value[:2] not in LANGUAGES:
        raise ValueError(f"names {value!r}, in which there are no mails: there are {', '.join(LANGUAGES)}")
    return value


def currency(value: str) -> str:
    """Take a currency of ISO 4217."""
    from babel import Locale  # loads a large table

    if value not in Locale("en").currencies or not re.fullmatch(r"[A-Z]{3}", value):
        raise ValueError("is not a currency of ISO 4217")
    return value


def tax_rates(value: str) -> dict[str, Decimal]:
    """Take tax rates by country, such as ES=0.21,DE=0.19."""
    rates = {}
    for part in items(text)(value):
        country, _, rate = (piece.strip() for piece in part.partition("="))
        _check_country(country)
        try:
            rates[country] = Decimal(rate)
        except InvalidOperation:
            raise ValueError(f"has no number for {country}") from None
        if not 0 <= rates[country] < 1:
            raise ValueError(f"has a rate for {country} that is not from 0 to 1: 21 % is 0.21")
    return rates


def shipping_methods(value: str) -> tuple[ShippingMethod, ...]:
    """Take shipping methods as JSON."""
    try:
        methods = msgspec.json.decode(value, type=tuple[ShippingMethod, ...])
    except msgspec.MsgspecError as error:
        raise ValueError(f"is not a JSON list of shipping methods: {error}") from error
    if not methods or len({method.code for method in methods}) != len(methods):
        raise ValueError("has no method, or two with the same code")
    for method in methods:
        _check_method(method)
    return methods


def _check_method(method: ShippingMethod) -> None:
    if not CODE.fullmatch(method.code):
        raise ValueError(f"has a code {method.code!r} that is not lower-case letters, digits and dashes")
    if not method.title or not all(LOCALE.fullmatch(language) and title.strip() for language, title in method.title.items()):
        raise ValueError(f"has no title by language for {method.code}")
    if method.price < 0 or (method.free_from is not None and method.free_from < 0) or method.countries == ():
        raise ValueError(f"has a negative amount or no country for {method.code}")
    for country in method.countries or ():
        _check_country(country)


def _check_country(code: str) -> None:
    from shop.kit.address import COUNTRIES  # loads a large table

    if code not in COUNTRIES:
        raise ValueError(f"names {code!r}, which is not a country of ISO 3166-1 such as ES")
