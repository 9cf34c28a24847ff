"""Pictures in a bucket of Amazon S3, or of whatever speaks its protocol."""

from datetime import timedelta
from typing import Any

from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from shop.kit.problems import NotFound, Problem, Unavailable
from shop.kit.transactions import assert_no_transaction
from shop.ports.images import ImageStore, StoredImage
from shop.settings import Images

SECONDS = timedelta(seconds=8)
RETRIES = 2
CHECKED = "check"


class ImageBucket(ImageStore):
    """A bucket, below a prefix."""

    def __init__(self, store: S3Store) -> None:
        """Use this opened store."""
        self._store = store

    async def keep(self, *, name: str, content: bytes) -> None:
        """See ImageStore."""
        assert_no_transaction("ImageStore.keep")
        attributes: Any = {"Content-Type": "image/webp", "Cache-Control": "public, max-age=31536000, immutable"}
        try:
            await self._store.put_async(name, content, mode="create", attributes=attributes)
        except AlreadyExistsError:
            return
        except (BaseError, OSError) as error:
            raise Unavailable(f"pictures cannot be kept: {_said(error)}") from error

    async def image(self, *, name: str) -> StoredImage:
        """See ImageStore."""
        assert_no_transaction("ImageStore.image")
        try:
            found = await self._store.get_async(name)
            return StoredImage(bytes(await found.bytes_async()))
        except FileNotFoundError as error:
            raise NotFound from error
        except (BaseError, OSError) as error:
            raise Unavailable(f"pictures cannot be read: {_said(error)}") from error

    async def check(self) -> list[str]:
        """See ImageStore; what it keeps, under a name that no picture has, stays there."""
        try:
            await self.keep(name=CHECKED, content=b"")
            await self.image(name=CHECKED)
        except Problem as problem:
            return [f"The bucket cannot be used: {problem.detail}."]
        return []


def _said(error: Exception) -> str:
    """Give the kind of failure; the text has addresses."""
    return type(error).__name__.removesuffix("Error").lower() or "generic"


def adapter(settings: Images) -> ImageBucket:
    """Open the bucket of the settings; nothing is asked of it yet."""
    bucket, _, prefix = settings.store.removeprefix("s3://").partition("/")
    keys: dict[str, Any] = {}
    if settings.access_key is not None and settings.secret_key is not None:
        keys = {"access_key_id": settings.access_key, "secret_access_key": settings.secret_key.reveal()}
    client: Any = {"timeout": SECONDS, "connect_timeout": timedelta(seconds=2), "allow_http": (settings.endpoint or "").startswith("http://")}
    options: dict[str, Any] = {} if settings.endpoint is None else {"endpoint": settings.endpoint, "virtual_hosted_style_request": False}
    return ImageBucket(
        S3Store(
            bucket, prefix=prefix.rstrip("/") or None, region=settings.region, **keys,
            client_options=client, retry_config={"max_retries": RETRIES, "retry_timeout": SECONDS}, **options,
        )
    )  # fmt: skip
