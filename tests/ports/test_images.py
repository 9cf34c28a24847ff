"""What every place for pictures promises: the fake, through JSON, a folder, and a bucket of a real S3 server."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.fakes.images import FakeImages
from tests.ports.adapters import LOCAL, adapted
from tests.support.loopback import free_port
from tests.support.s3 import s3_server

from shop.adapters import image_bucket, image_folder
from shop.doctor import Verdict, images
from shop.kit.problems import NotFound, Unavailable
from shop.kit.secret import Secret
from shop.kit.transactions import TransactionOpen, open_transaction
from shop.ports.images import ImageStore
from shop.settings import Images, Settings

NAME = f"{'0a' * 32}-320.webp"
OTHER = f"{'0a' * 32}-800.webp"
CONTENT = bytes(range(256)) * 100


@pytest.fixture(scope="module")
def bucket() -> Iterator[Images]:
    """Give the settings of a bucket."""
    with s3_server() as settings:
        yield settings


@pytest.fixture(params=[*LOCAL, "folder", "bucket"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ImageStore]:
    """Give an empty place of each kind in turn."""
    if request.param == "folder":
        yield image_folder.adapter(Images(f"{tmp_path}/images"))
    elif request.param == "bucket":
        settings: Images = request.getfixturevalue("bucket")
        yield image_bucket.adapter(replace(settings, store=f"{settings.store}/{tmp_path.name}"))
    else:
        fake = FakeImages()

        @asynccontextmanager
        async def scope() -> AsyncIterator[ImageStore]:
            yield fake

        async with adapted(request.param, ImageStore, fake, scope) as local:
            yield local


async def test_what_is_kept_is_given(store: ImageStore) -> None:
    """Every byte of it; and a name that nothing is under is NotFound."""
    with pytest.raises(NotFound):
        await store.image(name=NAME)
    await store.keep(name=NAME, content=CONTENT)
    assert (await store.image(name=NAME)).content == CONTENT
    with pytest.raises(NotFound):
        await store.image(name=OTHER)


async def test_a_name_never_changes_what_it_says(store: ImageStore) -> None:
    """The first one stays: whoever cached it has the right one for ever."""
    await store.keep(name=NAME, content=CONTENT)
    await store.keep(name=NAME, content=b"another")
    assert (await store.image(name=NAME)).content == CONTENT


async def test_no_picture_is_asked_for_while_a_transaction_is_open(store: ImageStore) -> None:
    """A slow disk or bucket must not hold a lock."""
    token = open_transaction.set("products")
    try:
        with pytest.raises(TransactionOpen):
            await store.keep(name=NAME, content=CONTENT)
        with pytest.raises(TransactionOpen):
            await store.image(name=NAME)
    finally:
        open_transaction.reset(token)


async def test_a_place_that_works_has_nothing_wrong(store: ImageStore) -> None:
    """Asked again and again, before and after the first picture; a picture is not touched by it."""
    assert await store.check() == []
    await store.keep(name=NAME, content=CONTENT)
    assert await store.check() == []
    assert (await store.image(name=NAME)).content == CONTENT


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    """A file stands where the folder should be; the doctor says so."""
    (tmp_path / "images").write_text("")
    store = image_folder.adapter(Images(f"{tmp_path}/images"))
    with pytest.raises(Unavailable):
        await store.keep(name=NAME, content=CONTENT)
    assert await store.check() == [f"Pictures cannot be kept in {tmp_path}/images: Not a directory."]


async def test_the_doctor_leaves_a_folder_as_it_was(tmp_path: Path) -> None:
    """One that is not there yet is not made."""
    assert await image_folder.adapter(Images(f"{tmp_path}/not/yet")).check() == []
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240


async def test_a_folder_keeps_nothing_unfinished(tmp_path: Path) -> None:
    """Only the picture is there afterwards, for others to read, too."""
    store = image_folder.adapter(Images(str(tmp_path)))
    await store.keep(name=NAME, content=CONTENT)
    await store.keep(name=NAME, content=CONTENT)
    [file] = [path for path in tmp_path.rglob("*") if path.is_file()]  # noqa: ASYNC240
    assert (file.name, file.stat().st_mode & 0o777) == (NAME, 0o644)


@pytest.mark.parametrize("wrong", ["secret", "user", "bucket", "nobody"])
async def test_a_bucket_that_refuses_is_unavailable(bucket: Images, wrong: str) -> None:
    """A wrong secret, an unknown key, no such bucket, nobody who listens; the failure names none of it, and the doctor says the same."""
    settings = {
        "secret": replace(bucket, secret_key=Secret("wrong-secret")),
        "user": replace(bucket, access_key="AKIANOBODY"),
        "bucket": replace(bucket, store="s3://another-bucket"),
        "nobody": replace(bucket, endpoint=f"http://127.0.0.1:{free_port()}"),
    }[wrong]
    with pytest.raises(Unavailable) as failure:
        await image_bucket.adapter(settings).keep(name=NAME, content=CONTENT)
    [said] = await image_bucket.adapter(settings).check()
    assert said == f"The bucket cannot be used: {failure.value.detail}."
    assert "127.0.0.1" not in failure.value.detail
    assert "secret" not in failure.value.detail


async def test_the_doctor_tells_a_bucket_that_works_from_one_that_refuses(bucket: Images) -> None:
    """With what to look at."""
    [fine] = await images(Settings(images=bucket))
    assert (fine.verdict, fine.what) == (Verdict.OK, f"{bucket.store} takes pictures")
    [wrong] = await images(Settings(images=replace(bucket, secret_key=Secret("wrong"))))
    assert (wrong.verdict, wrong.what) == (Verdict.WRONG, "The bucket cannot be used: pictures cannot be kept: permissiondenied.")
    assert "may the key read and write" in wrong.advice
