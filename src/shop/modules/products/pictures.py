"""Pictures as they come and as they are shown: looked at by their content, turned upright, made small, told nothing about."""

import hashlib
from contextlib import suppress
from io import BytesIO

from msgspec import Struct
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from shop.kit.problems import Invalid

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
WIDTHS = (320, 800, 1600)
MOST_PIXELS = 40_000_000
# What may be in memory at a time, in pixels: making the pictures takes 100 MiB at most, also in a small container.
MOST_OF_JPEG, MOST_OF_PROGRESSIVE, MOST_OF_OTHERS = 10_300_000, 12_300_000, 4_200_000
LONGEST_SIDE = 16_383  # of a WebP
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)  # of EXIF
LANCZOS = Image.Resampling.LANCZOS
QUALITY = 80
FIELD = "body"


Image.MAX_IMAGE_PIXELS = None  # Pillow's own check warns first and refuses later; ours is below


class Picture(Struct, frozen=True):
    """A picture in one width; `width` is the one that it is known under, wider than the picture if that is small."""

    width: int
    content: bytes


def digest_of(content: bytes) -> str:
    """Name what was sent."""
    return hashlib.sha256(content).hexdigest()


def pictures(content: bytes) -> list[Picture]:
    """Make a picture in every width of what was sent, in WebP, the first frame of a moving one; raises Invalid. Takes a second of a processor."""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as opened:
            return _pictures(opened)
    except UnidentifiedImageError:
        raise Invalid.field(FIELD, "is no picture: JPEG, PNG, WebP and GIF are taken") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, MemoryError) as error:  # all that Pillow says of broken files
        raise Invalid.field(FIELD, "is a broken picture") from error


def _pictures(opened: Image.Image) -> list[Picture]:
    _check_size(opened, MOST_PIXELS)
    if max(opened.size) > LONGEST_SIDE:
        raise Invalid.field(FIELD, f"is more than {LONGEST_SIDE} pixels long")
    if opened.format == "JPEG":
        _check_size(opened, MOST_OF_PROGRESSIVE if opened.info.get("progressive") else MOST_PIXELS)
        opened.draft("RGB", (1, WIDTHS[-1]) if _is_sideways(opened) else (WIDTHS[-1], 1))  # it is decoded no larger than needed
    _check_size(opened, MOST_OF_JPEG if opened.format == "JPEG" else MOST_OF_OTHERS)
    upright = ImageOps.exif_transpose(_shrunk(_plain(opened)))
    shown = _in_srgb(upright)
    return [Picture(width, _webp(_narrowed(shown, width))) for width in WIDTHS]


def _check_size(opened: Image.Image, most: int) -> None:
    if opened.width * opened.height <= most:
        return
    more = "" if most == MOST_PIXELS else f"; a JPEG that is not progressive may have {MOST_PIXELS // 1_000_000} million"
    raise Invalid.field(FIELD, f"has more than {most // 1_000_000} million pixels{more}")


def _plain(opened: Image.Image) -> Image.Image:
    """Give it in a mode that can be made small; what is so already is not copied, for it may be large."""
    if opened.mode in ("RGB", "RGBA", "CMYK"):
        return opened
    return opened.convert("RGBA" if opened.has_transparency_data else "RGB")


def _is_sideways(opened: Image.Image) -> bool:
    return opened.getexif().get(ORIENTATION) in SIDEWAYS


def _shrunk(picture: Image.Image) -> Image.Image:
    width = picture.height if _is_sideways(picture) else picture.width
    return picture.resize(_size(picture, WIDTHS[-1] / max(WIDTHS[-1], width)), LANCZOS, reducing_gap=3.0)


def _in_srgb(opened: Image.Image) -> Image.Image:
    """Give the colours that its profile means, for the profile is not kept."""
    profile = opened.info.get("icc_profile")
    if profile and opened.mode in ("RGB", "RGBA", "CMYK"):
        with suppress(ImageCms.PyCMSError, OSError):  # a broken profile: the colours are taken as they are
            made = ImageCms.profileToProfile(
                opened, ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB"),
                outputMode="RGB" if opened.mode == "CMYK" else opened.mode,
            )  # fmt: skip
            return made or opened
    return opened.convert("RGB") if opened.mode == "CMYK" else opened


def _narrowed(picture: Image.Image, width: int) -> Image.Image:
    return picture if picture.width <= width else picture.resize(_size(picture, width / picture.width), LANCZOS, reducing_gap=3.0)


def _size(picture: Image.Image, scale: float) -> tuple[int, int]:
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))


def _webp(picture: Image.Image) -> bytes:
    made = BytesIO()
    picture.save(made, "WEBP", quality=QUALITY, method=4)
    return made.getvalue()
