"""The manifest of cart."""

from typing import Annotated

from dishka import FromComponent, Scope, provide

from shop.kit.database import Database
from shop.kit.module import Module, ModuleProvider
from shop.kit.secrets import Keyring
from shop.modules.cart.checkouts import Checkouts
from shop.modules.cart.coupon_service import Coupons
from shop.modules.cart.jobs import jobs
from shop.modules.cart.routes import ROUTES
from shop.modules.cart.service import CartService
from shop.modules.cart.store import CartStore
from shop.modules.cart.tables import METADATA
from shop.ports.cart import Carts
from shop.ports.products import Products
from shop.settings import Commerce


class CartProvider(ModuleProvider):
    """Builds the services of cart."""

    def __init__(self) -> None:
        """Everything of cart lives in its component."""
        super().__init__("cart", CartStore, METADATA)

    @provide(scope=Scope.REQUEST)
    def service(
        self,
        database: Database[CartStore],
        keyring: Keyring,
        products: Annotated[Products, FromComponent()],
        commerce: Annotated[Commerce, FromComponent()],
    ) -> CartService:
        """Give what people do with carts."""
        return CartService(database, keyring, products, commerce.currency)

    @provide(scope=Scope.REQUEST)
    def coupons(self, database: Database[CartStore], commerce: Annotated[Commerce, FromComponent()]) -> Coupons:
        """Give what staff do with coupons."""
        return Coupons(database, commerce.currency)

    @provide(scope=Scope.APP)
    def checkouts(self, database: Database[CartStore], keyring: Keyring, products: Annotated[Products, FromComponent()]) -> Checkouts:
        """Give the checkouts, which the port and a job share."""
        return Checkouts(database, keyring, products)

    @provide(scope=Scope.REQUEST)
    def carts(self, checkouts: Checkouts) -> Carts:
        """Give the implementation of the port."""
        return checkouts


MODULE = Module("cart", offers=(Carts,), needs=(Products,), provider=CartProvider, routes=ROUTES, jobs=jobs)
