"""Markdown as staff write it, in both alternatives of a mail."""

import re

import pytest

from shop.modules.users.markdown import prose

EVERYTHING = """\
# Mugs for less

Only **this** week: [all mugs](https://shop.example/mugs?a=1&b=2) cost _half_. Tell your friends, for there are not that many left.

[Choose yours](https://shop.example/sale)

- blue
- red, which is a colour that goes with everything, as everybody knows who has one
  - dark red

3. three
4. four

> A mug is a friend.

## Questions

Write to [us](mailto:mugs@shop.example), or look at <https://shop.example/help>.

![A mug](https://shop.example/mug.png)

---

    mug --hot
"""
PLAIN = """\
Mugs for less
=============

Only this week: all mugs (https://shop.example/mugs?a=1&b=2) cost
half. Tell your friends, for there are not that many left.

Choose yours (https://shop.example/sale)

- blue
- red, which is a colour that goes with everything, as everybody
  knows who has one
  - dark red

3. three
4. four

> A mug is a friend.

Questions
---------

Write to us (mugs@shop.example), or look at
https://shop.example/help.

A mug

--------------------------------------------------------------------

    mug --hot"""


def test_plain_text_loses_nothing() -> None:
    """Lists, quotations, headings and the addresses of links."""
    assert prose(EVERYTHING).text == PLAIN


def test_every_element_has_its_style_with_it() -> None:
    """Mail programs drop style sheets; tags without one need none."""
    html = prose(EVERYTHING).html
    bare = set(re.findall(r"<(\w+)>", html))
    assert bare <= {"strong", "em", "code"}
    assert '<a href="https://shop.example/mugs?a=1&amp;b=2" style="color' in html


def test_a_link_alone_in_a_paragraph_is_a_button() -> None:
    """The other links are words."""
    html = prose(EVERYTHING).html
    assert re.findall(r'<a href="([^"]+)"[^>]*class="button-link"', html) == ["https://shop.example/sale"]
    assert "button-link" not in prose("<https://shop.example/sale>").html


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](data:image/svg+xml;base64,PHN2Zz4=)",
        "[x](file:///etc/passwd)",
        "[x](/relative)",
        "[x](//shop.example)",
        "[x](ftp://shop.example)",
        '[x](https://shop.example/"onclick="alert)',
        "[x]: javascript:alert(1)\n\n[x]",
    ],
)
def test_nothing_but_links_to_the_web_and_to_mail_addresses(source: str) -> None:
    """No HTML, no script, no other scheme: it is shown as it was typed."""
    html = prose(source).html
    assert not re.search(r"<(?!/?(p|a)\b)", html), html
    assert all(re.match(r"https://shop\.example/%22onclick=%22alert$", url) for url in re.findall(r'href="([^"]*)"', html)), html
    assert 'onclick="' not in html


def test_deep_nesting_ends() -> None:
    """What nobody writes by hand takes no longer than the rest."""
    assert prose("> " * 2000 + "x").html
    assert prose("[" * 20_000).text
