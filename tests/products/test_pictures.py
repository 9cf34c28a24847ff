"""Pictures of products: whatever staff send becomes three upright WebP files that tell nothing but what they show."""

import zlib
from io import BytesIO

import pytest
from PIL import Image, ImageCms
from tests.support.pictures import picture

from shop.kit.problems import Invalid
from shop.modules.products.pictures import Picture, digest_of, pictures


def opened(made: Picture) -> Image.Image:
    """Look at what was made."""
    return Image.open(BytesIO(made.content))


def colour(image: Image.Image, x: float, y: float) -> str:
    """Name the colour at a place, given in parts of the sides."""
    pixel = image.convert("RGB").getpixel((int(image.width * x), int(image.height * y)))
    assert isinstance(pixel, tuple)
    return "red" if pixel[0] > pixel[2] else "blue"


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "1"), ("WEBP", "RGB"), ("GIF", "P")]
)
def test_a_picture_comes_in_three_widths(kind: str, mode: str) -> None:
    """Whatever it was, it becomes WebP; the sides keep their proportion."""
    made = pictures(picture(2000, 1000, kind, mode))
    assert [each.width for each in made] == [320, 800, 1600]
    for each in made:
        image = opened(each)
        assert (image.format, image.size) == ("WEBP", (each.width, each.width // 2))


def test_a_small_picture_is_not_enlarged() -> None:
    """It is there under every width, as it is."""
    assert [opened(each).size for each in pictures(picture(400, 200))] == [(320, 160), (400, 200), (400, 200)]


def test_a_picture_is_turned_upright_and_tells_nothing_about_the_camera() -> None:
    """Orientation 6 was held clockwise: left becomes top. No EXIF, no profile, no comment is left."""
    sent = picture(200, 100, "JPEG", orientation=6, comment=b"taken at home")
    assert b"Secret Camera" in sent
    for made in pictures(sent):
        image = opened(made)
        assert image.size == (100, 200)
        assert (colour(image, 0.5, 0.1), colour(image, 0.5, 0.9)) == ("red", "blue")
        assert not image.getexif()
        assert not {"exif", "icc_profile", "xmp", "comment"} & set(image.info)
        assert b"Secret" not in made.content
        assert b"home" not in made.content


def test_transparency_stays() -> None:
    """A corner that was clear is clear."""
    sent = BytesIO()
    Image.new("RGBA", (50, 50), (255, 0, 0, 0)).save(sent, "PNG")
    image = opened(pictures(sent.getvalue())[0])
    assert image.mode == "RGBA"
    assert image.getpixel((25, 25))[3] == 0  # type: ignore[index]


def test_colours_are_what_the_profile_means() -> None:
    """The profile is not kept, so that what it says is done; a broken one is read over; the camera is held as before."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for given in (srgb, profile, b"nonsense"):
        image = opened(pictures(picture(200, 100, "JPEG", orientation=6, icc_profile=given))[0])
        assert image.size == (100, 200)
        assert (colour(image, 0.5, 0.1), colour(image, 0.5, 0.9)) == ("red", "blue")


@pytest.mark.parametrize(
    "sent", [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\xff\xd8\xff\xe0" + b"x" * 99, b"BM" + b"\0" * 60]
)
def test_what_is_no_picture_is_refused(sent: bytes) -> None:
    """By its content; other kinds of pictures are refused too."""
    with pytest.raises(Invalid, match=r"no picture|broken"):
        pictures(sent)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "PPM", "TGA"])
def test_other_kinds_of_pictures_are_refused(kind: str) -> None:
    """Pillow knows dozens; each is one more thing that strangers can break."""
    with pytest.raises(Invalid, match="is no picture"):
        pictures(picture(kind=kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_that_ends_too_early_is_refused(kind: str) -> None:
    """Half a file is no picture."""
    sent = picture(600, 400, kind)
    with pytest.raises(Invalid, match=r"broken|no picture"):
        pictures(sent[: len(sent) // 2])


def bomb(width: int, height: int) -> bytes:
    """Write a small PNG that says it is large."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100_000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(7_000, 7_000), (10_000, 10_000), (30_000, 30_000), (50_000, 50_000)])
def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    """A few kilobytes that would become gigabytes."""
    with pytest.raises(Invalid, match="40 million pixels"):
        pictures(bomb(width, height))


def test_a_png_may_have_fewer_pixels_than_a_jpeg() -> None:
    """A JPEG is made small while it is decoded, also a panorama and one held sideways; a PNG and a progressive JPEG are whole in memory."""
    with pytest.raises(Invalid, match="4 million pixels; a JPEG that is not progressive may have 40 million"):
        pictures(bomb(2_500, 2_000))
    with pytest.raises(Invalid, match="12 million pixels; a JPEG that is not progressive may have 40 million"):
        pictures(picture(7_000, 5_000, "JPEG", progressive=True))
    assert [opened(each).size for each in pictures(picture(7_000, 5_000, "JPEG"))][-1] == (1600, 1143)
    assert [opened(each).size for each in pictures(picture(16_000, 1_200, "JPEG"))][-1] == (1600, 120)
    assert [opened(each).size for each in pictures(picture(7_000, 5_000, "JPEG", orientation=6))][-1] == (1600, 2240)


def test_a_picture_that_webp_cannot_hold_is_refused() -> None:
    """A thin, very long one."""
    with pytest.raises(Invalid, match="16383"):
        pictures(picture(2, 17_000))


def test_the_same_picture_has_the_same_name() -> None:
    """It is that of what was sent."""
    assert digest_of(picture()) == digest_of(picture()) != digest_of(picture(65))
