"""How settings are imported from a config server, at a start and while a process runs."""

import time
from collections.abc import Callable

from shop.configuration.loading import Imported
from shop.configuration.problems import Fault, InvalidSettings
from shop.kit.problems import Unavailable
from shop.kit.secret import Secret


def at_the_start(source: Secret, application: str, profile: str, sleep: Callable[[float], None] = time.sleep) -> Imported:
    """Ask up to six times; raises InvalidSettings, unless the import is optional: then that is a warning."""
    from shop.adapters import config_server  # httpx is loaded only where a server is set

    server = config_server.Source.parse(source.reveal())
    try:
        return Imported(config_server.insist(server, application, profile, sleep))
    except config_server.ConfigServerFailed as error:
        if server.optional:
            return Imported({}, (f"going on without a config server: {error}",))
        raise InvalidSettings([Fault("SHOP_CONFIG_IMPORT", str(error), "SHOP_CONFIG_IMPORT=optional:configserver:http://config:8888")]) from error


def while_running(source: Secret, application: str, profile: str) -> Imported:
    """Ask once; raises Unavailable."""
    from shop.adapters import config_server

    try:
        return Imported(config_server.fetch(config_server.Source.parse(source.reveal()), application, profile))
    except config_server.ConfigServerFailed as error:
        raise Unavailable(str(error)) from error
