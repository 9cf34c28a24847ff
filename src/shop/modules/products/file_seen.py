"""What the lines of a file have said already, kept on disk, so that a long file needs no more memory than a short one."""

import hashlib
import sqlite3

import msgspec

from shop.kit.problems import Invalid
from shop.modules.products.file_lines import Wanted

TABLES = """
CREATE TABLE skus (sku TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID;
CREATE TABLE products (slug TEXT PRIMARY KEY, line INTEGER, said BLOB) WITHOUT ROWID;
"""


class Seen:
    """Remembers each SKU and what was said about each product; `close` forgets it."""

    def __init__(self) -> None:
        """Make a database in a file that nobody else sees and that is gone afterwards."""
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + TABLES + "BEGIN;")

    def close(self) -> None:
        """Delete the file."""
        self._database.close()

    def check(self, line: int, wanted: Wanted) -> None:
        """Refuse a SKU that came before, and a line that says something else about its product than the first one; raises Invalid."""
        said = hashlib.sha256(msgspec.json.encode(wanted.of_product)).digest()
        before = self._database.execute("SELECT line, said FROM products WHERE slug = ?", (wanted.product,)).fetchone()
        if before is not None and before[1] != said:
            raise Invalid.field("product", f"says something else about {wanted.product} than line {before[0]}")
        if self._database.execute("INSERT OR IGNORE INTO skus VALUES (?, ?)", (wanted.sku, line)).rowcount == 0:
            [first] = self._database.execute("SELECT line FROM skus WHERE sku = ?", (wanted.sku,)).fetchone()
            raise Invalid.field("sku", f"is in line {first} already")
        if before is None:
            self._database.execute("INSERT INTO products VALUES (?, ?, ?)", (wanted.product, line, said))
