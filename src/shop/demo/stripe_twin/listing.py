"""Lists and search, as Stripe pages them."""

import re
from typing import Any, TypeVar

from shop.demo.stripe_twin.ledger import Ledger
from shop.demo.stripe_twin.objects import Event, PaymentIntent, Refund, WebhookEndpoint
from shop.demo.stripe_twin.parameters import Between, ListObjects, Search
from shop.demo.stripe_twin.problems import StripeProblem

_TERM = re.compile(
    r"""\s*(?:(?P<field>status|currency|amount|created|customer)|metadata\[(?P<q>["'])(?P<name>[\w.-]{1,40})(?P=q)\])"""
    r"""\s*(?P<sign>[:<>]=?)\s*(?P<p>["']?)(?P<value>[^"']*?)(?P=p)\s*(?:\bAND\b|$)""",
    re.IGNORECASE,
)
_SIGNS = {":": "=", ">": ">", "<": "<", ">=": ">=", "<=": "<="}

K = TypeVar("K", PaymentIntent, Refund, Event, WebhookEndpoint)
Condition = tuple[str, tuple[object, ...]]


def page(ledger: Ledger, cls: type[K], asked: ListObjects, url: str, *conditions: Condition) -> dict[str, Any]:
    """Give a page of a list, newest first."""
    wanted = [*conditions, *_created(asked.created)]
    if asked.starting_after:
        wanted.append(("seq < ?", (_seq(ledger, cls, asked.starting_after),)))
    found = _where(ledger, cls, wanted, asked.limit + 1)
    return {"object": "list", "url": url, "has_more": len(found) > asked.limit, "data": found[: asked.limit]}


def search(ledger: Ledger, asked: Search, url: str, until: float) -> dict[str, Any]:
    """Give the PaymentIntents that a query finds; those created after `until` are not indexed yet."""
    skip = int(asked.page) if asked.page and asked.page.isdigit() else 0
    wanted: list[Condition] = [*parse(asked.query), ("created <= ?", (until,))]
    found = _where(ledger, PaymentIntent, wanted, skip + asked.limit + 1)[skip:]
    more = len(found) > asked.limit
    answer = {"object": "search_result", "url": url, "has_more": more, "data": found[: asked.limit]}
    return answer | {"next_page": str(skip + asked.limit) if more else None}


def parse(query: str) -> list[Condition]:
    """Read a query of Stripe's search language: terms joined by AND, over metadata and a few fields."""
    conditions: list[Condition] = []
    at = 0
    while at < len(query):
        term = _TERM.match(query, at)
        if not term:
            raise StripeProblem("We were unable to parse your search query.", param="query")
        conditions.append(_condition(term))
        at = term.end()
    if not conditions:
        raise StripeProblem("We were unable to parse your search query.", param="query")
    return conditions


def _condition(term: re.Match[str]) -> Condition:
    sign = _SIGNS.get(term["sign"], "=")
    path = f'$.metadata."{term["name"]}"' if term["name"] else f"$.{term['field'].lower()}"
    number = term["field"] and term["field"].lower() in {"amount", "created"} and term["value"].isdigit()
    return f"json_extract(body, '{path}') {sign} ?", (int(term["value"]) if number else term["value"],)


def _created(created: Between | int | None) -> list[Condition]:
    if created is None:
        return []
    if isinstance(created, int):
        return [("created = ?", (created,))]
    bounds = {">": created.gt, ">=": created.gte, "<": created.lt, "<=": created.lte}
    return [(f"created {sign} ?", (bound,)) for sign, bound in bounds.items() if bound is not None]


def _seq(ledger: Ledger, cls: type[K], id: str) -> int:
    found = ledger.get(cls, id)
    if not found:
        raise StripeProblem(f"No such object: '{id}'", code="resource_missing", param="starting_after")
    (seq,) = ledger.sql.execute("SELECT seq FROM objects WHERE kind = ? AND id = ?", (found.object, id)).fetchone()
    return int(seq)


def _where(ledger: Ledger, cls: type[K], conditions: list[Condition], limit: int) -> list[K]:
    where = " AND ".join(f"({text})" for text, _ in conditions) or "TRUE"
    values = tuple(value for _, given in conditions for value in given)
    return ledger.find(cls, where, values, limit=limit)
