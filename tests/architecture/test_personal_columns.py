"""Whatever names a person is known here, with what becomes of it when they are forgotten; a new column cannot be forgotten instead."""

import re
from importlib import import_module

from shop.settings import MODULES

NAMES_SOMEBODY = re.compile(r"customer|user_id|email|recipient|address|phone|\bby\b|owner|person|last_user")

# Each column, and which test sees it go.
KNOWN = {
    "cart.carts.customer_id": "tests/ports/test_cart.py: deleted, or nobody's",
    "cart.coupons.max_per_customer": "a number",
    "cart.redemptions.customer_id": "tests/cart/test_personal.py: nobody's, and still counted",
    "cart.erasure_receipts.customer_id": "the receipt itself",
    "cart.audit_log.by": "staff",
    "products.audit_log.by": "staff",
    "products.movements.by": "staff, or an order",
    "sales.orders.customer_id": "tests/sales/test_personal.py: nobody's",
    "sales.orders.email": "tests/sales/test_personal.py: replaced",
    "sales.orders.email_key": "tests/sales/test_personal.py: replaced",
    "sales.orders.shipping_address": "tests/sales/test_personal.py: all but the country replaced",
    "sales.orders.billing_address": "tests/sales/test_personal.py: all but the country replaced",
    "sales.outbox.recipient": "tests/sales/test_personal.py: replaced",
    "sales.erasure_receipts.customer_id": "the receipt itself",
    "sales.audit_log.by": "staff",
    "users.users.email": "tests/users/test_personal.py: deleted",
    "users.users.email_key": "tests/users/test_personal.py: deleted",
    "users.addresses.address": "tests/users/test_personal.py: deleted",
    "users.addresses.user_id": "tests/users/test_personal.py: deleted",
    "users.consents.user_id": "tests/users/test_personal.py: deleted",
    "users.links.user_id": "tests/users/test_personal.py: deleted",
    "users.sessions.user_id": "tests/users/test_personal.py: deleted",
    "users.outbox.recipient": "tests/users/test_personal.py: deleted",
    "users.erasures.user_id": "the receipt itself",
    "users.audit_log.by": "staff",
    "users.promotion_mails.user_id": "a number that leads nowhere any more, so that the promotion stays counted",
    "users.promotions.last_user": "a number that leads nowhere any more: how far the recipients were looked for",
    "users.suppressions.address": "a digest: no promotion goes there, whoever has it, until a mail to it was read",
}


def test_every_column_that_names_somebody_is_known() -> None:
    """Whoever adds one says what the export and the erasing do about it, in the module's `personal`, and then here."""
    found = {
        f"{module}.{table.name}.{column.name}"
        for module in MODULES
        for table in import_module(f"shop.modules.{module}.tables").METADATA.tables.values()
        for column in table.columns
        if NAMES_SOMEBODY.search(column.name)
    }
    assert found == set(KNOWN)
