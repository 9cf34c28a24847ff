"""Makes every public call while each of the other services is away, and writes down what was answered."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx
from msgspec import Struct
from tests.faults.four import Four
from tests.faults.rows import ROWS, Ask, Row
from tests.faults.scene import People, Scene, people, scene
from tests.support.faults import Mode

from shop.settings import MODULES

WAYS = (Mode.REFUSED, Mode.SILENT)
CALLS = {row.name: row for rows in ROWS.values() for row in rows}


class Answer(Struct, frozen=True):
    """What was answered, after so many seconds."""

    status: int
    body: Any
    retry_after: int | None
    seconds: float

    @property
    def says(self) -> str:
        """Put it shortly."""
        if self.status >= 400:
            return f"{self.status} `{self.body['code']}`"
        stated = [f"`{name}`" for name in ("stale",) if self.body and self.body.get(name)]
        stated += [f"`{self.body['status']}`"] if self.body and "status" in self.body else []
        return " ".join([str(self.status), *stated])


Answers = Mapping[str, Answer]


class Observed(Struct):
    """The answers by the name of the call: when all is well, and by who is away and how."""

    well: Answers
    away: dict[tuple[str, Mode], Answers]
    afterwards: list[int]


async def observe(four: Four) -> Observed:
    """Make all calls once while all is well, and once for each way in which each service may be away."""
    known = await people(four.shop)
    seen = Observed(await _round(four, await scene(four, known), []), {}, [])
    for mode in WAYS:
        for away in MODULES:
            await four.heals()
            await four.settles()
            seen.away[away, mode] = await _while_away(four, known, away, mode, seen.afterwards)
    return seen


async def _while_away(four: Four, known: People, away: str, mode: Mode, afterwards: list[int]) -> Answers:
    prepared = await scene(four, known)
    try:
        if mode is Mode.SILENT:
            four.processes[away].freeze()
        else:
            four.proxies[away].breaks(mode)
        answers = await _round(four, prepared, [away])
    finally:
        four.processes[away].thaw()
        await four.proxies[away].heals()
    for row in ROWS["sales"]:
        if row.call == "POST /api/v1/orders" and away != "sales" and answers[row.name].status == 503:
            afterwards.append(await _repeated(four, row.ask(prepared)))
    return answers


async def _round(four: Four, prepared: Scene, without: list[str]) -> Answers:
    calls = [(module, row) for module in MODULES if module not in without for row in ROWS[module]]
    answers = await asyncio.gather(*(_made(four, module, row, row.ask(prepared)) for module, row in calls))
    return {row.name: answer for (_, row), answer in zip(calls, answers, strict=True)}


async def _made(four: Four, module: str, row: Row, ask: Ask) -> Answer:
    method, _, path = row.call.partition(" ")
    started = time.perf_counter()
    answer = await four.call(module, method, path.format(**ask.place), json=ask.body, content=ask.raw, headers=ask.headers)
    seconds = time.perf_counter() - started
    return Answer(answer.status_code, _read(answer), int(answer.headers["Retry-After"]) if "Retry-After" in answer.headers else None, seconds)


def _read(answer: httpx.Response) -> Any:
    return answer.json() if "json" in answer.headers.get("Content-Type", "") else None


async def _repeated(four: Four, ask: Ask) -> int:
    """Send an order that was answered 503 again, as the answer says, until it is answered."""
    while True:
        answer = await four.call("sales", "POST", "/api/v1/orders", json=ask.body, headers=ask.headers)
        if answer.status_code != 503:
            return answer.status_code
        await asyncio.sleep(float(answer.headers["Retry-After"]))
