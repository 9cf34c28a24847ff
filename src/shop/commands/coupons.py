"""`shop coupons`."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import reduce
from typing import Any

import click

from shop.commands.terminal import Refused, answer, as_json, loaded, refusing, warned
from shop.settings import Settings

LIMITS = {
    "min-subtotal": "min_subtotal", "starts-at": "starts_at", "ends-at": "ends_at", "max-redemptions": "max_redemptions",
    "max-per-customer": "max_per_customer", "sku": "skus", "category": "categories",
}  # fmt: skip
MOST_NAMED = 3
HEADING = ("CODE", "TAKES OFF", "CONDITIONS", "REDEEMED", "STATE")
Use = Callable[[Any], Awaitable[Any]]


def _instant(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise click.BadParameter(f"{value!r} is not a moment with its zone, such as 2026-11-24T09:30:00Z")
    return moment


TERMS = (
    click.option("--percent", type=click.IntRange(1, 100), metavar="N", help="Take so much per cent off."),
    click.option("--amount", type=click.IntRange(min=1), metavar="N", help="Take this amount off, in minor units: 500 is 5.00."),
    click.option("--min-subtotal", type=click.IntRange(min=0), metavar="N", help="Only from this subtotal on, in minor units."),
    click.option("--starts-at", callback=_instant, metavar="MOMENT", help="Not before, such as 2026-11-27T00:00:00+01:00."),
    click.option("--ends-at", callback=_instant, metavar="MOMENT", help="No longer from then on."),
    click.option("--max-redemptions", type=click.IntRange(min=1), metavar="N", help="So often in all."),
    click.option("--max-per-customer", type=click.IntRange(min=1), metavar="N", help="So often for each customer."),
    click.option("--sku", "skus", multiple=True, metavar="SKU", help="Only for this SKU; may be repeated."),
    click.option("--category", "categories", multiple=True, metavar="SLUG", help="Only in this category or below it; may be repeated."),
)


def _with_terms(function: Callable[..., None]) -> Callable[..., None]:
    return reduce(lambda made, option: option(made), reversed(TERMS), function)


@click.group()
def command() -> None:
    """Look after coupons: what a code takes off a cart, and how often."""


@command.command()
@click.argument("code")
@_with_terms
@as_json
def create(code: str, as_json: bool, **terms: Any) -> None:
    """Make a coupon; customers may type its CODE in upper or lower case."""
    if terms["percent"] is None and terms["amount"] is None:
        raise click.UsageError("Give either --percent or --amount.")
    from shop.modules.cart.coupon_commands import NewCoupon

    settings = _settings()
    body = _body(NewCoupon, {"code": code} | _given(terms, settings))
    _show(_ask(settings, lambda coupons: coupons.create(body)), as_json)


@command.command()
@click.argument("code")
@_with_terms
@click.option("--clear", type=click.Choice(list(LIMITS)), multiple=True, help="Take this limit away; may be repeated.")
@as_json
def update(code: str, clear: Sequence[str], as_json: bool, **terms: Any) -> None:
    """Change what is given of a coupon, and leave the rest.

    Carts follow; checkouts that are under way keep what they were quoted.
    """
    from shop.modules.cart.coupon_commands import CouponChanges

    settings = _settings()
    given, cleared = _given(terms, settings), {LIMITS[name]: None for name in clear}
    if twice := [name for name in clear if LIMITS[name] in given]:
        raise click.UsageError(f"Either give --{twice[0]} or clear it.")
    if not given and not cleared:
        raise click.UsageError("Say what is to change; shop coupons update --help names it all.")
    if "percent" in given or "amount" in given:
        cleared |= {"percent": None, "amount": None}
    body = _body(CouponChanges, cleared | given)
    _show(_ask(settings, lambda coupons: coupons.change(code, body)), as_json)


@command.command()
@click.argument("code")
@as_json
def end(code: str, as_json: bool) -> None:
    """End a coupon now; it stays in carts as one that no longer applies."""
    from shop.modules.cart.coupon_commands import CouponChanges

    body = CouponChanges(ends_at=datetime.now(UTC).replace(microsecond=0))
    _show(_ask(_settings(), lambda coupons: coupons.change(code, body)), as_json)


@command.command(name="list")
@as_json
def list_all(as_json: bool) -> None:
    """Show all coupons and how they stand."""
    found = _ask(_settings(), _all)
    if as_json:
        answer(found)
    else:
        _table([_row(coupon) for coupon in found])


def _settings() -> Settings:
    settings = warned(loaded()).settings
    if "cart" not in settings.runtime.modules:
        raise Refused("cart is not hosted here: run this where it is (SHOP_MODULES)")
    return settings


def _given(terms: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Keep what was typed, money in the shop's currency; percent and amount exclude each other."""
    if terms["percent"] is not None and terms["amount"] is not None:
        raise click.UsageError("Give either --percent or --amount.")
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in terms.items() if value not in (None, ())}
    money = {name: {"amount": given[name], "currency": settings.commerce.currency} for name in ("amount", "min_subtotal") if name in given}
    return given | money


def _body(kind: Any, values: dict[str, Any]) -> Any:
    """Check the values as the API does."""
    import msgspec

    from shop.kit.http.strict_json import translated

    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise click.UsageError(translated(str(error)).detail) from error


def _ask(settings: Settings, use: Use) -> Any:
    from shop.commands.hosting import EXPECTED, services
    from shop.kit.problems import Problem
    from shop.modules.cart.coupon_service import Coupons
    from shop.ports.products import Products

    async def work() -> Any:
        async with services(settings, ("cart",), (Products, object())) as scope:
            return await use(await scope.get(Coupons, component="cart"))

    with refusing(*EXPECTED, Problem):
        return asyncio.run(work())


async def _all(coupons: Any) -> list[Any]:
    found: list[Any] = []
    cursor = None
    while True:
        page = await coupons.listed(100, cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def _show(coupon: Any, as_json: bool) -> None:
    if as_json:
        answer(coupon)
    else:
        _table([_row(coupon)])


def _table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(HEADING, *rows, strict=True)]
    click.secho(_line(HEADING, widths), bold=True)
    for row in rows:
        click.echo(_line(row, widths))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _row(coupon: Any) -> tuple[str, ...]:
    takes = f"{coupon.percent} %" if coupon.percent else _money(coupon.amount)
    limit = "" if coupon.max_redemptions is None else f" of {coupon.max_redemptions}"
    return coupon.code, takes, _conditions(coupon) or "-", f"{coupon.redeemed}{limit}", _state(coupon)


def _conditions(coupon: Any) -> str:
    limits = {
        "from {}": coupon.min_subtotal and _money(coupon.min_subtotal),
        "starts {}": coupon.starts_at and _moment(coupon.starts_at),
        "ends {}": coupon.ends_at and _moment(coupon.ends_at),
        "{} per customer": coupon.max_per_customer,
        "only {}": " or ".join(filter(None, (_named(coupon.skus), coupon.categories and f"in {_named(coupon.categories)}"))),
    }
    return ", ".join(says.format(value) for says, value in limits.items() if value)


def _named(names: Sequence[str]) -> str:
    shown = " ".join(names[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")


def _money(money: Any) -> str:
    from shop.kit.letters import money_text

    return money_text(money, "en")


def _state(coupon: Any) -> str:
    from shop.modules.cart.coupons import Standing

    reason = Standing(coupon.code, coupon, 0, datetime.now(UTC)).reason
    return str(reason).replace("_", " ") if reason else "active"
