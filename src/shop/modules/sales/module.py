"""The manifest of sales."""

from typing import Annotated

from dishka import FromComponent, Scope, provide

from shop.kit.database import Database
from shop.kit.exposition import Gauges
from shop.kit.module import Module, ModuleProvider
from shop.kit.outbox import Relay
from shop.kit.secrets import Keyring
from shop.modules.sales.cancelling import Cancelling
from shop.modules.sales.checkout import Advance
from shop.modules.sales.gauges import CheckoutGauges
from shop.modules.sales.history import History
from shop.modules.sales.jobs import jobs
from shop.modules.sales.letters import SalesLetters
from shop.modules.sales.personal import PersonalOrders
from shop.modules.sales.reconcile import Reconciliation
from shop.modules.sales.refunds import Refunds
from shop.modules.sales.routes import ROUTES as PUBLIC
from shop.modules.sales.routes_staff import ROUTES as STAFF
from shop.modules.sales.service import Orders
from shop.modules.sales.shipments import Shipments
from shop.modules.sales.store import SalesStore
from shop.modules.sales.tables import METADATA, outbox
from shop.modules.sales.webhook import Webhooks
from shop.ports.cart import Carts
from shop.ports.mail import Mail, Message
from shop.ports.payments import Payments, WebhookVerifier
from shop.ports.sales import PurchaseHistory
from shop.ports.users import Customers
from shop.settings import Checkout, Commerce, Smtp

Store = Database[SalesStore]


class SalesProvider(ModuleProvider):
    """Builds the services of sales; they hold no state, so one of each serves all requests and jobs."""

    scope = Scope.APP

    def __init__(self) -> None:
        """Everything of sales lives in its component."""
        super().__init__("sales", SalesStore, METADATA)

    @provide
    def refunds(self, database: Store, carts: Annotated[Carts, FromComponent()], payments: Annotated[Payments, FromComponent()]) -> Refunds:
        """Give refunds."""
        return Refunds(database, carts, payments)

    @provide
    def advance(
        self,
        database: Store,
        carts: Annotated[Carts, FromComponent()],
        payments: Annotated[Payments, FromComponent()],
        refunds: Refunds,
        checkout: Annotated[Checkout, FromComponent()],
    ) -> Advance:
        """Give the saga's engine."""
        return Advance(database, carts, payments, refunds, checkout)

    @provide
    def orders(
        self,
        database: Store,
        keyring: Keyring,
        customers: Annotated[Customers, FromComponent()],
        advance: Advance,
        commerce: Annotated[Commerce, FromComponent()],
        checkout: Annotated[Checkout, FromComponent()],
    ) -> Orders:
        """Give orders as people see them."""
        return Orders(database, keyring, customers, advance, commerce, checkout)

    @provide
    def reconciliation(self, database: Store, payments: Annotated[Payments, FromComponent()], advance: Advance) -> Reconciliation:
        """Give the comparison with the provider's books."""
        return Reconciliation(database, payments, advance)

    @provide
    def webhooks(self, database: Store, verifier: Annotated[WebhookVerifier, FromComponent()], advance: Advance, refunds: Refunds) -> Webhooks:
        """Give the inbox of the provider's events."""
        return Webhooks(database, verifier, advance, refunds)

    @provide
    def relay(
        self,
        database: Store,
        mail: Annotated[Mail, FromComponent()],
        smtp: Annotated[Smtp, FromComponent()],
        commerce: Annotated[Commerce, FromComponent()],
    ) -> Relay[Message]:
        """Give what delivers the mails."""
        letters = SalesLetters(smtp.sender, commerce.locales)
        return Relay(database, outbox, letters.compose, lambda message: mail.send(message=message))

    @provide
    def history(self, database: Store, carts: Annotated[Carts, FromComponent()]) -> PurchaseHistory:
        """Give what the neighbours may ask."""
        return History(database, PersonalOrders(database, carts))

    @provide
    def gauges(self, database: Store) -> Gauges:
        """Give what an operator sees of the checkouts."""
        return Gauges(CheckoutGauges(database).read)

    cancelling = provide(Cancelling)
    shipments = provide(Shipments)


MODULE = Module(
    "sales", offers=(PurchaseHistory,), needs=(Carts, Customers, Payments, Mail), provider=SalesProvider, routes=[*PUBLIC, *STAFF], jobs=jobs
)
