"""Logging: a line of text on a terminal, a JSON object otherwise; always on standard error, never with a secret or personal data."""

import logging
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from shop.kit.redaction import redacted

QUIET = ("httpx", "httpcore", "stripe", "aiosqlite", "sqlalchemy", "asyncio", "asyncpg", "mail.log", "_granian", "alembic", "litestar")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
COLOURS = {"DEBUG": "\x1b[2m", "INFO": "\x1b[32m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[31;1m"}
RESET = "\x1b[0m"
SAFE = "shop.access"  # its fields are route templates, names of methods and numbers
access = logging.getLogger(SAFE)
_surroundings: list[Callable[[], dict[str, str]]] = []


def tell_also(read: Callable[[], dict[str, str]]) -> None:
    """Add to every line from now on what `read` gives at that moment, such as the id of the request under way."""
    _surroundings.append(read)


def configure(form: str, level: str, stream: TextIO | None = None) -> None:
    """Send all logging to standard error; `form` is text, json or auto, `level` counts for the shop's own loggers."""
    target = stream or sys.stderr
    on_terminal = target.isatty()
    handler = logging.StreamHandler(target)
    as_text = form == "text" or (form == "auto" and on_terminal)
    handler.setFormatter(TextFormatter(colours=on_terminal) if as_text else JsonFormatter())
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.getLogger("shop").setLevel(level.upper())
    for name in QUIET:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.WARNING)
    logging.captureWarnings(True)


def line(logger: logging.Logger, level: int, message: str, **fields: object) -> None:
    """Write one line with fields of its own, such as `status=200`."""
    if logger.isEnabledFor(level):
        logger.log(level, message, extra={"fields": fields})


def facts(record: logging.LogRecord) -> dict[str, Any]:
    """Give what a record says, redacted, in the order in which it is read."""
    hide = str if record.name == SAFE else redacted
    found: dict[str, Any] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": hide(record.getMessage()),
    }
    for name, value in getattr(record, "fields", {}).items():
        found[name] = hide(value) if isinstance(value, str) else value
    for read in _surroundings:
        for name, value in read().items():
            found.setdefault(name, value)
    return found


def _trouble(record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[0] is not None:
        return redacted(logging.Formatter().formatException(record.exc_info))
    return redacted(record.stack_info) if record.stack_info else ""


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        found = facts(record)
        if trouble := _trouble(record):
            found["exception"] = trouble
        return msgspec.json.encode(found, enc_hook=str).decode()


class TextFormatter(logging.Formatter):
    """One line for people; a traceback follows on lines of its own."""

    def __init__(self, *, colours: bool) -> None:
        """Colour the level where the terminal can show it."""
        super().__init__()
        self._colours = COLOURS if colours else {}

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        found = facts(record)
        at, level, logger, message = (found.pop(name) for name in ("at", "level", "logger", "message"))
        colour = self._colours.get(record.levelname, "")
        level = f"{colour}{level:<7}{RESET if colour else ''}"
        fields = "" if logger == SAFE else "".join(f"  {name}={value}" for name, value in found.items())  # an access line's text has them all
        shown = CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", f"{message}{fields}")
        trouble = _trouble(record)
        return f"{at[11:23]} {level} {logger:<12} {shown}" + (f"\n{trouble}" if trouble else "")
