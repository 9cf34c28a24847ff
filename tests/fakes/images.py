"""A place for pictures in memory."""

from shop.kit.problems import NotFound, Problem
from shop.kit.transactions import assert_no_transaction
from shop.ports.images import ImageStore, StoredImage


class FakeImages(ImageStore):
    """Keeps pictures in `kept`; raises `failure` while there is one."""

    def __init__(self) -> None:
        """Start empty."""
        self.kept: dict[str, bytes] = {}
        self.failure: Problem | None = None

    async def keep(self, *, name: str, content: bytes) -> None:
        """See ImageStore."""
        assert_no_transaction("ImageStore.keep")
        if self.failure:
            raise self.failure
        self.kept.setdefault(name, content)

    async def image(self, *, name: str) -> StoredImage:
        """See ImageStore."""
        assert_no_transaction("ImageStore.image")
        if self.failure:
            raise self.failure
        if name not in self.kept:
            raise NotFound
        return StoredImage(self.kept[name])

    async def check(self) -> list[str]:
        """See ImageStore."""
        assert_no_transaction("ImageStore.check")
        return [self.failure.detail] if self.failure else []
