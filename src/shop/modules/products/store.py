"""All queries of products in one unit of work."""

from shop.modules.products.catalogue_store import CatalogueStore
from shop.modules.products.category_store import CategoryStore
from shop.modules.products.file_store import FileStore
from shop.modules.products.reservation_store import ReservationStore


class ProductsStore(CatalogueStore, CategoryStore, ReservationStore, FileStore):
    """The tables of products; each part of it has a file of its own."""
