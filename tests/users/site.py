"""Users behind its HTTP edge, with the outside world in memory."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
from litestar import Litestar
from tests.fakes.mail import FakeMail
from tests.fakes.sales import FakePurchaseHistory
from tests.users.world import ISSUER, PASSWORD

from shop.app import assemble
from shop.kit.clock import Clock
from shop.kit.tokens import new_signing_key
from shop.modules.users.service import Accounts
from shop.ports.mail import Mail
from shop.ports.sales import PurchaseHistory
from shop.settings import Auth, Databases, Runtime, Settings

TOKEN = re.compile(r"\?token=([\w-]+)")


class Site:
    """A client of the shop, and what stands behind it."""

    def __init__(self, app: Litestar, client: httpx.AsyncClient, clock: Clock, mail: FakeMail, history: FakePurchaseHistory) -> None:
        """Speak through this client."""
        self.app, self.client, self.clock, self.mail, self.history = app, client, clock, mail, history

    async def register(self, email: str = "ada@example.com", **changes: Any) -> httpx.Response:
        """Register somebody."""
        body = {"email": email, "password": PASSWORD, "name": "Ada Lovelace"} | changes
        return await self.client.post("/api/v1/users", json=body)

    async def log_in(self, email: str = "ada@example.com", password: str = PASSWORD) -> httpx.Response:
        """Log in."""
        return await self.client.post("/api/v1/sessions", json={"email": email, "password": password})

    async def as_ada(self, email: str = "ada@example.com") -> dict[str, str]:
        """Register and log in; give the headers of a request."""
        await self.register(email)
        return bearer((await self.log_in(email)).json()["access_token"])

    async def as_staff(self) -> dict[str, str]:
        """Log in as somebody who works here."""
        async with self.app.state.dishka_container() as scope:
            accounts: Accounts = await scope.get(Accounts, component="users")
            await accounts.create_staff("staff@example.com", PASSWORD)
        return bearer((await self.log_in("staff@example.com")).json()["access_token"])

    async def mailed_link(self, recipient: str = "ada@example.com") -> str:
        """Deliver what is owed and give the path of the link in the newest mail to somebody."""
        await self.app.state.jobs.now("users: send mails")
        found = re.search(rf"{ISSUER}(/\S+)", self.mail.to(recipient)[-1].text)
        assert found is not None
        return found[1]

    async def mailed_token(self, recipient: str = "ada@example.com") -> str:
        """Give the token of that link."""
        found = TOKEN.search(await self.mailed_link(recipient))
        assert found is not None
        return found[1]


def bearer(token: str) -> dict[str, str]:
    """Give the header that carries an access token."""
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def open_site(url: str, clock: Clock) -> AsyncIterator[Site]:
    """Host users alone."""
    auth = Auth(ISSUER, (new_signing_key(), new_signing_key()))
    settings = Settings(runtime=Runtime(modules=("users",), public_url=ISSUER), databases=Databases(url=url), auth=auth)
    mail, history = FakeMail(), FakePurchaseHistory()
    app = assemble(["users"], settings, (Clock, clock), (PurchaseHistory, history), (Mail, mail), run_jobs=False)
    transport = httpx.ASGITransport(cast(Any, app))
    async with _up(app), httpx.AsyncClient(transport=transport, base_url=ISSUER) as client:
        yield Site(app, client, clock, mail, history)


@asynccontextmanager
async def _up(app: Litestar) -> AsyncIterator[None]:
    """Begin and end the lifespan in one task, for fixtures are set up and torn down in different ones."""
    started, over = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await over.wait()

    living = asyncio.create_task(live())
    await asyncio.wait({living, asyncio.create_task(started.wait())}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield
    finally:
        over.set()
        await living
