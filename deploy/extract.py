"""Copies one module with all that it stands on into a folder of its own: `python deploy/extract.py products ../products`; see docs/extracting.md."""

import shutil
import sys
from importlib import import_module
from pathlib import Path

from shop.ports.mail import Mail
from shop.ports.payments import Payments
from shop.settings import MODULES

ROOT = Path(__file__).parents[1]
PROJECT = ("pyproject.toml", "README.md", "requirements.txt", "requirements-build.txt", "requirements-dev.txt", "migrations/env.py")
OUTSIDE = {Payments: "stripe*.py", Mail: "smtp*.py"}


def extract(module: str, folder: Path) -> None:
    """Copy a module, its ports, the kit, the adapters that it needs, its migrations and its tests; raises FileExistsError."""
    folder.mkdir(parents=True)
    needs = import_module(f"shop.modules.{module}.module").MODULE.needs
    unneeded = [pattern for port, pattern in OUTSIDE.items() if port not in needs]
    _copy("src/shop/adapters", folder, *unneeded, *(["mime.py"] if Mail not in needs else []))
    _copy("src/shop", folder, "adapters", "modules")
    _copy(f"src/shop/modules/{module}", folder)
    _copy(f"migrations/{module}", folder)
    for tests in ("tests/support", f"tests/{module}"):
        _copy(tests, folder)
    fakes = [f"tests/fakes/{name}.py" for name in (module, *(port.__module__.rpartition(".")[2] for port in needs))]
    files = ("tests/conftest.py", *fakes, "tests/ports/adapters.py", f"tests/ports/test_{module}.py")
    for name in (*PROJECT, "src/shop/modules/__init__.py", *files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)


def _copy(name: str, folder: Path, *without: str) -> None:
    shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", *without), dirs_exist_ok=True)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in MODULES:
        sys.exit(f"usage: python deploy/extract.py {'|'.join(MODULES)} FOLDER")
    try:
        extract(sys.argv[1], Path(sys.argv[2]))
    except FileExistsError:
        sys.exit(f"{sys.argv[2]} exists already; name a folder that does not")
