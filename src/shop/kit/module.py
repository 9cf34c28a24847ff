"""The manifest of a module, and the parts that every module has."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Annotated, Any

import sqlalchemy as sa
from dishka import AsyncContainer, FromComponent, Provider, Scope
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from shop.kit.audit import AuditLog
from shop.kit.clock import Clock
from shop.kit.database import Database, S
from shop.kit.idempotency import IdempotencyKeys
from shop.kit.jobs import Job
from shop.kit.secrets import Keyring


class Module(Struct, frozen=True):
    """What a module offers, what it needs, and how the composition root gets at its parts.

    `offers` and `needs` are ports. `provider` builds the services and one implementation per offered port (dishka, component = name).
    `routes` are the public handlers, each with its full path and a policy. `jobs` gives the background work.
    """

    name: str
    offers: tuple[Any, ...]
    needs: tuple[Any, ...]
    provider: Callable[[], Provider]
    routes: Sequence[HTTPRouteHandler]
    jobs: Callable[[AsyncContainer], Awaitable[Sequence[Job]]]


class DatabaseUrls(Struct, frozen=True):
    """The database URL of each hosted module."""

    urls: dict[str, str]


class Storage(Struct, frozen=True):
    """A module's database and tables, for those who look at every module alike: health, metrics."""

    database: Database[Any]
    metadata: sa.MetaData


class ModuleProvider(Provider):
    """Provides a module's Database, Storage, Keyring, IdempotencyKeys and AuditLog in its own component; modules derive theirs and add services.

    `metadata` has the tables `secrets`, `idempotency_keys` and `audit_log`.
    """

    def __init__(self, name: str, store: type[S], metadata: sa.MetaData, people: sa.Table | None = None) -> None:
        """Provide the database of this name under `Database[store]`; `people` has the e-mail addresses of staff."""
        super().__init__(scope=Scope.APP, component=name)
        opened_type = Database[store]  # type: ignore[valid-type]

        async def open_database(urls: Annotated[DatabaseUrls, FromComponent()], clock: Annotated[Clock, FromComponent()]) -> AsyncIterator[Any]:
            opened = Database(urls.urls[name], name, store, clock)
            yield opened
            await opened.dispose()

        def storage(opened: Any) -> Storage:
            return Storage(opened, metadata)

        def keyring(opened: Any) -> Keyring:
            return Keyring(opened, metadata.tables["secrets"])

        def idempotency_keys(opened: Any) -> IdempotencyKeys:
            return IdempotencyKeys(opened, metadata.tables["idempotency_keys"])

        def audit_log(opened: Any) -> AuditLog:
            return AuditLog(opened, metadata.tables["audit_log"], people)

        open_database.__annotations__["return"] = AsyncIterator[opened_type]
        for factory in (storage, keyring, idempotency_keys, audit_log):
            factory.__annotations__["opened"] = opened_type
        self.provide(open_database)
        self.provide(storage)
        self.provide(keyring)
        self.provide(idempotency_keys)
        self.provide(audit_log)
