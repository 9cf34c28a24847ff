"""The category tree: the rules for growing and bending it, without a database."""

from collections.abc import Iterable
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct

from shop.kit.problems import Conflict, Invalid, NotFound
from shop.modules.products.commands import CategoryChanges, NewCategory
from shop.modules.products.domain import SlugTaken
from shop.modules.products.text import fold

DEEPEST = 12


class CategoryInUse(Conflict):
    """Products or other categories are in this category."""


class CategoryCycle(Conflict):
    """A category cannot be below itself."""


class CategoryNode(Struct, frozen=True):
    """A category and what is below it, sorted by title."""

    slug: str
    title: str
    children: list["CategoryNode"]


class CategoryAnswer(Struct, frozen=True):
    """A category after it was written; `parent` is a slug."""

    slug: str
    title: str
    parent: str | None
    children: list[CategoryNode]


class Category(Struct, frozen=True):
    """A category as it is kept; `path` has the slugs from the root down, `search_text` the folded titles."""

    id: UUID
    slug: str
    title: str
    parent_id: UUID | None
    path: str = ""
    search_text: str = ""


class CategoryTree:
    """All categories; a change gives a new tree."""

    def __init__(self, categories: Iterable[Category]) -> None:
        """Take them in any order."""
        self.by_id = {category.id: category for category in categories}
        self._below: dict[UUID | None, list[Category]] = {}
        for category in sorted(self.by_id.values(), key=lambda category: (fold(category.title), category.slug)):
            self._below.setdefault(category.parent_id, []).append(category)

    def find(self, slug: str) -> Category | None:
        """Find the category of this slug."""
        return next((category for category in self.by_id.values() if category.slug == slug), None)

    def named(self, slug: str) -> Category:
        """Give the category of this slug; raises NotFound."""
        found = self.find(slug)
        if found is None:
            raise NotFound
        return found

    def nodes(self, parent_id: UUID | None = None) -> list[CategoryNode]:
        """Give the tree below a category, or all of it."""
        return [CategoryNode(category.slug, category.title, self.nodes(category.id)) for category in self._below.get(parent_id, [])]

    def answer(self, category_id: UUID) -> CategoryAnswer:
        """Give one category as it now stands; raises NotFound."""
        if category_id not in self.by_id:
            raise NotFound
        category = self.by_id[category_id]
        parent = self.by_id[category.parent_id].slug if category.parent_id else None
        return CategoryAnswer(category.slug, category.title, parent, self.nodes(category.id))

    def facts(self, category_id: UUID) -> dict[str, str | None]:
        """Give what staff decide about a category, for the audit log."""
        answer = self.answer(category_id)
        return {"slug": answer.slug, "title": answer.title, "parent": answer.parent}

    def has_children(self, category: Category) -> bool:
        """Tell whether other categories are below this one."""
        return category.id in self._below

    def with_new(self, id: UUID, new: NewCategory) -> "CategoryTree":
        """Add a category; raises SlugTaken, Invalid for an unknown parent."""
        self._check_free(new.slug)
        return self._with(Category(id, new.slug, new.title, self._parent_id(new.parent)))

    def with_changes(self, category: Category, changes: CategoryChanges) -> "CategoryTree":
        """Rename or move a category; raises SlugTaken, CategoryCycle, Invalid for an unknown parent."""
        changed = category
        if changes.slug is not UNSET and changes.slug != category.slug:
            self._check_free(changes.slug)
            changed = msgspec.structs.replace(changed, slug=changes.slug)
        if changes.title is not UNSET:
            changed = msgspec.structs.replace(changed, title=changes.title)
        if changes.parent is not UNSET:
            changed = msgspec.structs.replace(changed, parent_id=self._parent_id(changes.parent))
            self._check_no_cycle(changed)
        return self._with(changed)

    def _check_free(self, slug: str) -> None:
        if self.find(slug) is not None:
            raise SlugTaken

    def _parent_id(self, slug: str | None) -> UUID | None:
        parent = None if slug is None else self.find(slug)
        if slug is not None and parent is None:
            raise Invalid.field("parent", "is no category")
        return None if parent is None else parent.id

    def _check_no_cycle(self, moved: Category) -> None:
        above = moved.parent_id
        while above is not None:
            if above == moved.id:
                raise CategoryCycle
            above = self.by_id[above].parent_id

    def _with(self, category: Category) -> "CategoryTree":
        raw = CategoryTree((self.by_id | {category.id: category}).values())
        return CategoryTree(raw._placed(None, "/", "", 1))

    def _placed(self, parent_id: UUID | None, path: str, text: str, depth: int) -> list[Category]:
        placed: list[Category] = []
        for category in self._below.get(parent_id, []):
            if depth > DEEPEST:
                raise Invalid.field("parent", f"is too deep: categories nest {DEEPEST} levels at most")
            here = msgspec.structs.replace(category, path=f"{path}{category.slug}/", search_text=f"{fold(category.title)}\n{text}".rstrip("\n"))
            placed += [here, *self._placed(here.id, here.path, here.search_text, depth + 1)]
        return placed
