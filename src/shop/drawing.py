"""Draws who is where as an SVG picture: a card for each module, with what stands behind its ports and the instances that answer."""

from collections.abc import Sequence
from html import escape

from msgspec import Struct

WIDTH, MARGIN, GAP, LINE, HEAD = 960, 28, 20, 22, 62
STYLE = """
    .page { fill: #fdfcfa } .card { fill: #fff; stroke: #2f3e46; stroke-width: 1.5 } .away { stroke-dasharray: 6 5 }
    text { fill: #1b262c } .name { font-weight: 600; font-size: 18px } .quiet { fill: #52646b }
    .good { fill: #2d8a5f } .bad { fill: #c0392b } .odd { fill: #b7791f }
    @media (prefers-color-scheme: dark) {
      .page { fill: #14191c } .card { fill: #1d2529; stroke: #84a98c } text { fill: #eef2f1 } .quiet { fill: #a3b1ad }
      .good { fill: #5fc596 } .bad { fill: #ff8a7a } .odd { fill: #f2c14e }
    }
"""


class Row(Struct, frozen=True):
    """A line of a card: what it is about, what is so, and whether that is good, bad, odd or neither."""

    about: str
    text: str
    mood: str = ""


class Card(Struct, frozen=True):
    """A module: its name, where it is, where its data are, and its lines."""

    name: str
    place: str
    database: str
    is_here: bool
    rows: Sequence[Row]

    @property
    def height(self) -> int:
        """Give how high it is drawn, in pixels."""
        return HEAD + LINE * len(self.rows) + (14 if self.rows else 0)


def drawn(title: str, cards: Sequence[Card]) -> str:
    """Give the picture; it carries its own colours for light and for dark."""
    tops = [96]
    for card in cards:
        tops.append(tops[-1] + card.height + GAP)
    height = tops[-1] - GAP + MARGIN
    parts = [_card(card, top) for card, top in zip(cards, tops, strict=False)]
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title" \
font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="14">
  <title id="title">{escape(title)}</title>
  <style>{STYLE}  </style>
  <rect class="page" width="{WIDTH}" height="{height}" rx="12"/>
  <text class="name" x="{MARGIN}" y="46">Who is where</text>
  <text class="quiet" x="{MARGIN}" y="72">{escape(title)}</text>
{"".join(parts)}</svg>
"""


def _card(card: Card, top: int) -> str:
    away = "" if card.is_here else " away"
    rows = "".join(_row(row, top + HEAD + LINE * number + 10) for number, row in enumerate(card.rows))
    return f"""  <g>
    <rect class="card{away}" x="{MARGIN}" y="{top}" width="{WIDTH - 2 * MARGIN}" height="{card.height}" rx="10"/>
    <text class="name" x="{MARGIN + 20}" y="{top + 36}">{escape(card.name)}</text>
    <text x="180" y="{top + 36}">{escape(shortened(card.place, 52))}</text>
    <text class="quiet" x="{WIDTH - MARGIN - 20}" y="{top + 36}" text-anchor="end">{escape(shortened(card.database, 42))}</text>
{rows}  </g>
"""


def _row(row: Row, y: int) -> str:
    dot = f'<circle class="{row.mood}" cx="168" cy="{y - 5}" r="5"/>' if row.mood else ""
    text = escape(shortened(row.text, 100))
    return f'    <text class="quiet" x="{MARGIN + 20}" y="{y}">{escape(row.about)}</text>{dot}<text x="180" y="{y}">{text}</text>\n'


def shortened(text: str, length: int) -> str:
    """Give at most so many characters, the middle left out."""
    half = (length - 1) // 2
    return text if len(text) <= length else f"{text[:half]}…{text[-half:]}"
