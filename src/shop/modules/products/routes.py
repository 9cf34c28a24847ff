"""The public catalogue, and all routes of products."""

from typing import Annotated, Any

import msgspec
from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, HeaderParameter, QueryParameter
from msgspec import Struct

from shop.kit.http.audited import audit_route
from shop.kit.http.etag import etag_of, not_modified
from shop.kit.http.openapi import problems
from shop.kit.identity import Caller, public
from shop.kit.paging import Cursor, Limit, Page
from shop.kit.problems import NotFound
from shop.modules.products.categories import Categories
from shop.modules.products.category_tree import CategoryNode
from shop.modules.products.domain import ListedProduct, Product, ProductStatus
from shop.modules.products.file_routes import FILE_ROUTES
from shop.modules.products.image_routes import IMAGE_ROUTES
from shop.modules.products.search import Listing, Sort
from shop.modules.products.service import Catalogue
from shop.modules.products.staff_routes import STAFF_ROUTES
from shop.modules.products.stock_routes import STOCK_ROUTES

CACHED = "public, max-age=5, must-revalidate"
PRIVATE = "no-store"
IfNoneMatch = Annotated[str | None, HeaderParameter(name="If-None-Match", description="ETag of the copy that the client has; 304 while it is good")]
PriceBound = Annotated[int | None, QueryParameter(ge=0, le=99_999_999, description="in minor units, of the lowest variant's price")]


class CategoryList(Struct, frozen=True):
    """The category tree from the root down."""

    items: list[CategoryNode]


def _cached(content: object, etag: str, if_none_match: str | None, cache_control: str = CACHED) -> Response[Any]:
    headers = {"ETag": etag, "Cache-Control": cache_control}
    if not_modified(if_none_match, etag):
        return Response(None, status_code=304, headers=headers)
    return Response(content, headers=headers)


@get("/api/v1/products", policy=public)
@inject
async def list_products(
    catalogue: Annotated[Catalogue, FromComponent("products")],
    q: Annotated[str | None, QueryParameter(max_length=200, description="words, each found anywhere; case and accents do not matter")] = None,
    category: Annotated[str | None, QueryParameter(max_length=100, description="slug; products of the categories below it too")] = None,
    min_price: PriceBound = None,
    max_price: PriceBound = None,
    in_stock: Annotated[bool, QueryParameter(description="true leaves out what is sold out; false does not filter")] = False,
    sort: Annotated[Sort | None, QueryParameter(description="relevance where q is given, newest otherwise")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    if_none_match: IfNoneMatch = None,
) -> Response[Page[ListedProduct]]:
    """List the products that are sold."""
    found = await catalogue.products(Listing(q, category, min_price, max_price, in_stock, sort), limit, cursor)
    return _cached(found, etag_of(msgspec.json.encode(found).decode()), if_none_match)


@get("/api/v1/products/{ref:str}", policy=public, responses=problems(NotFound))
@inject
async def show_product(
    ref: FromPath[str],
    caller: NamedDependency[Caller],
    catalogue: Annotated[Catalogue, FromComponent("products")],
    if_none_match: IfNoneMatch = None,
) -> Response[Product]:
    """Show a product by id or slug; an archived one to staff only."""
    product = await catalogue.product(ref, archived=caller.is_staff)
    return _cached(product, product.etag, if_none_match, CACHED if product.status is ProductStatus.ACTIVE else PRIVATE)


@get("/api/v1/categories", policy=public)
@inject
async def list_categories(categories: Annotated[Categories, FromComponent("products")], if_none_match: IfNoneMatch = None) -> Response[CategoryList]:
    """Show the category tree."""
    tree = CategoryList(await categories.tree())
    return _cached(tree, etag_of(msgspec.json.encode(tree).decode()), if_none_match)


ROUTES: list[HTTPRouteHandler] = [
    list_products, show_product, list_categories, *STAFF_ROUTES, *STOCK_ROUTES, *FILE_ROUTES, *IMAGE_ROUTES, audit_route("products"),
]  # fmt: skip
