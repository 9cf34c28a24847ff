"""`expand[]`: ids in an answer that are replaced by their objects."""

from typing import Any

import msgspec

from shop.demo.stripe_twin.form import convert
from shop.demo.stripe_twin.ledger import Ledger
from shop.demo.stripe_twin.objects import Charge, PaymentIntent
from shop.demo.stripe_twin.parameters import Parameters
from shop.demo.stripe_twin.problems import StripeProblem

_MOST_DEEP = 4


def expanded(result: object, paths: object, ledger: Ledger) -> Any:
    """Give a result as plain data with the named fields expanded; `data.latest_charge` goes into lists."""
    body = msgspec.to_builtins(result)
    for path in convert({"expand": paths or []}, Parameters).expand:
        parts = path.split(".")
        if len(parts) > _MOST_DEEP:
            raise StripeProblem(f"You cannot expand more than {_MOST_DEEP} levels of a property: {path}", param="expand")
        _expand(body, parts, ledger)
    return body


def _expand(body: dict[str, Any] | list[Any], parts: list[str], ledger: Ledger) -> None:
    if isinstance(body, list):
        for each in body:
            _expand(each, parts, ledger)
        return
    name, *rest = parts
    if name not in body:
        raise StripeProblem(f"This property cannot be expanded ({name}).", param="expand")
    if isinstance(body[name], str):
        body[name] = _object(name, body[name], ledger)
    if rest and isinstance(body[name], dict | list):
        _expand(body[name], rest, ledger)


def _object(name: str, id: str, ledger: Ledger) -> Any:
    found = ledger.get(PaymentIntent, id) if name == "payment_intent" else ledger.get(Charge, id)
    return msgspec.to_builtins(found) if found else id
