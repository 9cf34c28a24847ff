"""Examines a shop before or while it serves, and says what to do about what is wrong."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from shop.configuration import InvalidSettings, load
from shop.configuration.loading import SERVING
from shop.configuration.signing import FILE, check, data_folder
from shop.importing import at_the_start
from shop.kit.problems import Problem
from shop.migrating import CannotMigrate, State, states
from shop.settings import Settings

PATIENCE = 20.0
TOLERANCE = 60.0  # seconds; Stripe refuses signatures that are five minutes off
NOT_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)


class Verdict(StrEnum):
    """How an examination ended."""

    OK = "ok"
    ODD = "odd"
    WRONG = "wrong"


class Finding(Struct, frozen=True):
    """What was found out about one subject, and what to do about it."""

    subject: str
    verdict: Verdict
    what: str
    advice: str = ""


async def examine() -> list[Finding]:
    """Examine everything that the settings of this process name."""
    wrong: list[Finding] = []
    try:
        found = load(required=SERVING, fetch=at_the_start)
    except InvalidSettings as error:
        wrong = [Finding("settings", Verdict.WRONG, f"{fault.key}: {fault.what}", f"for example {fault.example}") for fault in error.faults]
        try:
            found = load(fetch=at_the_start)  # what is there can be examined all the same
        except InvalidSettings:
            return [*_odd(error.warnings), *wrong]
    settings = found.settings
    complete = Finding("settings", Verdict.OK, f"complete for {', '.join(settings.runtime.modules)} ({settings.runtime.env})")
    examinations = (databases(settings), keys(settings), clock(settings), payments(settings), mail(settings), images(settings))
    results = await asyncio.gather(*(_in_time(examination) for examination in examinations))
    return [*_odd(found.warnings), *(wrong or [complete]), *(finding for findings in results for finding in findings)]


def _odd(warnings: Sequence[str]) -> list[Finding]:
    return [Finding("settings", Verdict.ODD, warning) for warning in warnings]


async def _in_time(examination: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await examination
    except TimeoutError:
        return [
            Finding("doctor", Verdict.WRONG, f"an examination took longer than {PATIENCE:g} s", "look for a server that accepts but never answers")
        ]


async def databases(settings: Settings) -> list[Finding]:
    """Open each module's database and compare its tables with the history."""
    return [await _database(settings, module) for module in settings.runtime.modules]


async def _database(settings: Settings, module: str) -> Finding:
    try:
        (state,) = await states(settings, (module,))
    except CannotMigrate as error:
        return Finding("database", Verdict.WRONG, str(error), "is it running, and are name, user and password right?")
    if not state.is_current:
        return Finding("migrations", Verdict.WRONG, _behind(state), "run shop migrate; shop serve does it at its start")
    return Finding("database", Verdict.OK, f"{module} answers and is at {state.newest}")


def _behind(state: State) -> str:
    return f"{state.module} has no tables yet" if state.applied is None else f"{state.module} is at {state.applied}, not at {state.newest}"


async def keys(settings: Settings) -> list[Finding]:
    """Look for the key that signs access tokens."""
    if "users" not in settings.runtime.modules:
        return []
    if settings.auth.signing_keys:
        return [Finding("tokens", Verdict.OK, f"{len(settings.auth.signing_keys)} signing keys are set, the first one signs")]
    path = data_folder(settings.databases) / FILE
    if not path.exists():
        return [Finding("tokens", Verdict.OK, f"the first start will make a signing key in {path}")]
    try:
        check(path.read_text("ascii"))
    except (OSError, ValueError) as error:
        return [Finding("tokens", Verdict.WRONG, f"{path} {error}", "restore it; without it everybody has to log in again")]
    if path.stat().st_mode & 0o077:
        return [Finding("tokens", Verdict.WRONG, f"others may read {path}", f"chmod 600 {path}")]
    return [Finding("tokens", Verdict.OK, f"signed with the key in {path}")]


async def clock(settings: Settings) -> list[Finding]:
    """Compare this machine's clock with Stripe's, or at least with the calendar."""
    off = await _off(settings.stripe.api_base) if settings.stripe and "sales" in settings.runtime.modules else None
    advice = "let NTP set the clock: signatures and tokens depend on it"
    if datetime.now(UTC) < NOT_BEFORE:
        return [Finding("clock", Verdict.WRONG, f"it says {datetime.now(UTC):%Y-%m-%d}, which is long past", advice)]
    if off is None:
        return [Finding("clock", Verdict.OK, "plausible; there was nothing to compare it with")]
    if abs(off) > TOLERANCE:
        return [Finding("clock", Verdict.WRONG, f"{abs(off):.0f} s {'behind' if off > 0 else 'ahead of'} Stripe's", advice)]
    return [Finding("clock", Verdict.OK, "agrees with Stripe's")]


async def _off(address: str) -> float | None:
    import httpx  # only the doctor asks like this

    try:
        async with httpx.AsyncClient(timeout=5) as client:
            answer = await client.head(address)
        return parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()
    except (httpx.HTTPError, KeyError, ValueError):
        return None


async def payments(settings: Settings) -> list[Finding]:
    """Ask Stripe whether the key is valid."""
    if settings.stripe is None or "sales" not in settings.runtime.modules:
        return []
    from shop.adapters import stripe

    return await _asked("payments", f"Stripe at {settings.stripe.api_base} accepts the key", stripe.adapter, settings.stripe)


async def mail(settings: Settings) -> list[Finding]:
    """Connect to the mail server, log in and show it the sender."""
    if settings.smtp is None or not {"sales", "users"} & set(settings.runtime.modules):
        return []
    from shop.adapters import smtp

    where = f"{settings.smtp.host}:{settings.smtp.port} accepts mail from {settings.smtp.sender}"
    return await _asked("mail", where, smtp.adapter, settings.smtp)


async def images(settings: Settings) -> list[Finding]:
    """Try whether pictures of products can be kept and read where the settings say."""
    if "products" not in settings.runtime.modules:
        return []
    store = settings.images.store
    if store.startswith("s3://"):
        from shop.adapters import image_bucket

        advice = f"see SHOP_IMAGES_*: is there {store} in that region, and may the key read and write objects below it?"
        wrong = await image_bucket.adapter(settings.images).check()
    else:
        from shop.adapters import image_folder

        advice = "let the user of this process write there, or set SHOP_IMAGES_STORE to another place"
        wrong = await image_folder.adapter(settings.images).check()
    return [Finding("images", Verdict.WRONG, what, advice) for what in wrong] or [Finding("images", Verdict.OK, f"{store} takes pictures")]


async def _asked(subject: str, fine: str, adapter: Callable[[Any], Any], settings: Any) -> list[Finding]:
    opened = adapter(settings)
    try:
        wrong = await opened.check()
    except Problem as problem:
        wrong = [problem.detail]
    finally:
        await opened.aclose()
    keys = "SHOP_STRIPE_*" if subject == "payments" else "SHOP_SMTP_*"
    return [Finding(subject, Verdict.WRONG, what, f"see {keys}") for what in wrong] or [Finding(subject, Verdict.OK, fine)]
