"""`shop serve`."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Mapping

import click

from shop.commands.terminal import loaded, refusing
from shop.configuration import Loaded, load
from shop.configuration.loading import SERVING
from shop.configuration.refreshing import Refresher
from shop.importing import while_running
from shop.kit import logs
from shop.settings import Settings

log = logging.getLogger("shop.process")


@click.command()
@click.option("--modules", metavar="LIST", help="Modules to host, comma separated [SHOP_MODULES].")
@click.option("--host", metavar="HOST", help="Address to listen on [SHOP_HOST].")
@click.option("--port", metavar="PORT", help="Port to listen on [SHOP_PORT].")
@click.option("--workers", metavar="N", help="Processes that answer requests [SHOP_WORKERS].")
@click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error [SHOP_LOG_LEVEL].")
@click.option("--log-format", metavar="FORMAT", help="text or json [SHOP_LOG_FORMAT].")
@click.option("--no-migrate", is_flag=True, help="Do not bring the databases up to date first.")
@click.option("--until-closed", type=int, hidden=True, help="End when this inherited pipe closes, because whoever started this is gone.")
def command(no_migrate: bool, log_level: str | None, log_format: str | None, until_closed: int | None, **flags: str | None) -> None:
    """Serve the hosted modules until SIGTERM or Ctrl-C.

    The databases are brought up to date first. At the end readiness turns 503, the door closes, and requests under way are answered.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    given = {**flags, "log.level": log_level, "log.format": log_format}
    found = loaded(given, required=SERVING)
    logs.configure(found.settings.log.format, found.settings.log.level)
    for warning in found.warnings:
        log.warning("%s", warning)
    _serve(found.settings, until_closed, _refresher(found, given), migrates=not no_migrate)


def _refresher(found: Loaded, given: Mapping[str, object]) -> Refresher | None:
    """Give what reads the settings again, where they come from a config server."""
    if found.settings.config.source is None:
        return None

    def reload() -> Loaded:
        return load(given, required=SERVING, fetch=while_running)

    return Refresher(found, reload, lambda settings: logs.configure(settings.log.format, settings.log.level))


def _serve(settings: Settings, until_closed: int | None, refresher: Refresher | None, *, migrates: bool) -> None:
    from shop.backup.occupancy import Occupied, share
    from shop.listening import CannotListen, listen

    with refusing(CannotListen):
        opened = listen(settings.runtime.host, settings.runtime.port)
    with refusing(Occupied):
        share(settings)
    settings = _with_keys(settings)
    if migrates:
        _migrate(settings)
    _work(settings, opened, until_closed, refresher)


def _with_keys(settings: Settings) -> Settings:
    from shop.configuration.signing import data_folder, with_signing_keys

    with refusing(ValueError, OSError):
        made = with_signing_keys(settings)
    if made is not settings and not settings.databases.of("users").startswith("sqlite"):
        log.warning(
            "tokens are signed with the key in %s: set SHOP_AUTH_SIGNING_KEY before a second process serves users", data_folder(settings.databases)
        )
    return made


def _migrate(settings: Settings) -> None:
    from shop.migrating import CannotMigrate, migrate

    with refusing(CannotMigrate):
        for state in asyncio.run(migrate(settings, settings.runtime.modules)):
            log.info("%s is at revision %s now", state.module, state.newest)


def _work(settings: Settings, opened: socket.socket, until_closed: int | None, refresher: Refresher | None) -> None:
    from shop.app import CannotAssemble
    from shop.process import work
    from shop.supervisor import WorkerFailed, supervise

    with refusing(CannotAssemble, WorkerFailed):
        if settings.runtime.workers == 1:
            work(settings, opened, parent=until_closed, refresher=refresher)
        else:
            supervise(settings, opened, refresher)
