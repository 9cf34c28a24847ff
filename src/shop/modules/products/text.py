"""How texts are compared, searched and turned into slugs: the same way on both databases, because it happens here."""

import re
import unicodedata

# Letters that Unicode does not take apart into a base letter and an accent.
LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i"})
INVISIBLE = frozenset(["Mn", "Cf", "Cs", "Cn"])  # accents, format characters, surrogates, unassigned
LONGEST_SLUG = 80
UUID_PATTERN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def fold(text: str) -> str:
    """Give a text without case, accents and invisible characters, its words parted by single spaces."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(" " if kind == "Cc" else letter for letter in apart if (kind := unicodedata.category(letter)) not in INVISIBLE)
    return " ".join(kept.casefold().translate(LETTERS).split())


def search_terms(q: str | None) -> tuple[str, ...]:
    """Give the folded words of a search; each must be found."""
    return tuple(dict.fromkeys(fold(q or "").split()))


def like(term: str) -> str:
    r"""Write a term for `LIKE ... ESCAPE '\'`, so that nothing in it is a wildcard."""
    return re.sub(r"([\\%_])", r"\\\1", term)


def slug_of(title: str) -> str:
    """Derive a slug; a title without a Latin letter or digit gives `product`, and none looks like an id."""
    slug = re.sub(r"[^a-z0-9]+", "-", fold(title))[:LONGEST_SLUG].strip("-") or "product"
    return f"product-{slug}" if UUID_PATTERN.fullmatch(slug) else slug
