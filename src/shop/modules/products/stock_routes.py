"""Staff count the stock."""

from typing import Annotated

from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from shop.kit.http.openapi import problems
from shop.kit.idempotency import Once
from shop.kit.identity import Caller, staff
from shop.kit.paging import Cursor, Limit, Page
from shop.kit.problems import NotFound
from shop.modules.products.commands import StockChange
from shop.modules.products.holding import StockLevel, StockReport, StockReserved, StockTooLarge
from shop.modules.products.stock import Stock
from shop.modules.products.stock_list import StockItem, StockList, StockSought

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


@get("/api/v1/stock", policy=staff)
@inject
async def list_stock(
    stock: Annotated[StockList, FromComponent("products")],
    q: Annotated[str | None, QueryParameter(max_length=200, description="words, each found in SKU or product")] = None,
    below: Annotated[int | None, QueryParameter(ge=0, le=1_000_000_000, description="only what fewer than so many are available of")] = None,
    category: Annotated[str | None, QueryParameter(max_length=100, description="slug; products of the categories below it too")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[StockItem]:
    """List what there is of each SKU, sorted by SKU; archived ones too, for their pieces are still there."""
    return await stock.items(StockSought(q, below, category), limit, cursor)


STOCK_ROUTES: list[HTTPRouteHandler] = [change_stock, show_stock, list_stock]
