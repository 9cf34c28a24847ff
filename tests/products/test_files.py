"""The catalogue as a CSV file: what comes out goes in again, and no bad line spoils another one."""

import asyncio
import io
from collections import Counter
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from tests.products.world import World, variant

from shop.kit.audit import on_command_line
from shop.kit.idempotency import Once
from shop.kit.problems import Invalid
from shop.modules.products import tables
from shop.modules.products.commands import NewProduct
from shop.modules.products.file_format import COLUMNS, CatalogueFile, guarded, unguarded, written
from shop.modules.products.file_lines import Prices
from shop.modules.products.file_plan import Outcome, Verdict
from shop.modules.products.files import CatalogueFiles
from shop.settings import Commerce

HEADING = ",".join(COLUMNS)
MUGS = f"""{HEADING}
mug,Mug,For coffee,,https://img.example/a.jpg https://img.example/b.jpg,mug-red,Red,12.50,15.00,"{{""colour"": ""red""}}"
mug,Mug,For coffee,,https://img.example/a.jpg https://img.example/b.jpg,mug-blue,,9,,
"""


def opened(text: str | bytes) -> CatalogueFile:
    """Open a file that says this."""
    return CatalogueFile(io.BytesIO(text if isinstance(text, bytes) else text.encode()))


async def taken_in(world: World, text: str | bytes, *, dry_run: bool = False) -> list[Outcome]:
    """Take a file in, and give what became of its lines."""
    files = CatalogueFiles(world.database, Commerce())
    return [outcome async for batch in files.take_in(opened(text), dry_run=dry_run) for _, outcome in batch]


async def given_out(world: World) -> str:
    """Give the whole catalogue as a file."""
    return "".join([part async for part in CatalogueFiles(world.database, Commerce()).give_out()])


def verdicts(outcomes: list[Outcome]) -> list[str]:
    """Give what became of each line."""
    return [str(outcome.verdict) for outcome in outcomes]


def reasons(outcomes: list[Outcome]) -> list[str | None]:
    """Give why lines were refused."""
    return [outcome.reason for outcome in outcomes if outcome.verdict is Verdict.REFUSED]


async def test_a_file_becomes_products_and_the_same_file_changes_nothing(world: World) -> None:
    """New the first time, unchanged the second, and not even a version is counted up."""
    assert verdicts(await taken_in(world, MUGS)) == ["new", "new"]
    mug = await world.catalogue.product("mug", archived=False)
    assert (mug.title, mug.description, len(mug.images), mug.version) == ("Mug", "For coffee", 2, 1)
    red, blue = mug.variants
    assert (red.title, red.price.amount, red.compare_at_price and red.compare_at_price.amount, red.attributes) == (
        "Red",
        1250,
        1500,
        {"colour": "red"},
    )
    assert (blue.sku, blue.title, blue.price.amount, blue.compare_at_price, blue.available) == ("mug-blue", "Mug", 900, None, 0)
    assert await world.finds("coffee mug-blue") == ["mug"]
    assert await world.finds(max_price=900) == ["mug"]
    assert await world.finds(max_price=899) == []
    assert verdicts(await taken_in(world, MUGS)) == ["unchanged", "unchanged"]
    assert (await world.catalogue.product("mug", archived=False)).version == 1


async def test_what_was_given_out_changes_nothing_when_it_is_taken_in(world: World) -> None:
    """Formulas, quotes, line breaks, apostrophes, categories, odd attributes: all of it comes back as it was."""
    await world.category("cups", title="Cups")
    texts = ["=1+1", "'=1", "''", "-5 %", "+", "@home", 'She said "hi";, ok', "two\nlines\r\nand three", "\ttab", " blank ", "ünï"]
    for number, text in enumerate(texts):
        attributes = {"=a": text, "n": 1, "yes": True, "f": 1.5}
        made = variant(f"sku-{number}", compare_at_price=None, attributes=attributes)
        await world.catalogue.create(NewProduct(text, [msgspec.structs.replace(made, title=text)], description=text), Once())
    await world.sells("kept", "gone", category="cups")
    await world.catalogue.archive_variant("gone", None)
    await world.sells("archived")
    await world.catalogue.archive("archived", None)
    out = await given_out(world)
    assert out.count("sku-") >= len(texts)
    assert "gone" not in out.replace("archived", "")
    lines = list(opened(out).lines())
    assert not [cell for line in lines for cell in line.cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    again = await taken_in(world, out)
    assert reasons(again) == []
    assert set(verdicts(again)) == {"unchanged"}
    assert await given_out(world) == out


async def test_a_dry_run_tells_the_differences_and_writes_nothing(world: World) -> None:
    """Line by line, with what the cells said and say."""
    await taken_in(world, MUGS)
    changed = MUGS.replace("12.50", "13").replace(",Mug,", ",Cup,") + "pot,Pot,,,,pot,,5,,\n" + "pot,Pot,,,,x y,,5,,\n"
    outcomes = await taken_in(world, changed, dry_run=True)
    assert verdicts(outcomes) == ["changed", "unchanged", "new", "refused"]
    assert [(each.field, each.old, each.new) for each in outcomes[0].differences] == [("title", "Mug", "Cup"), ("price", "12.50", "13.00")]
    assert [outcome.line for outcome in outcomes] == [2, 3, 4, 5]
    assert await world.finds() == ["mug"]
    assert (await world.catalogue.product("mug", archived=False)).title == "Mug"
    assert verdicts(await taken_in(world, changed)) == ["changed", "unchanged", "new", "refused"]
    assert sorted(await world.finds()) == ["mug", "pot"]


async def test_a_bad_line_harms_no_other(world: World) -> None:
    """Each is refused with the column and the reason; all the rest of the batch is done."""
    await world.sells("taken", title="Other")
    await world.sells("old", "older", title="Old")
    await world.catalogue.archive_variant("old", None)
    await world.sells("past", title="Past")
    await world.catalogue.archive("past", None)
    bad = {
        'a,A,,,,s1,,"19,99",,': "price: is not a price such as 19.99",
        "a,A,,,,s2,,1.999,,": "price: is not a price such as 19.99",
        "a,A,,,,s3,,-1,,": "price: is not a price such as 19.99",
        "a,A,,,,s4,,1e3,,": "price: is not a price such as 19.99",
        "a,A,,,,s5,,1000000,,": "price: expected int <= 99999999",
        "a,A,,,,s6,,,,": "price: is empty",
        "a,,,,,s7,,1,,": "title: is empty",
        "n,N,,none,,s8,,1,,": "category: there is no none",
        "a,A,,,ftp://x,s9,,1,,": "images[0]: has not the form that is expected",
        "a,A,,,,s 10,,1,,": "sku: has not the form that is expected",
        "A b,A,,,,s11,,1,,": "product: has not the form that is expected",
        'a,A,,,,s12,,1,,"{""a"": [1]}"': "attributes: are not a JSON object",
        "a,A,,,,s13,,1,,{": "attributes: are not a JSON object",
        "a,A,,,,taken,,1,,": "sku: belongs to the product other",
        "a,A,,,,older,,1,,": "sku: belongs to the product old",
        "old,Old,,,,old,,1,,": "sku: is archived",
        "past,Past,,,,s14,,1,,": "product: is archived",
        "a,A,,,,s15,,1": "has 8 cells and the heading 10",
        "0191d2b4-4c5e-7000-8000-000000000000,A,,,,s16,,1,,": "product: must not look like an id",
        "b,B again,,,,s17,,1,,": "product: says something else about b than line 2",
        "b,B,,,,good,,2,,": "sku: is in line 2 already",
    }
    lines = ["b,B,,,,good,,1,,", *bad, "c,C,,,,fine,,1,,"]
    outcomes = await taken_in(world, "\n".join([HEADING, *lines]))
    assert verdicts(outcomes) == ["new", *["refused"] * len(bad), "new"]
    for reason, expected in zip(reasons(outcomes), bad.values(), strict=True):
        assert reason is not None
        assert expected in reason, (reason, expected)
    assert {"b", "c"} <= set(await world.finds())
    assert "a" not in await world.finds()


async def test_a_line_may_leave_columns_out(world: World) -> None:
    """What has no column is left alone; what is new needs a title and a price."""
    await taken_in(world, MUGS)
    outcomes = await taken_in(world, "sku;product;price\nmug-red;mug;11\nnew;mug;4\nx;y;5\n")
    assert verdicts(outcomes) == ["changed", "new", "refused"]
    assert reasons(outcomes) == ["title: is missing, and the product is new"]
    mug = await world.catalogue.product("mug", archived=False)
    assert [(each.sku, each.price.amount) for each in mug.variants] == [("mug-red", 1100), ("mug-blue", 900), ("new", 400)]
    assert mug.description == "For coffee"
    assert reasons(await taken_in(world, "sku;product\nnewer;mug\n")) == ["price: is missing, and the SKU is new"]


async def test_every_column_may_change(world: World) -> None:
    """Old and new are shown as the cells say them; afterwards all is as the file says."""
    await world.category("cups", title="Cups")
    await taken_in(world, MUGS)
    line = 'mug,Cup,,cups,https://img.example/c.jpg,mug-red,,13,,"{""n"": 1}"'
    other = "mug,Cup,,cups,https://img.example/c.jpg,mug-blue,Blue,9,10,"
    red, blue = await taken_in(world, "\n".join([HEADING, line, other]))
    assert [(each.field, each.old, each.new) for each in red.differences] == [
        ("title", "Mug", "Cup"),
        ("description", "For coffee", ""),
        ("category", "", "cups"),
        ("images", "https://img.example/a.jpg https://img.example/b.jpg", "https://img.example/c.jpg"),
        ("variant", "Red", ""),
        ("price", "12.50", "13.00"),
        ("compare_at_price", "15.00", ""),
        ("attributes", '{"colour":"red"}', '{"n":1}'),
    ]
    assert [each.field for each in blue.differences] == ["variant", "compare_at_price"]
    mug = await world.catalogue.product("mug", archived=False)
    assert (mug.title, mug.description, mug.category, mug.images, mug.version) == ("Cup", None, "cups", ["https://img.example/c.jpg"], 2)
    first, second = mug.variants
    assert (first.title, first.price.amount, first.compare_at_price, first.attributes) == ("Cup", 1300, None, {"n": 1})
    assert (second.title, second.compare_at_price and second.compare_at_price.amount) == ("Blue", 1000)
    assert await world.finds(category="cups") == ["mug"]
    assert await world.finds("coffee") == []


async def test_imports_at_once_make_every_line_once(world: World) -> None:
    """Four of the same file: each line is new for one of them, and nobody fails."""
    text = "\n".join([HEADING, *(f"p{number // 2},P,,,,s{number},,1,," for number in range(600))])
    found = await asyncio.gather(*(taken_in(world, text) for _ in range(4)))
    assert Counter(outcome.sku for outcomes in found for outcome in outcomes if outcome.verdict is Verdict.NEW) == {f"s{n}": 1 for n in range(600)}
    assert {outcome.verdict for outcomes in found for outcome in outcomes} == {Verdict.NEW, Verdict.UNCHANGED}
    assert {(await world.catalogue.product(f"p{number}", archived=False)).version for number in range(0, 300, 50)} == {1}


async def test_no_product_grows_beyond_a_hundred_variants(world: World) -> None:
    """The 101st line is refused, however the lines are batched."""
    lines = [f"many,Many,,,,sku-{number},,1,," for number in range(101)]
    assert verdicts(await taken_in(world, "\n".join([HEADING, *lines]))) == ["new"] * 100 + ["refused"]
    assert reasons(await taken_in(world, "\n".join([HEADING, "many,Many,,,,more,,1,,"]))) == ["product: has 100 variants already"]


async def test_many_batches_are_as_good_as_one(world: World) -> None:
    """Lines of one product that are far apart; and a category that moves with its products."""
    await world.category("cups", title="Cups")
    lines = [f"p{number % 400},P,,cups,,s{number},,{number}.10,," for number in range(900)]
    assert verdicts(await taken_in(world, "\n".join([HEADING, *lines]))) == ["new"] * 900
    assert len(await world.finds("cups")) == 100
    product = await world.catalogue.product("p7", archived=False)
    assert [each.sku for each in product.variants] == ["s7", "s407", "s807"]
    assert product.category == "cups"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "line 1: is missing"),
        (HEADING.encode("utf-16"), "line 1: is UTF-16"),
        (f"{HEADING}\nmug,M\xfcg,,,,mug,,1,,\n".encode("latin-1"), "line 2: is not UTF-8"),
        (f'{HEADING}\nmug,"Mug,,,,mug,,1,,\nmug,Mug,,,,mug,,1,,\n'.encode(), "line 2: has a quotation mark that is not closed"),
        (f"{HEADING}\nmug,Mug\0,,,,mug,,1,,\n".encode(), "line 2: has a NUL character"),
        (f"{HEADING}\n{'x' * 200_000}".encode(), "line 2: is longer"),
        (b"title,price\n", "line 1: has no column product and sku"),
        (b"product,sku,prize\n", "line 1: has a column 'prize'"),
        (b"product,sku,sku\n", "line 1: has the column sku twice"),
    ],
)
def test_a_broken_file_is_refused_before_anything_is_done(text: bytes, says: str) -> None:
    """One clear line that names the line."""
    with pytest.raises(Invalid, match=says.replace("(", r"\(")):
        opened(text)


@pytest.mark.parametrize("text", ["\ufeff" + MUGS, MUGS.replace("\n", "\r\n"), "\n\n".join(MUGS.splitlines())])
async def test_what_spreadsheets_do_to_a_file_does_no_harm(world: World, text: str) -> None:
    """A mark at the beginning, other line ends, empty lines."""
    assert verdicts(await taken_in(world, text)) == ["new", "new"]


async def test_a_report_of_refused_lines_can_be_taken_in_again(world: World) -> None:
    """The line and the reason are read over."""
    corrected = written([*COLUMNS, "line", "reason"]) + written(["mug", "Mug", "", "", "", "mug", "", "5", "", "", "17", "price: is empty"])
    assert verdicts(await taken_in(world, corrected)) == ["new"]


async def test_what_staff_take_in_is_in_the_audit_log(world: World) -> None:
    """An entry for each product that changes, with what it and its variants were like before and after."""
    await taken_in(world, MUGS)
    with on_command_line():
        await taken_in(world, MUGS.replace("12.50", "13"))
        await taken_in(world, MUGS)
        await taken_in(world, MUGS)
    async with world.database.read() as store:
        entries: Any = await store.rows(sa.select(tables.audit_log).order_by(tables.audit_log.c.number))
    assert [entry.action for entry in entries] == ["product.import", "product.import"]
    assert [(entry.before["variants"][0]["price"], entry.after["variants"][0]["price"]) for entry in entries] == [(1250, 1300), (1300, 1250)]
    assert list(entries[0].after) == ["variants"]


@given(st.text(alphabet="'=+-@\t\ra", max_size=6))
def test_a_guarded_cell_is_no_formula_and_comes_back(text: str) -> None:
    """In both directions, for every text."""
    assert unguarded(guarded(text)) == text
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize(("currency", "amount", "text"), [("EUR", 5, "0.05"), ("EUR", 1999, "19.99"), ("JPY", 1999, "1999"), ("KWD", 1999, "1.999")])
def test_prices_are_exact_decimals_of_their_currency(currency: str, amount: int, text: str) -> None:
    """As many decimals as the currency has."""
    assert Prices(currency).written(amount) == text
    assert Prices(currency).read("price", text) == amount
