"""Queries of the category tree."""

import sqlalchemy as sa

from shop.kit.database import Store
from shop.modules.products.category_tree import Category, CategoryTree
from shop.modules.products.tables import categories, products


class CategoryStore(Store):
    """Reads and writes categories."""

    async def tree(self) -> CategoryTree:
        """Give all categories; one query."""
        c = categories.c
        rows = await self.rows(sa.select(c.id, c.slug, c.title, c.parent_id, c.path, c.search_text))
        return CategoryTree(Category(*row) for row in rows)

    async def tree_to_change(self) -> CategoryTree:
        """Give all categories; nobody else changes the tree until the transaction ends. Products may still be written meanwhile."""
        if self.on_postgresql:
            await self.change(sa.text("LOCK TABLE categories IN SHARE ROW EXCLUSIVE MODE"))
        return await self.tree()

    async def save_tree(self, before: CategoryTree, after: CategoryTree) -> None:
        """Record what differs.

        A category's row is changed before the products in it: a product being put there meanwhile holds the row (`category_for_use`), so that
        it is either committed and found by the second statement, or sees the new text.
        """
        changed = sorted((new for new in after.by_id.values() if new != before.by_id.get(new.id)), key=lambda category: len(category.path))
        for category in changed:
            values = {name: getattr(category, name) for name in Category.__struct_fields__}
            if category.id in before.by_id:
                await self.change(categories.update().where(categories.c.id == category.id).values(**values))
            else:
                await self.change(categories.insert().values(**values))
        for category in changed:
            in_it = (products.c.category_id == category.id) & (products.c.category_text != category.search_text)
            await self.change(products.update().where(in_it).values(category_text=category.search_text))

    async def remove_category(self, category: Category) -> bool:
        """Delete a category without children; False when products use it."""
        await self.row(sa.select(categories.c.id).where(categories.c.id == category.id).with_for_update())
        if await self.scalar(sa.select(sa.exists().where(products.c.category_id == category.id))):
            return False
        await self.change(categories.delete().where(categories.c.id == category.id))
        return True
