"""The outside world of a test: the Stripe twin and the mailbox of the demo, on free loopback ports."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct
from tests.support.loopback import free_port

from shop.demo.mailbox import create_app as mailbox_pages
from shop.demo.mailbox.folder import MailFolder
from shop.demo.mailbox.smtp import receiving
from shop.demo.serving import serving
from shop.demo.stripe_twin import TwinSettings
from shop.demo.stripe_twin import create_app as stripe_twin
from shop.kit.secret import Secret
from shop.settings import Smtp, Stripe

SECRET_KEY, PUBLISHABLE_KEY, WEBHOOK_SECRET = "sk_test_shop", "pk_test_shop", "whsec_shop"


class Outside:
    """Stripe and the mail server, as a test looks at them and breaks them."""

    def __init__(self, stripe: Stripe, smtp: Smtp, client: httpx.AsyncClient, mailbox: str, images: Path) -> None:
        """`client` speaks to the twin; `mailbox` is the URL of its pages; `images` is the folder of pictures."""
        self.stripe = stripe
        self.smtp = smtp
        self.images = images
        self._client = client
        self._mailbox = mailbox

    async def pays(self, client_secret: str, method: str = "pm_card_visa") -> httpx.Response:
        """Confirm a payment as Stripe.js does in a browser."""
        intent = client_secret.partition("_secret_")[0]
        form = {"client_secret": client_secret, "payment_method": method}
        return await self._client.post(f"/v1/payment_intents/{intent}/confirm", data=form, headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"})

    async def control(self, method: str, path: str, **options: Any) -> Any:
        """Call the twin's control API, which Stripe does not have."""
        answer = await self._client.request(method, f"/twin{path}", headers={"Authorization": f"Bearer {SECRET_KEY}"}, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def breaks(self, **faults: Any) -> None:
        """Set the faults of Stripe; without any it is healthy again."""
        await self.control("PUT", "/faults", json=faults)

    async def totals(self) -> dict[str, dict[str, int]]:
        """Sum up by order id what happened at Stripe: intents, live, succeeded, canceled, received, refunded."""
        found: dict[str, dict[str, int]] = await self.control("GET", "/orders")
        return found

    async def mails(self, to: str, subject: str = "", seconds: float = 10.0) -> list[dict[str, Any]]:
        """Give the mails to an address, newest first, waiting for the first one."""
        query: dict[str, Any] = {"to": to, "subject": subject, "wait": seconds}
        answer = await self._client.get(f"{self._mailbox}/messages.json", params=query, timeout=seconds + 5)
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


class Places(Struct, frozen=True):
    """Where Stripe and the mail server are found; a shop that outlives them finds the next ones at the same ports."""

    twin_port: int
    smtp_port: int

    @property
    def stripe(self) -> Stripe:
        """Give the shop's settings for Stripe."""
        return Stripe(Secret(SECRET_KEY), PUBLISHABLE_KEY, Secret(WEBHOOK_SECRET), f"http://127.0.0.1:{self.twin_port}")

    @property
    def smtp(self) -> Smtp:
        """Give the shop's settings for the mail server."""
        return Smtp(host="127.0.0.1", port=self.smtp_port, sender="shop@example.com", tls="none")


@asynccontextmanager
async def outside(folder: Path, shop_url: str, places: Places | None = None) -> AsyncGenerator[Outside]:
    """Run the twin and the mailbox for the length of the block; the twin's webhooks go to the shop at `shop_url`."""
    places = places or Places(free_port(), free_port())
    mailbox_port, twin_url = free_port(), places.stripe.api_base
    settings = TwinSettings(
        database=folder / "stripe.db",
        secret_key=SECRET_KEY,
        publishable_key=PUBLISHABLE_KEY,
        webhook_secret=WEBHOOK_SECRET,
        webhook_url=f"{shop_url}/api/v1/payments/stripe/webhook",
        public_url=twin_url,
    )
    mails = MailFolder(folder / "mail")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(receiving(mails, host="127.0.0.1", port=places.smtp_port))
        await stack.enter_async_context(serving(stripe_twin(settings), port=places.twin_port))
        mailbox = await stack.enter_async_context(serving(mailbox_pages(mails), port=mailbox_port))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=twin_url, timeout=15, trust_env=False))
        yield Outside(places.stripe, places.smtp, client, mailbox, folder / "images")
