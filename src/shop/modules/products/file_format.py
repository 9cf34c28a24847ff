"""The catalogue as a CSV file: its columns, how cells are written, and how a file is read line by line.

A line is a variant with its product. A column that is absent is left alone, an empty cell clears what may be empty.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import IO, Any

from msgspec import Struct

from shop.kit.problems import Invalid

COLUMNS = ("product", "title", "description", "category", "images", "sku", "variant", "price", "compare_at_price", "attributes")
NEEDED = ("product", "sku")
OF_REPORTS = ("line", "reason")  # what a report of refused lines has besides; read over when it is imported again
LONGEST_LINE = 131_072  # bytes; csv's own limit of a cell, too
FORMULA = re.compile(r"'*[=+\-@\t\r]")
GUARDED = re.compile(r"'+[=+\-@\t\r]")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class UnreadableFile(Invalid):
    """The file is no catalogue file, or is broken; nothing was changed."""

    code = Invalid.code
    title = Invalid.title


class Line(Struct, frozen=True):
    """A line of a file: the number of the physical line that it begins on, its cells, and by column what they say."""

    number: int
    cells: list[str]
    values: dict[str, str]


class Heading(Struct, frozen=True):
    """What the first line says: the columns in their order, and what parts them."""

    columns: list[str]
    delimiter: str


def guarded(cell: str) -> str:
    """Keep a spreadsheet from taking a text for a formula: an apostrophe goes before it."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """Read what `guarded` wrote."""
    return cell[1:] if GUARDED.match(cell) else cell


def written(cells: Sequence[str]) -> str:
    """Write one line."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue()


class CatalogueFile:
    """A file that was looked through: `total` is the number of its lines."""

    def __init__(self, file: IO[bytes]) -> None:
        """Look all of it through, so that a broken file changes nothing; raises UnreadableFile."""
        self._file = file
        self.heading = _heading(self._text())
        self.total = sum(1 for _ in self.lines())

    def lines(self) -> Iterator[Line]:
        """Give its lines, one at a time; empty ones are left out."""
        columns = self.heading.columns
        for number, cells in _records(self._text(), self.heading.delimiter):
            if number > 1 and any(cell.strip() for cell in cells):
                yield Line(number, cells, {name: unguarded(cell) for name, cell in zip(columns, cells, strict=False) if name not in OF_REPORTS})

    def _text(self) -> Iterator[str]:
        self._file.seek(0)
        if self._file.read(2) in UTF_16:
            raise UnreadableFile.field("line 1", "is UTF-16: save the file as CSV in UTF-8")
        self._file.seek(0)
        number = 0
        for number, line in enumerate(iter(lambda: self._file.readline(LONGEST_LINE + 1), b""), start=1):
            if len(line) > LONGEST_LINE:
                raise UnreadableFile.field(f"line {number}", f"is longer than {LONGEST_LINE} bytes")
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise UnreadableFile.field(f"line {number}", "is not UTF-8: save the file as CSV in UTF-8") from None
            if b"\0" in line:
                raise UnreadableFile.field(f"line {number}", "has a NUL character")
        if number == 0:
            raise UnreadableFile.field("line 1", "is missing: the file is empty")


def _records(text: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader: Any = csv.reader(text, delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        what = "has a quotation mark that is not closed" if begins < reader.line_num or "unexpected end" in str(error) else f"is not CSV ({error})"
        raise UnreadableFile.field(f"line {begins}", what) from error


def _heading(text: Iterator[str]) -> Heading:
    first = next(text)
    found = [Heading([name.strip().lower() for name in next(_records(iter([first]), delimiter), (1, []))[1]], delimiter) for delimiter in ",;"]
    heading = max(found, key=lambda heading: len(heading.columns))
    names = heading.columns
    if missing := [name for name in NEEDED if name not in names]:
        raise UnreadableFile.field("line 1", f"has no column {' and '.join(missing)}; there are {', '.join(COLUMNS)}, parted by commas or semicolons")
    for name in names:
        if name not in (*COLUMNS, *OF_REPORTS):
            raise UnreadableFile.field("line 1", f"has a column {name[:50]!r}; there are {', '.join(COLUMNS)}")
        if names.count(name) > 1:
            raise UnreadableFile.field("line 1", f"has the column {name} twice")
    return heading
