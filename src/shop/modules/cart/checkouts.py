"""The checkout of a cart: each step is safe to repeat after a crash, and between any two of them a release may come."""

from uuid import UUID

from shop.kit.database import Database
from shop.kit.erasing import Receipt
from shop.kit.problems import Gone
from shop.kit.secrets import Keyring
from shop.kit.values import Line, Seconds
from shop.modules.cart.coupons import Effect
from shop.modules.cart.domain import Cart, owned
from shop.modules.cart.personal import PersonalCarts
from shop.modules.cart.pricing import charged, held_goods, quote
from shop.modules.cart.store import CartStore, Checkout, CheckoutStatus
from shop.ports.cart import CartRecords, CheckoutInProgress, CheckoutOfAnotherCart, InsufficientStock, Owner, Quote
from shop.ports.products import Held, OutOfStock, Products

ENDABLE = (CheckoutStatus.BEGINNING, CheckoutStatus.BEGUN, CheckoutStatus.REFUSED)


class Checkouts:
    """Implements Carts: locks the cart, holds its stock through products, and remembers what came of it under the order's id."""

    def __init__(self, database: Database[CartStore], keyring: Keyring, products: Products) -> None:
        """Keep checkouts in this database."""
        self.database = database
        self.keyring = keyring
        self.products = products
        self._personal = PersonalCarts(database)

    async def begin(self, *, id: UUID, cart_id: UUID, owner: Owner, ttl: Seconds) -> Quote:
        """Lock the cart, hold its stock and give the quote."""
        checkout, cart = await self._locked(id, cart_id, owner, ttl)
        if checkout.status is not CheckoutStatus.BEGINNING:
            return _settled(checkout)
        try:
            held = await self.products.reserve(id=id, lines=cart.wanted, ttl=ttl)
        except OutOfStock as refusal:
            return _settled(await self._refused(checkout, refusal.extra["skus"]))
        except Gone:
            await self.release(id=id)
            raise
        checkout = await self._begun(checkout, cart, held, owner, ttl)
        if checkout.status not in (CheckoutStatus.BEGUN, CheckoutStatus.COMMITTED):  # ended meanwhile, perhaps before products held anything
            await self.products.release(id=id)
        return _settled(checkout)

    async def commit(self, *, id: UUID) -> None:
        """Sell what is held, then close the cart as ordered."""
        async with self.database.write() as store:
            checkout = await store.checkout(id)
            if checkout is not None and checkout.status is CheckoutStatus.COMMITTED:
                return
            if checkout is None or not await store.leave_to_sales(id):
                raise Gone
        await self.products.commit(id=id)
        async with self.database.write() as store:
            if await store.move(id, [CheckoutStatus.BEGUN], CheckoutStatus.COMMITTED):
                await store.close(checkout)

    async def release(self, *, id: UUID) -> None:
        """Leave the tombstone, give coupon and stock back, then unlock the cart; what is sold already stays sold."""
        async with self.database.write() as store:
            tombstone = Checkout(id, None, CheckoutStatus.RELEASED)
            if not await store.add_checkout(tombstone) and await store.move(id, ENDABLE, CheckoutStatus.RELEASED):
                await store.give_back(id)
            checkout = await store.checkout(id)
        await self._unlock(checkout)

    async def release_overdue(self, limit: int = 20) -> bool:
        """Release checkouts whose time to live passed before sales came back for them; gives whether there were any."""
        async with self.database.read() as store:
            overdue = await store.overdue_checkouts(limit)
        for id in overdue:
            async with self.database.write() as store:
                if await store.move_overdue(id, ENDABLE, CheckoutStatus.RELEASED):
                    await store.give_back(id)
                checkout = await store.checkout(id)
            await self._unlock(checkout)
        return bool(overdue)

    async def restock(self, *, restock_id: UUID, id: UUID, lines: list[Line]) -> None:
        """Take pieces of a committed checkout back into stock."""
        await self.products.restock(restock_id=restock_id, id=id, lines=lines)

    async def records(self, *, customer_id: UUID) -> CartRecords:
        """Give all that cart holds about a customer."""
        return await self._personal.records(customer_id)

    async def erase(self, *, customer_id: UUID) -> Receipt:
        """Forget a customer, as far as no checkout is under way."""
        return await self._personal.erase(customer_id)

    async def _locked(self, id: UUID, cart_id: UUID, owner: Owner, ttl: int) -> tuple[Checkout, Cart]:
        key = await self.keyring.key("capability")
        async with self.database.write() as store:
            cart = owned(await store.locked(cart_id), owner, key)
            checkout = await store.checkout(id) or await self._new(store, id, cart, ttl)
        if checkout.cart_id not in (cart_id, None):
            raise CheckoutOfAnotherCart
        return checkout, cart

    async def _new(self, store: CartStore, id: UUID, cart: Cart, ttl: int) -> Checkout:
        cart.check_ready()
        checkout = Checkout(id, cart.id, CheckoutStatus.BEGINNING)
        if await store.add_checkout(checkout, ttl):
            await store.lock_for_checkout(cart, id)
            return checkout
        raced = await store.checkout(id)  # by a release, or by the begin of another cart
        if raced is None:
            raise CheckoutInProgress
        return raced

    async def _unlock(self, checkout: Checkout | None) -> None:
        if checkout is None or checkout.status is not CheckoutStatus.RELEASED:
            return
        await self.products.release(id=checkout.id)
        async with self.database.write() as store:
            await store.unlock(checkout)

    async def _begun(self, checkout: Checkout, cart: Cart, held: Held, owner: Owner, ttl: int) -> Checkout:
        async with self.database.write() as store:
            if await store.lock_beginning(checkout.id):
                effect = await _redeemed(store, checkout.id, cart, held, owner)
                agreed = quote(cart, held, effect)
                await store.begun(checkout.id, agreed, effect.reason if effect else None, ttl)
                await store.note_quotes(cart, charged(cart, agreed))
            return await store.checkout(checkout.id) or checkout

    async def _refused(self, checkout: Checkout, missing: list[str]) -> Checkout:
        async with self.database.write() as store:
            if await store.move(checkout.id, [CheckoutStatus.BEGINNING], CheckoutStatus.REFUSED, missing=missing):
                await store.unlock(checkout)
            return await store.checkout(checkout.id) or checkout


async def _redeemed(store: CartStore, id: UUID, cart: Cart, held: Held, owner: Owner) -> Effect | None:
    """Redeem the coupon of a cart for a locked checkout, if it applies: its row is locked until then, so that nobody else counts meanwhile."""
    if cart.coupon is None:
        return None
    standing = await store.standing(cart.coupon, owner.customer_id, lock=True)
    effect = standing.effect(held_goods(held), cart.currency)
    if effect.reason is None:
        await store.redeem(id, effect.code, owner.customer_id)
    return effect


def _settled(checkout: Checkout) -> Quote:
    """Give the answer that this id has for good; raises InsufficientStock, Gone."""
    if checkout.status is CheckoutStatus.RELEASED:
        raise Gone
    if checkout.quote is None:
        raise InsufficientStock(skus=checkout.missing or [])
    return checkout.quote
