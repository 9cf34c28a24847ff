"""What people do with a cart: gather through products, decide in the domain, record in one transaction."""

from collections.abc import Callable, Collection
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from shop.kit.database import Database
from shop.kit.idempotency import Once
from shop.kit.identity import Caller
from shop.kit.ids import capability_token, uuid7
from shop.kit.problems import Forbidden, Invalid, Unavailable
from shop.kit.secrets import Keyring
from shop.kit.values import Line
from shop.modules.cart.coupons import CouponNotApplicable, CouponReason, Effect, normal_code
from shop.modules.cart.domain import Cart, CartStatus, Merge, is_sku, merge, owned
from shop.modules.cart.pricing import CartView, Offers, agreed_effect, goods, view
from shop.modules.cart.store import CartStore
from shop.ports.cart import CartNotFound, Owner
from shop.ports.products import Products

ATTEMPTS = 5


class Claim(Struct, frozen=True):
    """The customer's cart after a guest's went into it; `merged` and `dropped` are the guest's pieces."""

    cart: CartView
    merged: list[Line]
    dropped: list[Line]


class CartService:
    """Carts of guests, opened by their token, and of customers. Whoever is not the owner gets CartNotFound; staff own none."""

    def __init__(self, database: Database[CartStore], keyring: Keyring, products: Products, currency: str) -> None:
        """`currency` is the shop's, the only one that a cart may have."""
        self.database = database
        self.keyring = keyring
        self.products = products
        self.currency = currency

    async def open(self, currency: str | None, caller: Caller) -> CartView:
        """Give a guest a new cart with its token, a customer the one cart that is not ordered yet; raises Forbidden for staff."""
        customer_id = caller.customer_id
        if customer_id is None and caller.is_staff:
            raise Forbidden("staff cannot open carts")
        if currency not in (None, self.currency):
            raise Invalid.field("currency", f"must be {self.currency}")
        if customer_id is not None:
            return await self._today(await self._customer_cart(customer_id), customer_id)
        cart, key = self._new(None), await self._key()
        async with self.database.write() as store:
            await store.add(cart)
        return replace(view(cart, Offers()), cart_token=capability_token(key, "cart", cart.id))

    async def cart(self, id: UUID, caller: Caller) -> CartView:
        """Give a cart with today's prices, or with its last quote while products does not answer."""
        owner = _owner(caller)
        return await self._today(await self._read(id, owner), owner.customer_id)

    async def mine(self, caller: Caller) -> CartView:
        """Give the customer's cart that is not ordered yet; raises CartNotFound."""
        customer_id = _owner(caller).customer_id
        if customer_id is None:
            raise CartNotFound
        async with self.database.read() as store:
            cart = await store.customer_cart(customer_id)
        if cart is None:
            raise CartNotFound
        return await self._today(cart, customer_id)

    async def add(self, id: UUID, line: Line, caller: Caller, once: Once | None = None) -> CartView:
        """Put so many pieces more into the cart; products has to answer."""
        owner = _owner(caller)
        cart = await self._read(id, owner)
        offers = await self._asked({*cart.skus, line.sku})
        return await self._changed(id, owner, offers, lambda now: now.with_added(line.sku, line.quantity, offers.known.get(line.sku)), once)

    async def set_quantity(self, id: UUID, sku: str, quantity: int, caller: Caller) -> CartView:
        """Set how many of a SKU the cart holds; while products does not answer, only lines that are there already."""
        owner = _owner(caller)
        cart = await self._read(id, owner)
        there = cart.line(sku)
        skus = {*cart.skus, sku} if is_sku(sku) else cart.skus
        offers = await (self._asked(skus) if there is None and quantity else self._asked_or_stale(skus))
        offer = there.last if there and offers.stale else offers.known.get(sku)
        return await self._changed(id, owner, offers, lambda now: now.with_quantity(sku, quantity, offer))

    async def remove(self, id: UUID, sku: str, caller: Caller) -> CartView:
        """Take a line out of the cart; one that is not there is out already."""
        return await self.set_quantity(id, sku, 0, caller)

    async def put_coupon(self, id: UUID, typed: str, caller: Caller) -> CartView:
        """Put a coupon on the cart in place of another; raises CouponNotApplicable, and Unavailable while nobody knows what the lines are."""
        owner, code = _owner(caller), normal_code(typed)
        cart = await self._read(id, owner)
        cart.check_changeable()
        if code is None:
            raise CouponNotApplicable(reason=CouponReason.UNKNOWN)
        async with self.database.read() as store:
            _check_applies((await store.standing(code, owner.customer_id)).reason)  # whoever guesses codes costs products nothing
        offers, key = await self._asked(cart.skus), await self._key()
        async with self.database.write() as store:
            cart = owned(await store.locked(id), owner, key)
            after = offers.noted(cart.with_coupon(code))
            standing = await store.standing(code, owner.customer_id)
            effect = standing.effect(goods(after, offers), after.currency)
            _check_applies(effect.reason)
            return view(await store.save(cart, after), offers, effect)

    async def remove_coupon(self, id: UUID, caller: Caller) -> CartView:
        """Take the coupon off the cart; where none is, nothing changes."""
        owner = _owner(caller)
        cart = await self._read(id, owner)
        offers = await self._asked_or_stale(cart.skus)
        return await self._changed(id, owner, offers, lambda now: now.with_coupon(None))

    async def claim(self, id: UUID, caller: Caller) -> Claim:
        """Put a guest's cart into the customer's, or make it the customer's; raises CartNotFound, CartLocked, CartOrdered."""
        owner = _owner(caller)
        if owner.customer_id is None:
            raise CartNotFound
        for _ in range(ATTEMPTS):
            try:
                claimed = await self._claim(id, owner.customer_id, caller.cart_token)
            except IntegrityError:  # the customer opened a cart meanwhile
                continue
            if claimed is not None:
                return claimed
        raise Unavailable("the cart is being changed all the time")

    async def _claim(self, id: UUID, customer_id: UUID, token: str | None) -> Claim | None:
        key, guest_owner = await self._key(), Owner(cart_token=token)
        async with self.database.read() as store:
            seen, mine = await store.cart(id), await store.customer_cart(customer_id)
        guest = owned(seen, guest_owner, key)
        _check_changeable(guest, mine)
        offers = await self._asked({*guest.skus, *(mine.skus if mine else ())})
        async with self.database.write() as store:
            now = owned(await store.locked(id), guest_owner, key)
            if now.version != guest.version:
                return None
            mine = await store.locked_customer_cart(customer_id)
            _check_changeable(now, mine)
            merged = await _record_claim(store, now, mine, customer_id, offers)
            effect = await _effect(store, merged.cart, offers, customer_id)
        return Claim(view(merged.cart, offers, effect), merged.merged, merged.dropped)

    async def _changed(self, id: UUID, owner: Owner, offers: Offers, decide: Callable[[Cart], Cart], once: Once | None = None) -> CartView:
        key = await self._key()
        async with self.database.write() as store:
            cart = owned(await store.locked(id), owner, key)
            if once is None or await once.first(store, subject=id):
                cart = await store.save(cart, offers.noted(decide(cart)))
            effect = await _effect(store, cart, offers, owner.customer_id)
        return view(cart, offers, effect)

    async def _read(self, id: UUID, owner: Owner) -> Cart:
        key = await self._key()
        async with self.database.read() as store:
            cart = await store.cart(id)
        return owned(cart, owner, key)

    async def _today(self, cart: Cart, customer_id: UUID | None) -> CartView:
        """A cart in checkout or ordered is shown as it was quoted then: its own pieces are no longer available."""
        if cart.status is not CartStatus.OPEN:
            return await self._shown(cart, Offers(), customer_id)
        offers = await self._asked_or_stale(cart.skus)
        noted = offers.noted(cart)
        if noted != cart:
            async with self.database.write() as store:
                await store.note_quotes(cart, noted)
        return await self._shown(noted, offers, customer_id)

    async def _shown(self, cart: Cart, offers: Offers, customer_id: UUID | None) -> CartView:
        if cart.coupon is None:
            return view(cart, offers)
        async with self.database.read() as store:
            effect = await _effect(store, cart, offers, customer_id)
        return view(cart, offers, effect)

    async def _asked(self, skus: Collection[str]) -> Offers:
        if not skus:
            return Offers()
        return Offers.answered(skus, await self.products.variants(skus=sorted(skus)), self.currency)

    async def _asked_or_stale(self, skus: Collection[str]) -> Offers:
        try:
            return await self._asked(skus)
        except Unavailable:
            return Offers(stale=True)

    async def _customer_cart(self, customer_id: UUID) -> Cart:
        async with self.database.read() as store:
            found = await store.customer_cart(customer_id)
        if found is not None:
            return found
        made = self._new(customer_id)
        async with self.database.write() as store:
            kept = made if await store.add(made) else await store.customer_cart(customer_id)
        if kept is None:
            raise Unavailable("the customer's cart was ordered this very moment")
        return kept

    def _new(self, customer_id: UUID | None) -> Cart:
        return Cart(uuid7(), 1, CartStatus.OPEN, customer_id, self.currency, None)

    async def _key(self) -> bytes:
        return await self.keyring.key("capability")


def _owner(caller: Caller) -> Owner:
    if caller.is_staff and caller.customer_id is None:
        return Owner()
    return Owner(customer_id=caller.customer_id, cart_token=caller.cart_token)


async def _effect(store: CartStore, cart: Cart, offers: Offers, customer_id: UUID | None) -> Effect | None:
    """Say what the coupon on a cart does now, or did when its checkout quoted it."""
    if cart.coupon is None:
        return None
    checkout = await store.checkout(cart.checkout_id) if cart.checkout_id else None
    if checkout is not None and checkout.quote is not None:
        return agreed_effect(cart.coupon, checkout.quote, checkout.coupon_reason)
    standing = await store.standing(cart.coupon, customer_id)
    return standing.effect(goods(cart, offers), cart.currency)


def _check_applies(reason: CouponReason | None) -> None:
    if reason is not None:
        raise CouponNotApplicable(reason=reason)


def _check_changeable(guest: Cart, mine: Cart | None) -> None:
    guest.check_changeable()
    if mine is not None:
        mine.check_changeable()


async def _record_claim(store: CartStore, guest: Cart, mine: Cart | None, customer_id: UUID, offers: Offers) -> Merge:
    target = mine or replace(guest, customer_id=customer_id, lines=())
    merged = merge(guest, target, {sku: offer.available for sku, offer in offers.known.items()})
    saved = await store.save(mine or guest, offers.noted(merged.cart))
    if mine is not None:
        await store.delete(guest)
    return replace(merged, cart=saved)
