"""The first thing that runs: checks what the shop is set to, and writes each service's secrets into a folder that only this service sees.

What nobody outside must know (passwords between the services, the key that signs tokens) is made on the first start and kept; Stripe's and the
mail server's come from the environment. Every run writes the folders anew, so that a changed one arrives; nothing is printed but what is wrong.
"""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from shop.configuration import InvalidSettings, load
from shop.configuration.loading import SERVING
from shop.configuration.signing import kept_key
from shop.settings import MODULES

HINT = """\
Write what is missing into a file named .env beside docker-compose.yml (docs/containers.md), or try the shop with a stand-in for Stripe and a mailbox:
    docker compose -f docker-compose.yml -f docker-compose.test.yml --profile one up"""
OUTSIDE = {
    "stripe_secret_key": "SHOP_STRIPE_SECRET_KEY",
    "stripe_webhook_secret": "SHOP_STRIPE_WEBHOOK_SECRET",
    "smtp_password": "SHOP_SMTP_PASSWORD",
    "images_secret_key": "SHOP_IMAGES_SECRET_KEY",
}
READERS = {"sales": ("stripe_secret_key", "stripe_webhook_secret", "smtp_password"), "users": ("smtp_password",), "products": ("images_secret_key",)}
READABLE = 0o444  # services run as other users; each sees its own folder only


def provision(folder: Path, environ: Mapping[str, str]) -> None:
    """Write all folders below this one; raises InvalidSettings when the shop could not start like this."""
    load(environ=environ, folder=folder, required=SERVING)
    given = {name: environ[variable] for name, variable in OUTSIDE.items() if environ.get(variable)}
    for service, files in _secrets(folder / "kept", given).items():
        _write(folder / service, files)


def _secrets(kept: Path, given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Give the secrets of every service, by file."""
    passwords = {name: _kept(kept, name) for name in ("postgres", *MODULES, "eureka", "config", "internal")}
    registry = f"http://eureka:{passwords['eureka']}@eureka:8761/eureka/"
    shared = {
        "internal_secret": passwords["internal"],
        "eureka_url": registry,
        "config_import": f"configserver:http://config:{passwords['config']}@config:8888",
    }
    modules = {
        module: {name: given[name] for name in READERS.get(module, ()) if name in given}
        | shared
        | {"database_url": f"postgresql://{module}:{passwords[module]}@postgres/{module}"}
        for module in MODULES
    }
    modules["users"]["auth_signing_key"] = kept_key(kept)
    return {
        **modules,
        "shop": dict(given),
        "postgres": {f"{name}_password": passwords[name] for name in ("postgres", *MODULES)},
        "eureka": {"eureka_password": passwords["eureka"]},
        "config": {"config_password": passwords["config"]},
        "gateway": {"eureka_url": registry},
    }


def _kept(folder: Path, name: str) -> str:
    """Give the password of this name, made now if there is none."""
    path = folder / name
    if not path.exists():
        _replace(path, secrets.token_hex(32), 0o400)
    return path.read_text()


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        _replace(folder / name, text, READABLE)
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()


def _replace(path: Path, text: str, mode: int) -> None:
    """Write a file, all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    beside.write_text(text)
    beside.chmod(mode)
    beside.replace(path)


if __name__ == "__main__":
    try:
        provision(Path("/secrets"), os.environ)
    except InvalidSettings as error:
        sys.exit(f"{error}\n{HINT}")
