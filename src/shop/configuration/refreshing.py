"""Settings that change while a process runs."""

import asyncio
import logging
from collections.abc import Callable

from shop.configuration.keys import KEYS
from shop.configuration.loading import Loaded
from shop.configuration.problems import InvalidSettings
from shop.kit.problems import Conflict, Unavailable
from shop.settings import Settings

EVERY = 15.0  # seconds between two looks
log = logging.getLogger("shop.config")


class CannotRefresh(Conflict):
    """The settings cannot be used; those from before stay."""


class Refresher:
    """Reads all settings again; keys declared as refreshable take effect at once, the others with the next start."""

    def __init__(self, loaded: Loaded, reload: Callable[[], Loaded], apply: Callable[[Settings], None]) -> None:
        """`reload` may block and raises InvalidSettings, or Unavailable when a source does not answer; `apply` puts refreshable keys into effect."""
        self._values = loaded.values
        self._reload = reload
        self._apply = apply
        self._turn = asyncio.Lock()

    async def refresh(self) -> list[str]:
        """Give the names of the keys that changed; raises CannotRefresh, Unavailable."""
        async with self._turn:
            try:
                loaded = await asyncio.to_thread(self._reload)
            except InvalidSettings as error:
                raise CannotRefresh(str(error)) from error
            changed = [key for key in KEYS.values() if self._values.get(key.into) != loaded.values.get(key.into)]
            self._values = loaded.values
            if any(key.refreshable for key in changed):
                self._apply(loaded.settings)
            for key in changed:
                log.warning("%s changed and takes effect %s", key.name, "now" if key.refreshable else "with the next start")
            return [key.name for key in changed]

    async def follow(self) -> None:
        """Look again and again, until cancelled."""
        trouble = ""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.refresh()
                trouble = ""
            except (CannotRefresh, Unavailable) as error:
                if error.detail != trouble:
                    log.warning("settings stay as they are: %s", error.detail)
                trouble = error.detail
