"""Pictures of products: taken in from staff, and shown to everybody under names that never change what they say."""

import asyncio
import re

from msgspec import Struct

from shop.kit.audit import record
from shop.kit.database import Database
from shop.kit.http.etag import require_match
from shop.kit.problems import Conflict, NotFound
from shop.modules.products import pictures
from shop.modules.products.domain import MOST_IMAGES, Product
from shop.modules.products.store import ProductsStore
from shop.modules.products.tables import audit_log
from shop.ports.images import ImageStore

NAME = re.compile(rf"[0-9a-f]{{64}}-({'|'.join(map(str, pictures.WIDTHS))})\.webp")
PATH = "/api/v1/images"


class TooManyImages(Conflict):
    """A product has at most 20 images."""


class ImageSize(Struct, frozen=True):
    """A picture that is at most so many pixels wide."""

    width: int
    url: str


class AddedImage(Struct, frozen=True):
    """A picture that was taken in; `url` is the widest, which the product's `images` now has."""

    url: str
    sizes: list[ImageSize]
    product: Product


class ProductImages:
    """The pictures of products; making one takes much memory, so one is made at a time."""

    def __init__(self, database: Database[ProductsStore], store: ImageStore, public_url: str) -> None:
        """`public_url` is how customers reach the shop."""
        self._database, self._store = database, store
        self._base = f"{public_url}{PATH}"
        self._turn = asyncio.Semaphore(1)

    async def add(self, ref: str, content: bytes, if_match: str | None) -> AddedImage:
        """Keep a picture in every width, and put it at the end of the product's; once more changes nothing.

        Raises NotFound, PreconditionFailed, Invalid, TooManyImages.
        """
        async with self._database.read() as store:
            _present(await store.product(ref))
        digest = pictures.digest_of(content)
        async with self._turn:
            made = await asyncio.to_thread(pictures.pictures, content)
        for picture in made:
            await self._store.keep(name=f"{digest}-{picture.width}.webp", content=picture.content)
        sizes = [ImageSize(picture.width, f"{self._base}/{digest}-{picture.width}.webp") for picture in made]
        return AddedImage(sizes[-1].url, sizes, await self._added(ref, sizes[-1].url, if_match))

    async def _added(self, ref: str, url: str, if_match: str | None) -> Product:
        async with self._database.write() as store:
            product = _present(await store.locked(ref))
            require_match(if_match, product.etag)
            if url in product.images:
                return product
            if len(product.images) >= MOST_IMAGES:
                raise TooManyImages
            await store.change_product(product.id, {"images": [*product.images, url]})
            changed = await store.settle(product.id)
            await record(store, audit_log, "product.update", product.id, product.facts, changed.facts)
            return changed

    async def shown(self, name: str) -> bytes:
        """Give a picture by its name; raises NotFound."""
        if not NAME.fullmatch(name):
            raise NotFound
        return (await self._store.image(name=name)).content


def _present(product: Product | None) -> Product:
    if product is None:
        raise NotFound
    return product
