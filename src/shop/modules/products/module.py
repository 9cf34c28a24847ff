"""The manifest of products."""

from typing import Annotated

from dishka import FromComponent, Scope, provide

from shop.kit.database import Database
from shop.kit.module import Module, ModuleProvider
from shop.modules.products.categories import Categories
from shop.modules.products.files import CatalogueFiles
from shop.modules.products.images import ProductImages
from shop.modules.products.jobs import jobs
from shop.modules.products.offered import OfferedProducts
from shop.modules.products.routes import ROUTES
from shop.modules.products.service import Catalogue
from shop.modules.products.stock import Stock
from shop.modules.products.stock_list import StockList
from shop.modules.products.store import ProductsStore
from shop.modules.products.tables import METADATA
from shop.ports.images import ImageStore
from shop.ports.products import Products
from shop.settings import Commerce, Runtime


class ProductsProvider(ModuleProvider):
    """Builds the services of products."""

    def __init__(self) -> None:
        """Provide them in the component `products`."""
        super().__init__("products", ProductsStore, METADATA)

    @provide(scope=Scope.REQUEST)
    def catalogue(self, database: Database[ProductsStore], commerce: Annotated[Commerce, FromComponent()]) -> Catalogue:
        """Give the catalogue."""
        return Catalogue(database, commerce)

    @provide(scope=Scope.REQUEST)
    def categories(self, database: Database[ProductsStore]) -> Categories:
        """Give the category tree."""
        return Categories(database)

    @provide(scope=Scope.REQUEST)
    def files(self, database: Database[ProductsStore], commerce: Annotated[Commerce, FromComponent()]) -> CatalogueFiles:
        """Give the catalogue as a file."""
        return CatalogueFiles(database, commerce)

    @provide(scope=Scope.APP)
    def images(
        self, database: Database[ProductsStore], store: Annotated[ImageStore, FromComponent()], runtime: Annotated[Runtime, FromComponent()]
    ) -> ProductImages:
        """Give the pictures of products."""
        return ProductImages(database, store, runtime.public_url)

    @provide(scope=Scope.REQUEST)
    def stock(self, database: Database[ProductsStore]) -> Stock:
        """Give the stock as staff see it."""
        return Stock(database)

    @provide(scope=Scope.REQUEST)
    def stock_list(self, database: Database[ProductsStore]) -> StockList:
        """Give the stock of the whole catalogue."""
        return StockList(database)

    @provide(scope=Scope.REQUEST)
    def offered(self, database: Database[ProductsStore]) -> Products:
        """Give what the neighbours may ask."""
        return OfferedProducts(database)


MODULE = Module("products", offers=(Products,), needs=(ImageStore,), provider=ProductsProvider, routes=ROUTES, jobs=jobs)
