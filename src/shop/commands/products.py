"""`shop products`."""

import asyncio
import csv
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import click

from shop.commands.terminal import Refused, answer, as_json, loaded, refusing, warned
from shop.settings import Settings

LONGEST_SHOWN = 60


@click.group()
def command() -> None:
    """Take the catalogue in from a file, and give it out."""


@command.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show what would change, line by line, and change nothing.")
@click.option("--refused", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="FILE",
              help="Where refused lines go, with the reason; otherwise beside the file.")  # fmt: skip
@as_json
def take_in(file: Path, dry_run: bool, refused: Path | None, as_json: bool) -> None:
    """Take products and variants in from a CSV file; docs/catalogue-files.md names its columns.

    What is there already is changed, and what is as the file says is left alone: an interrupted import is simply repeated.
    Exit code 1 if a line was refused; correct the report and import it.
    """
    settings = _settings()
    if refused is None and not dry_run:
        refused = file.with_suffix(".refused.csv")
    if refused is not None and refused.resolve() == file.resolve():
        raise click.BadParameter("is the file that is imported", param_hint="--refused")
    show = _show if dry_run and not as_json else None
    counts = _take_in(settings, file, dry_run, refused, show)
    if as_json:
        answer({"dry_run": dry_run, **counts, "report": str(refused) if counts["refused"] and refused else None})
    else:
        would = "would be " if dry_run else ""
        click.echo(f"{would}new {counts['new']}, {would}changed {counts['changed']}, unchanged {counts['unchanged']}, of {counts['lines']} lines")
    if counts["refused"]:
        what = "would be refused" if dry_run else "were refused"
        raise Refused(f"{counts['refused']} of {counts['lines']} lines {what}" + (f": see {refused}" if refused else ""))


@command.command(name="export")
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path), required=False)
def give_out(file: Path | None) -> None:
    """Write all that is sold to a CSV file, or to standard output; taking it in again changes nothing."""
    settings = _settings()
    if file is None:
        _give_out(settings, sys.stdout.buffer)
        return
    unfinished = file.with_name(file.name + ".part")
    with unfinished.open("wb") as out:
        _give_out(settings, out)
    unfinished.replace(file)


def _settings() -> Settings:
    settings = warned(loaded()).settings
    if "products" not in settings.runtime.modules:
        raise Refused("products is not hosted here: run this where it is (SHOP_MODULES)")
    return settings


def _take_in(settings: Settings, file: Path, dry_run: bool, refused: Path | None, show: Callable[[Any], None] | None) -> dict[str, int]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from shop.commands.hosting import EXPECTED, services
    from shop.kit.problems import Problem
    from shop.modules.products.file_format import CatalogueFile
    from shop.modules.products.file_plan import Verdict
    from shop.modules.products.files import CatalogueFiles

    counts = {"lines": 0, **{str(verdict): 0 for verdict in Verdict}}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())

    async def take_in(opened: Any, report: "Report", progress: Progress) -> None:
        task = progress.add_task("lines", total=opened.total)
        async with services(settings, ("products",)) as scope:
            files = await scope.get(CatalogueFiles, component="products")
            async for batch in files.take_in(opened, dry_run=dry_run):
                for line, outcome in batch:
                    counts["lines"] += 1
                    counts[str(outcome.verdict)] += 1
                    if outcome.verdict is Verdict.REFUSED:
                        report.note(line, outcome)
                    if show:
                        show(outcome)
                progress.advance(task, len(batch))

    with refusing(*EXPECTED, Problem), file.open("rb") as opened, ExitStack() as stack:
        progress = stack.enter_context(Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True))
        found = CatalogueFile(opened)
        asyncio.run(take_in(found, stack.enter_context(Report(refused, found.heading.columns)), progress))
    return counts


def _show(outcome: Any) -> None:
    """Say in a line what becomes of a line of the file."""
    differences = "; ".join(f"{each.field} {_short(each.old)} -> {_short(each.new)}" for each in outcome.differences)
    more = f": {outcome.reason or differences}" if outcome.reason or differences else ""
    click.echo(f"{outcome.line} {outcome.sku or '-'}: {outcome.verdict}{more}")


def _short(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[: LONGEST_SHOWN - 4]}...'"


class Report:
    """The lines that were refused, as they were, with their place and the reason; the file is made when the first one comes."""

    def __init__(self, path: Path | None, columns: list[str]) -> None:
        """`columns` are those of the file; without a path nothing is kept."""
        self._path, self._columns = path, columns
        self._file: IO[str] | None = None
        self._own = [place for place, name in enumerate(columns) if name not in ("line", "reason")]

    def __enter__(self) -> "Report":
        """Begin with nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()

    def note(self, line: Any, outcome: Any) -> None:
        """Keep a line."""
        if self._path is None:
            return
        if self._file is None:
            self._file = self._path.open("w", encoding="utf-8", newline="")
            csv.writer(self._file).writerow([*(self._columns[place] for place in self._own), "line", "reason"])
        cells = [line.cells[place] if place < len(line.cells) else "" for place in self._own]
        csv.writer(self._file).writerow([*cells, line.number, outcome.reason])


def _give_out(settings: Settings, out: IO[bytes]) -> None:
    from shop.commands.hosting import EXPECTED, services
    from shop.kit.problems import Problem
    from shop.modules.products.files import CatalogueFiles

    async def give_out() -> None:
        async with services(settings, ("products",)) as scope:
            files = await scope.get(CatalogueFiles, component="products")
            async for part in files.give_out():
                out.write(part.encode())

    with refusing(*EXPECTED, Problem, OSError):
        asyncio.run(give_out())
        out.flush()
