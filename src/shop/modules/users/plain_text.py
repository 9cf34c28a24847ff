"""Markdown as plain text of a fixed width: nothing of what it says is lost, and the address of a link follows its name."""

import re
import textwrap
from collections.abc import Sequence

from markdown_it.token import Token

from shop.kit.letters import WIDTH

RULES = {"h1": "=", "h2": "-"}


def plain_text(blocks: Sequence[Token]) -> str:
    """Set blocks one below the other."""
    page = Page()
    for block in blocks:
        page.take(block)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(page.lines)).strip("\n")


class Page:
    """Lines of text behind a margin, in which lists and quotations have their marks."""

    def __init__(self) -> None:
        """Begin at the left."""
        self.lines: list[str] = []
        self._margin: list[str] = []
        self._counts: list[int | None] = []
        self._mark = ""

    def take(self, block: Token) -> None:
        """Set one more block."""
        match block.type:
            case "bullet_list_open" | "ordered_list_open":
                self._counts.append(int(block.attrs.get("start", 1)) if block.tag == "ol" else None)
            case "bullet_list_close" | "ordered_list_close":
                self._counts.pop()
                self.lines.append("")
            case "list_item_open":
                self._begin_item()
            case "blockquote_open":
                self._margin.append("> ")
            case "list_item_close" | "blockquote_close":
                self._margin.pop()
            case "hr":
                self._set("-" * (WIDTH - len(self._left)))
            case "fence" | "code_block":
                self._set(*("    " + line for line in block.content.splitlines()))
            case "inline":
                self._paragraph(said(block.children or ()))
            case "paragraph_close" if not block.hidden:
                self.lines.append("")
            case "heading_close":
                self._set(RULES[block.tag] * min(len(self.lines[-1]), WIDTH)) if block.tag in RULES else self.lines.append("")

    @property
    def _left(self) -> str:
        return "".join(self._margin)

    def _set(self, *lines: str) -> None:
        self.lines += [*(self._left + line for line in lines), ""]

    def _begin_item(self) -> None:
        count = self._counts[-1]
        self._mark = "- " if count is None else f"{count}. "
        self._counts[-1] = None if count is None else count + 1
        self._margin.append(" " * len(self._mark))

    def _paragraph(self, text: str) -> None:
        for line in text.split("\n"):
            first = "".join(self._margin[:-1]) + self._mark if self._mark else self._left
            self._mark = ""
            self.lines += textwrap.wrap(
                line, WIDTH, initial_indent=first, subsequent_indent=self._left, break_long_words=False, break_on_hyphens=False
            )


def said(inline: Sequence[Token]) -> str:
    """Say a line of Markdown in words."""
    parts: list[str] = []
    links: list[tuple[int, str]] = []
    for token in inline:
        match token.type:
            case "text" | "code_inline" | "image":
                parts.append(token.content)
            case "softbreak" | "hardbreak":
                parts.append("\n")
            case "link_open":
                links.append((len(parts), str(token.attrs["href"])))
            case "link_close":
                start, url = links.pop()
                parts.append(_address("".join(parts[start:]).strip(), url.removeprefix("mailto:")))
    return "".join(parts)


def _address(name: str, url: str) -> str:
    return "" if name == url else f" ({url})"
