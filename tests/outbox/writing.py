"""One of every letter, and a reader of what was written."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from uuid import UUID

import msgspec
from msgspec import Struct

from shop.kit import letters
from shop.kit.address import Address
from shop.kit.money import Money
from shop.kit.outbox import Letter
from shop.modules import sales, users
from shop.modules.sales.letters import OrderLetter, OrderLetterLine, RefundLetter, SalesLetters, ShipmentLetter, ShipmentLetterLine
from shop.modules.users.letters import AccountLetter, AccountLetters
from shop.ports.mail import Message

ID = UUID("01a20c62-e1be-7b7f-806f-59bd9c1492fb")
SENDER = "Fern & Field <orders@shop.example>"
TOKEN = "s3cr3t-t0k3n"
PLACED = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
FOLDERS = [Path(str(package.__file__)).parent / "templates" for package in (sales, users, letters)]
LANGUAGES = ("en", "es")


def eur(amount: int) -> Money:
    """Give so many cents."""
    return Money(amount, "EUR")


ADDRESS = Address("María José Fernández", "Calle de Alcalá 42", "28014", "Madrid", "ES", "3.º izquierda")
LINES = [OrderLetterLine("MUG-1", "Enamel mug", 2, eur(1499), eur(2998)), OrderLetterLine("TENT-2", "Tent", 1, eur(24900), eur(24900))]
ORDER = OrderLetter(ID, "A-1001", "María José", PLACED, LINES, eur(27898), eur(1000), eur(495), eur(4752), eur(27393), "Standard", ADDRESS)
PARCEL = ShipmentLetter(ID, "A-1001", "María José", "Correos", "PQ4F6L", [ShipmentLetterLine("MUG-1", "Enamel mug", 2)], ADDRESS, complete=False)
REFUND = RefundLetter(ID, "A-1001", "María José", eur(1499), eur(2998), eur(27393))
ACCOUNT = AccountLetter("María José", 24)
LETTERS: dict[str, Struct] = {
    "order_confirmed": ORDER,
    "order_shipped": PARCEL,
    "order_refunded": REFUND,
    "verification": ACCOUNT,
    "already_registered": ACCOUNT,
    "password_reset": ACCOUNT,
}


async def order_link(order_id: UUID) -> str:
    """Give the address of an order's page."""
    return f"https://shop.example/orders/{order_id}?a=1&b=2"


async def token(_letter: Letter) -> str:
    """Derive a token."""
    return TOKEN


def composers() -> dict[str, Callable[[Letter], Awaitable[Message]]]:
    """Give who composes what."""
    of_sales, of_users = SalesLetters(SENDER, LANGUAGES, order_link), AccountLetters(SENDER, LANGUAGES, "https://shop.example/", token)
    return {kind: (of_users if isinstance(data, AccountLetter) else of_sales).compose for kind, data in LETTERS.items()}


COMPOSERS = composers()


async def written(kind: str, locale: str = "en", data: Struct | None = None) -> Message:
    """Compose one letter as the relay does: from the JSON of its row."""
    row = msgspec.json.decode(msgspec.json.encode(data or LETTERS[kind]))
    return await COMPOSERS[kind](Letter(ID, ID, kind, "ana@example.com", locale, row, PLACED))


class Reader(HTMLParser):
    """Reads HTML as a mail program does: tags with their attributes, and the text in between."""

    def __init__(self, html: str) -> None:
        """Read it all."""
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.pieces: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.pieces.append(data)

    @property
    def text(self) -> str:
        """Give all of the text, its spaces evened out."""
        return " ".join("".join(self.pieces).split())
