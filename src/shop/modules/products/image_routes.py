"""Staff send pictures of products; everybody sees them."""

from typing import Annotated, Any

from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, HeaderParameter

from shop.kit.http.etag import not_modified
from shop.kit.http.openapi import problems
from shop.kit.http.requests import StrictRequest
from shop.kit.identity import public, staff
from shop.kit.problems import Invalid, NotFound, PreconditionFailed
from shop.modules.products.images import PATH, AddedImage, ProductImages, TooManyImages

LARGEST_IMAGE = 10 * 1024 * 1024
WEBP = "image/webp"
FOREVER = "public, max-age=31536000, immutable"
FromImages = Annotated[ProductImages, FromComponent("products")]
IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag of the product as it was read; 412 when it has changed")]
IfNoneMatch = Annotated[str | None, HeaderParameter(name="If-None-Match", description="ETag of the copy that the client has; 304 while it is good")]


@post(
    "/api/v1/products/{ref:str}/images",
    policy=staff,
    raw=True,
    accepts=("image/jpeg", "image/png", "image/webp", "image/gif"),
    body_limit=LARGEST_IMAGE,
    responses=problems(NotFound, TooManyImages, PreconditionFailed),
)
@inject
async def add_image(ref: FromPath[str], request: StrictRequest, images: FromImages, if_match: IfMatch = None) -> Response[AddedImage]:
    """Add a picture to a product: the body is the file, at most 10 MiB and 40 million pixels; it is looked at by its content."""
    body = await request.body()
    if not body:
        raise Invalid.field("body", "is missing")
    added = await images.add(ref, body, if_match)
    return Response(added, headers={"ETag": added.product.etag})


@get(f"{PATH}/{{name:str}}", policy=public, gives=WEBP, responses=problems(NotFound))
@inject
async def show_image(name: FromPath[str], images: FromImages, if_none_match: IfNoneMatch = None) -> Response[Any]:
    """Show a picture; it never changes."""
    etag = f'"{name.removesuffix(".webp")}"'
    content = await images.shown(name)
    headers = {"ETag": etag, "Cache-Control": FOREVER}
    if not_modified(if_none_match, etag):
        return Response(None, status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=WEBP)


IMAGE_ROUTES: list[HTTPRouteHandler] = [add_image, show_image]
