"""The inbox of what the payment provider tells."""

from datetime import timedelta

from shop.kit.database import Store
from shop.modules.sales.tables import webhook_events
from shop.ports.payments import WebhookEvent

KEPT = timedelta(days=30)


class WebhookRows(Store):
    """Events, each stored once."""

    async def add_event(self, event: WebhookEvent) -> bool:
        """Store an event; False when it is there already."""
        row = self.insert_once(webhook_events).values(
            id=event.id, type=event.type, payment_id=event.payment_id, created_at=event.created_at, received_at=await self.now()
        )
        return bool(await self.change(row))

    async def purge_events(self) -> int:
        """Delete the events of more than thirty days ago; the provider repeats one for three."""
        return await self.change(webhook_events.delete().where(webhook_events.c.received_at < await self.now() - KEPT))
