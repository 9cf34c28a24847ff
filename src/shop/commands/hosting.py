"""How a command gets at a module's services: the application is put together as for serving, but no request and no job ever runs."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from dishka import AsyncContainer

from shop.app import CannotAssemble, assemble
from shop.commands.terminal import Refused
from shop.kit.audit import on_command_line
from shop.migrating import CannotMigrate, states
from shop.settings import Settings

EXPECTED = (CannotAssemble, CannotMigrate)


@asynccontextmanager
async def services(settings: Settings, modules: tuple[str, ...], *replacements: tuple[Any, Any]) -> AsyncGenerator[AsyncContainer]:
    """Open a scope in which the services of these modules can be asked for; refuses tables that are not up to date."""
    pending = [state.module for state in await states(settings, modules) if not state.is_current]
    if pending:
        raise Refused(f"the database of {' and '.join(pending)} is not up to date: run shop migrate")
    app = await asyncio.to_thread(assemble, modules, settings, *replacements, run_jobs=False)
    container: AsyncContainer = app.state.dishka_container
    async with app.state.neighbours.open():
        try:
            async with container() as scope:
                with on_command_line():
                    yield scope
        finally:
            await container.close()
