"""The keys that sign access tokens: checked when they are given, made on the first start when they are not."""

import os
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace

from shop.kit.secret import Secret
from shop.settings import Databases, Settings

FILE = "signing-key.pem"


def check(pem: str) -> None:
    """Refuse what is not a private key for ES256; the message never shows the key."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise ValueError("has a PEM block that is not an unencrypted private key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("has a key that is not of the curve P-256, which ES256 needs")


def data_folder(databases: Databases) -> Path:
    """Give the folder where users keeps its data: SQLite's, else var/."""
    url = databases.of("users")
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else Path("var")


def with_signing_keys(settings: Settings) -> Settings:
    """Give the settings with a key, where users is hosted and none is set: the one kept in the data folder, made now if there is none."""
    if settings.auth.signing_keys or "users" not in settings.runtime.modules:
        return settings
    pem = kept_key(data_folder(settings.databases))
    return replace(settings, auth=replace(settings.auth, signing_keys=(Secret(pem),)))


def kept_key(folder: Path) -> str:
    """Give the key in this folder; of several processes that start at once, one makes it and all get it."""
    path = folder / FILE
    if not path.exists():
        _make(folder, path)
    pem = path.read_text("ascii")
    try:
        check(pem)
    except ValueError as error:
        raise ValueError(f"{path} {error}; restore it, or remove it and everybody logs in again") from None
    return pem


def _make(folder: Path, path: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    handle, name = tempfile.mkstemp(dir=folder, prefix=".signing-key-")  # created with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)  # fails when somebody was faster, and is never seen half written
    except FileExistsError:
        return
    finally:
        os.unlink(name)
