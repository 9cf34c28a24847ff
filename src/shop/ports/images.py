"""What products asks of the place where pictures are kept."""

from typing import Annotated, Protocol

from msgspec import Meta, Struct

from shop.kit.port import Port, get, put
from shop.kit.problems import NotFound

ImageName = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}-[0-9]{2,4}\.webp$(?!\n)")]


class StoredImage(Struct, frozen=True):
    """What is kept under a name."""

    content: bytes


class ImageStore(Port, Protocol):
    """A folder or a bucket. A name is kept once and for all: what it says never changes."""

    @put("/{name}", timeout=30.0)
    async def keep(self, *, name: ImageName, content: bytes) -> None:
        """Keep a picture; under a name that is there already the first one stays. When it returns, the picture survives a crash."""
        ...

    @get("/{name}", raises=(NotFound,), timeout=10.0)
    async def image(self, *, name: ImageName) -> StoredImage:
        """Give what is kept under a name; raises NotFound."""
        ...

    @get("/", timeout=20.0)
    async def check(self) -> list[str]:
        """Try whether something can be kept and read; gives what is wrong, one sentence each."""
        ...
