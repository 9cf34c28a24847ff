"""Webhooks: signed, retried with backoff for three days, remembered over restarts."""

import asyncio
import hashlib
import hmac
import logging
import time
from functools import partial
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from shop.demo.stripe_twin.events import CONFIGURED, Events
from shop.demo.stripe_twin.faults import FaultBox
from shop.demo.stripe_twin.ledger import Ledger
from shop.demo.stripe_twin.objects import Event, WebhookEndpoint
from shop.demo.stripe_twin.settings import TwinSettings

_AT_ONCE = 8
_GIVES_UP_AFTER = 3 * 24 * 3600.0
_LONGEST_WAIT = 3600.0
_TIMEOUT = 10.0

log = logging.getLogger(__name__)


class Target(Struct, frozen=True):
    """Where a delivery goes and what it is signed with."""

    url: str
    secret: str


def signature(payload: bytes, secret: str, at: int) -> str:
    """Give the Stripe-Signature header of a payload."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


class Deliveries:
    """Delivers what is pending; `changed` is set after every attempt."""

    def __init__(self, settings: TwinSettings, ledger: Ledger, events: Events, faults: FaultBox) -> None:
        """Deliver what this ledger holds."""
        self._settings = settings
        self._ledger = ledger
        self._faults = faults
        self._arrived = events.arrived
        self._sending: dict[int, asyncio.Task[int | None]] = {}
        self.changed = asyncio.Event()

    def wake(self) -> None:
        """Look again at once: something was put in or the faults changed."""
        self._arrived.set()

    def all(self, limit: int = 1000) -> list[dict[str, Any]]:
        """Give the deliveries with the type of their event, newest first."""
        query = (
            "SELECT d.*, json_extract(o.body, '$.type') AS type, json_extract(o.body, '$.data.object.id') AS about "
            "FROM deliveries d JOIN objects o ON o.kind = 'event' AND o.id = d.event ORDER BY d.id DESC LIMIT ?"
        )
        return [dict(row) for row in self._ledger.sql.execute(query, (limit,))]

    def pending(self) -> int:
        """Count what is still to be delivered."""
        (count,) = self._ledger.sql.execute("SELECT count(*) FROM deliveries WHERE state = 'pending'").fetchone()
        return int(count)

    async def run(self) -> None:
        """Deliver for ever; what was under way when the process died is sent again."""
        async with _client() as client:
            try:
                while True:
                    self._arrived.clear()
                    self._start_due(client)
                    await self._rest()
            finally:
                under_way = list(self._sending.values())
                for task in under_way:
                    task.cancel()
                await asyncio.gather(*under_way, return_exceptions=True)

    async def drain(self, seconds: float) -> int:
        """Wait until nothing is pending; give how many still are when the time is over."""
        try:
            async with asyncio.timeout(seconds):
                while self.pending():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            log.info("deliveries are still pending after %s s", seconds)
        return self.pending()

    async def send(self, event_id: str) -> int | None:
        """Deliver one event now, in whatever state its deliveries are; give the status that came back."""
        query = "SELECT id, event, endpoint, attempts FROM deliveries WHERE event = ? ORDER BY id LIMIT 1"
        row = self._ledger.sql.execute(query, (event_id,)).fetchone()
        if not row:
            return None
        async with _client() as client:
            return await self._attempt(client, dict(row))

    def _start_due(self, client: httpx.AsyncClient) -> None:
        if self._faults.now.hold_webhooks:
            return
        query = "SELECT id, event, endpoint, attempts FROM deliveries WHERE state = 'pending' AND due <= ? ORDER BY due, id LIMIT ?"
        for row in self._ledger.sql.execute(query, (time.time(), 4 * _AT_ONCE)).fetchall():
            if row["id"] not in self._sending and len(self._sending) < _AT_ONCE:
                task = asyncio.create_task(self._attempt(client, dict(row)))
                self._sending[row["id"]] = task
                task.add_done_callback(partial(self._done, row["id"]))

    def _done(self, id: int, _: object) -> None:
        del self._sending[id]
        self.changed.set()
        self.wake()

    async def _rest(self) -> None:
        query = "SELECT min(due) FROM deliveries WHERE state = 'pending' AND due > ?"
        (due,) = self._ledger.sql.execute(query, (time.time(),)).fetchone()
        try:
            async with asyncio.timeout(min(max(0.005, (due or 9e12) - time.time()), 60)):
                await self._arrived.wait()
        except TimeoutError:
            return

    async def _attempt(self, client: httpx.AsyncClient, delivery: dict[str, Any]) -> int | None:
        event, target = self._ledger.get(Event, delivery["event"]), self._target(delivery["endpoint"])
        if not event or not target:
            self._write(delivery, "failed", None, "the endpoint is gone")
            return None
        payload = msgspec.json.format(msgspec.json.encode(event), indent=2)
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)"}
        headers["Stripe-Signature"] = signature(payload, target.secret, int(time.time()))
        try:
            answer = await client.post(target.url, content=payload, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self._write(delivery, self._state_after_failure(event), None, f"{type(error).__name__}: {error}"[:200])
            return None
        ok = 200 <= answer.status_code < 300
        self._write(delivery, "delivered" if ok else self._state_after_failure(event), answer.status_code, None)
        return answer.status_code

    def _target(self, endpoint: str) -> Target | None:
        if endpoint == CONFIGURED:
            url = self._settings.webhook_url
            return Target(url, self._settings.webhook_secret) if url else None
        made = self._ledger.get(WebhookEndpoint, endpoint)
        return Target(made.url, made.secret) if made else None

    def _state_after_failure(self, event: Event) -> str:
        return "pending" if time.time() - event.created < _GIVES_UP_AFTER else "failed"

    def _write(self, delivery: dict[str, Any], state: str, status: int | None, error: str | None) -> None:
        attempts = delivery["attempts"] + 1
        wait = min(self._faults.now.retry_after * 2 ** min(attempts - 1, 20), _LONGEST_WAIT)
        now = time.time()
        query = "UPDATE deliveries SET state = ?, attempts = ?, due = ?, status = ?, error = ?, updated = ? WHERE id = ?"
        self._ledger.sql.execute(query, (state, attempts, now + wait, status, error, now, delivery["id"]))
        self.changed.set()


def _client() -> httpx.AsyncClient:
    # a receiver on a developer's machine has at best a certificate that it signed itself
    return httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, verify=False)  # noqa: S501
