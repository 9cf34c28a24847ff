"""Markdown as a mail shows it: HTML with its styles at every element, for mail programs heed no others, and plain text.

HTML in the Markdown is shown as it was typed, and a link leads to the web or to a mail address, or is none.
A paragraph that is one link and nothing else becomes a button.
"""

from collections.abc import Sequence
from itertools import pairwise
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from shop.kit.letters import Prose
from shop.modules.users.plain_text import plain_text

SCHEMES = ("http", "https", "mailto")
FONT = "-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
BUTTON = f"display:inline-block;padding:12px 24px;background:#1f6b4a;border-radius:6px;font:600 16px/1.2 {FONT};color:#ffffff;text-decoration:none;"
TIGHT = "margin:0 0 6px;"
STYLES = {
    "p": "margin:0 0 14px;",
    "h1": f"margin:26px 0 12px;font:700 21px/1.3 {FONT};",
    "h2": f"margin:24px 0 10px;font:700 18px/1.35 {FONT};",
    "h3": f"margin:20px 0 8px;font:700 16px/1.4 {FONT};",
    "ul": "margin:0 0 14px;padding:0 0 0 22px;",
    "ol": "margin:0 0 14px;padding:0 0 0 22px;",
    "li": "margin:0 0 6px;",
    "a": "color:#1f6b4a;text-decoration:underline;",
    "blockquote": "margin:18px 0;padding:4px 0 1px 16px;border-left:3px solid #dfe3de;",
    "hr": "margin:26px 0;border:0;border-top:1px solid #e3e6e2;",
    "img": "display:block;max-width:100%;height:auto;margin:6px 0;border:0;border-radius:6px;",
    "code": "padding:1px 5px;background:#f3f4f2;border-radius:4px;font:400 14px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;",
}
CLASSES = {"a": "link", "code": "panel", "blockquote": "rule", "hr": "rule"}  # what the layout colours in the dark


def _allowed(url: str) -> bool:
    try:
        return urlsplit(url).scheme.lower() in SCHEMES
    except ValueError:
        return False


READER = MarkdownIt("commonmark", {"html": False, "breaks": True})
READER.validateLink = _allowed  # type: ignore[method-assign]


def prose(source: str) -> Prose:
    """Write Markdown in both alternatives of a mail."""
    blocks = READER.parse(source)
    for token in _every(blocks):
        _dress(token)
    for paragraph, link in _buttons(blocks):
        paragraph.attrSet("style", "margin:22px 0;")
        link.attrSet("style", BUTTON)
        link.attrSet("class", "button-link")
    return Prose(plain_text(blocks), READER.renderer.render(blocks, READER.options, {}).strip())


def _every(tokens: Sequence[Token]) -> list[Token]:
    return [found for token in tokens for found in (token, *(token.children or ()))]


def _dress(token: Token) -> None:
    if token.nesting >= 0 and not token.hidden and token.tag in STYLES:
        token.attrSet("style", TIGHT if token.tag == "p" and token.level else STYLES[token.tag])
        if token.tag in CLASSES:
            token.attrSet("class", CLASSES[token.tag])


def _buttons(blocks: Sequence[Token]) -> list[tuple[Token, Token]]:
    """Find the paragraphs that are one link, with words of its own."""
    found = []
    for paragraph, inline in pairwise(blocks):
        children = inline.children or []
        is_alone = [child.type for child in children] == ["link_open", "text", "link_close"]
        if paragraph.type == "paragraph_open" and paragraph.level == 0 and is_alone and not children[0].markup:
            found.append((paragraph, children[0]))
    return found
