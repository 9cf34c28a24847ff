"""Staff write products, variants and categories."""

from typing import Annotated

from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import Response, delete, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, HeaderParameter, JSONBody

from shop.kit.http.openapi import problems
from shop.kit.idempotency import Once
from shop.kit.identity import staff
from shop.kit.problems import NotFound, PreconditionFailed
from shop.modules.products.categories import Categories
from shop.modules.products.category_tree import CategoryAnswer, CategoryCycle, CategoryInUse
from shop.modules.products.commands import CategoryChanges, NewCategory, NewProduct, NewVariant, ProductChanges, VariantChanges
from shop.modules.products.domain import Product, ProductVariant, SkuTaken, SlugTaken, TooManyVariants
from shop.modules.products.service import Catalogue

FromCatalogue = Annotated[Catalogue, FromComponent("products")]
FromCategories = Annotated[Categories, FromComponent("products")]
IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag of the product as it was read; 412 when it has changed")]


def _variant(product: Product, sku: str) -> Response[ProductVariant]:
    variant = product.variant(sku)
    if variant is None:
        raise NotFound
    return Response(variant, headers={"ETag": product.etag})


@post("/api/v1/products", policy=staff, idempotency="honoured", responses=problems(SlugTaken, SkuTaken))
@inject
async def create_product(data: JSONBody[NewProduct], once: NamedDependency[Once], catalogue: FromCatalogue) -> Response[Product]:
    """Sell a new product; nothing of it is in stock yet."""
    product = await catalogue.create(data, once)
    return Response(product, headers={"ETag": product.etag})


@patch("/api/v1/products/{ref:str}", policy=staff, responses=problems(NotFound, SlugTaken, PreconditionFailed))
@inject
async def change_product(ref: FromPath[str], data: JSONBody[ProductChanges], catalogue: FromCatalogue, if_match: IfMatch = None) -> Response[Product]:
    """Change a product; null clears the description or the category."""
    product = await catalogue.change(ref, data, if_match)
    return Response(product, headers={"ETag": product.etag})


@delete("/api/v1/products/{ref:str}", policy=staff, responses=problems(NotFound, PreconditionFailed))
@inject
async def archive_product(ref: FromPath[str], catalogue: FromCatalogue, if_match: IfMatch = None) -> None:
    """Stop selling a product."""
    await catalogue.archive(ref, if_match)


@post(
    "/api/v1/products/{ref:str}/variants",
    policy=staff,
    idempotency="honoured",
    responses=problems(NotFound, SkuTaken, TooManyVariants, PreconditionFailed),
)
@inject
async def add_variant(
    ref: FromPath[str], data: JSONBody[NewVariant], once: NamedDependency[Once], catalogue: FromCatalogue, if_match: IfMatch = None
) -> Response[ProductVariant]:
    """Sell a product in one more way."""
    return _variant(*await catalogue.add_variant(ref, data, if_match, once))


@patch("/api/v1/variants/{sku:str}", policy=staff, responses=problems(NotFound, PreconditionFailed))
@inject
async def change_variant(
    sku: FromPath[str], data: JSONBody[VariantChanges], catalogue: FromCatalogue, if_match: IfMatch = None
) -> Response[ProductVariant]:
    """Change a variant; null clears the title or the price to compare with."""
    return _variant(await catalogue.change_variant(sku, data, if_match), sku)


@delete("/api/v1/variants/{sku:str}", policy=staff, responses=problems(NotFound, PreconditionFailed))
@inject
async def archive_variant(sku: FromPath[str], catalogue: FromCatalogue, if_match: IfMatch = None) -> None:
    """Stop selling a variant."""
    await catalogue.archive_variant(sku, if_match)


@post("/api/v1/categories", policy=staff, idempotency="honoured", responses=problems(SlugTaken))
@inject
async def create_category(data: JSONBody[NewCategory], once: NamedDependency[Once], categories: FromCategories) -> CategoryAnswer:
    """Grow the category tree."""
    return await categories.create(data, once)


@patch("/api/v1/categories/{slug:str}", policy=staff, idempotency="honoured", responses=problems(NotFound, SlugTaken, CategoryCycle))
@inject
async def change_category(
    slug: FromPath[str], data: JSONBody[CategoryChanges], once: NamedDependency[Once], categories: FromCategories
) -> CategoryAnswer:
    """Rename a category or move it with all below it; a null parent is the root."""
    return await categories.change(slug, data, once)


@delete("/api/v1/categories/{slug:str}", policy=staff, idempotency="honoured", responses=problems(NotFound, CategoryInUse))
@inject
async def remove_category(slug: FromPath[str], once: NamedDependency[Once], categories: FromCategories) -> None:
    """Delete a category that nothing is in."""
    await categories.remove(slug, once)


STAFF_ROUTES: list[HTTPRouteHandler] = [
    create_product, change_product, archive_product, add_variant, change_variant, archive_variant,
    create_category, change_category, remove_category,
]  # fmt: skip
