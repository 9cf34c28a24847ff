"""What people do with the category tree."""

from uuid import UUID

from shop.kit.audit import record
from shop.kit.database import Database
from shop.kit.idempotency import Once
from shop.kit.ids import uuid7
from shop.kit.problems import NotFound
from shop.modules.products.category_tree import CategoryAnswer, CategoryInUse, CategoryNode
from shop.modules.products.commands import CategoryChanges, NewCategory
from shop.modules.products.store import ProductsStore
from shop.modules.products.tables import audit_log


class Categories:
    """The tree that products are sorted into. A repeated request with the same key gives what the first one made, as it now stands."""

    def __init__(self, database: Database[ProductsStore]) -> None:
        """Keep the tree in this database."""
        self._database = database

    async def tree(self) -> list[CategoryNode]:
        """Show all of it; one query."""
        async with self._database.read() as store:
            return (await store.tree()).nodes()

    async def create(self, new: NewCategory, once: Once) -> CategoryAnswer:
        """Grow the tree; raises SlugTaken, Invalid."""
        id = uuid7()
        async with self._database.write() as store:
            first = await once.first(store, id)
            tree = await store.tree_to_change()
            if first:
                tree = (before := tree).with_new(id, new)
                await store.save_tree(before, tree)
                await record(store, audit_log, "category.create", new.slug, None, tree.facts(id))
            return tree.answer(_made(once))

    async def change(self, slug: str, changes: CategoryChanges, once: Once) -> CategoryAnswer:
        """Rename or move a category with all below it; raises NotFound, SlugTaken, CategoryCycle, Invalid."""
        async with self._database.write() as store:
            before = await store.tree_to_change()
            found = before.find(slug)
            if not await once.first(store, None if found is None else found.id):
                return before.answer(_made(once))
            category = before.named(slug)
            after = before.with_changes(category, changes)
            await store.save_tree(before, after)
            await record(store, audit_log, "category.update", slug, before.facts(category.id), after.facts(category.id))
            return after.answer(category.id)

    async def remove(self, slug: str, once: Once) -> None:
        """Delete an empty category; raises NotFound, CategoryInUse."""
        async with self._database.write() as store:
            if not await once.first(store):
                return
            tree = await store.tree_to_change()
            category = tree.named(slug)
            if tree.has_children(category) or not await store.remove_category(category):
                raise CategoryInUse
            await record(store, audit_log, "category.delete", slug, tree.facts(category.id), None)


def _made(once: Once) -> UUID:
    if once.subject is None:
        raise NotFound
    return once.subject
