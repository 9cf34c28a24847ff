"""Pictures as cameras and people make them."""

from io import BytesIO
from typing import Any

from PIL import Image

ORIENTATION, MAKER = 0x0112, 0x010F


def picture(width: int = 64, height: int = 32, kind: str = "PNG", mode: str = "RGB", orientation: int | None = None, **options: Any) -> bytes:
    """Draw a picture, red on the left and blue on the right; `orientation` is how the camera was held, and adds its maker."""
    drawn = Image.new("RGB", (width, height), (200, 0, 0))
    drawn.paste((0, 0, 200), (width // 2, 0, width, height))
    if orientation is not None:
        exif = Image.Exif()
        exif[ORIENTATION], exif[MAKER] = orientation, "Secret Camera"
        options["exif"] = exif
    made = BytesIO()
    drawn.convert(mode).save(made, kind, **options)
    return made.getvalue()
