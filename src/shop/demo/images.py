"""Product pictures drawn from their names: deterministic SVG, nothing to download."""

import hashlib
import math
from html import escape

from litestar import Response, get
from litestar.params import FromPath

_SIZE = 600


def picture(slug: str) -> str:
    """Draw the picture of a product; the same slug always gives the same picture."""
    seed = hashlib.sha256(slug.encode()).digest()
    hue = seed[0] * 360 // 256
    back, fore, light = f"hsl({hue} 45% 90%)", f"hsl({(hue + 25) % 360} 48% 46%)", f"hsl({(hue + 330) % 360} 62% 74%)"
    shapes = "".join(_shape(seed, number, fore, light) for number in range(5))
    title = escape(slug.replace("-", " ").title())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}" role="img" aria-label="{title}">'
        f'<rect width="{_SIZE}" height="{_SIZE}" fill="{back}"/>{shapes}{_initials(slug, hue)}</svg>'
    )


def _shape(seed: bytes, number: int, fore: str, light: str) -> str:
    a, b, c, d = seed[1 + number * 4 : 5 + number * 4]
    angle, far = number * math.tau / 5 + a / 255, 90 + b / 3
    x, y = _SIZE / 2 + far * math.cos(angle), _SIZE / 2 + far * math.sin(angle)
    size, colour = 60 + c / 2.6, (fore, light)[number % 2]
    if d % 3 == 0:
        return f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{size:.0f}" fill="{colour}" opacity=".78"/>'
    turn, round_ = d, size * (0.2 if d % 3 == 1 else 0.6)
    box = f'x="{x - size:.0f}" y="{y - size:.0f}" width="{2 * size:.0f}" height="{2 * size:.0f}" rx="{round_:.0f}"'
    return f'<rect {box} fill="{colour}" opacity=".78" transform="rotate({turn} {x:.0f} {y:.0f})"/>'


def _initials(slug: str, hue: int) -> str:
    letters = "".join(word[0] for word in slug.split("-")[:2] if word).upper()
    style = 'font-family="system-ui, sans-serif" font-size="170" font-weight="700" letter-spacing="-6"'
    middle = f'x="{_SIZE // 2}" y="{_SIZE // 2 + 60}" text-anchor="middle"'
    return f'<text {middle} {style} fill="hsl({hue} 55% 16%)" fill-opacity=".9">{escape(letters)}</text>'


@get("/images/{name:str}")
async def show_image(name: FromPath[str]) -> Response[str]:
    """Serve the picture of a product, /images/{slug}.svg."""
    headers = {
        "Cache-Control": "public, max-age=86400",
        "Content-Security-Policy": "default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(picture(name.removesuffix(".svg")), media_type="image/svg+xml", headers=headers)
