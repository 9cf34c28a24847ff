"""Staff count the stock."""

from typing import Annotated

from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from shop.kit.http.openapi import problems
from shop.kit.idempotency import Once
from shop.kit.identity import Caller, staff
from shop.kit.problems import NotFound
from shop.modules.products.commands import StockChange
from shop.modules.products.holding import StockLevel, StockReport, StockReserved, StockTooLarge
from shop.modules.products.stock import Stock

FromStock = Annotated[Stock, FromComponent("products")]


@post(
    "/api/v1/variants/{sku:str}/stock",
    status_code=200,
    policy=staff,
    idempotency="honoured",
    responses=problems(NotFound, StockReserved, StockTooLarge),
)
@inject
async def change_stock(
    sku: FromPath[str], data: JSONBody[StockChange], caller: NamedDependency[Caller], once: NamedDependency[Once], stock: FromStock
) -> StockLevel:
    """Count pieces in or out, with a row in the ledger; never below what is reserved."""
    return await stock.change(sku, data, str(caller.user_id), once)


@get("/api/v1/variants/{sku:str}/stock", policy=staff, responses=problems(NotFound))
@inject
async def show_stock(sku: FromPath[str], stock: FromStock) -> StockReport:
    """Show how many pieces there are, who holds them and how they came and went: the newest thousand movements."""
    return await stock.report(sku)


STOCK_ROUTES: list[HTTPRouteHandler] = [change_stock, show_stock]
