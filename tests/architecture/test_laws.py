"""The laws of the architecture hold, and would be seen broken."""

import ast
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from shop.settings import MODULES

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "shop"

# The dependency law of docs/architecture.md: whose ports a module may call.
LAW = {
    "products": {"ImageStore"},
    "cart": {"Products"},
    "sales": {"Carts", "Customers", "Payments", "Mail"},
    "users": {"PurchaseHistory", "Mail"},
}
OFFERS = {"products": {"Products"}, "cart": {"Carts"}, "sales": {"PurchaseHistory"}, "users": {"Customers"}}

PLANTED = {
    "a module imports another one": ("modules/cart/domain.py", "import shop.modules.products.domain", "modules never import each other"),
    "a port imports another one": ("ports/cart.py", "import shop.ports.products", "ports never import each other"),
    "a module imports an adapter": ("modules/sales/service.py", "import shop.adapters.in_process", "app > demo | adapters | modules"),
    "the kit imports a port": ("kit/money.py", "import shop.ports.cart", "app > demo | adapters | modules"),
    "a domain does I/O": ("modules/cart/domain.py", "import shop.modules.cart.store", "inside a module"),
    "a service knows HTTP": ("modules/products/service.py", "import shop.modules.products.routes", "inside a module"),
}


def names(ports: tuple[Any, ...]) -> set[str]:
    """Name the ports of a manifest."""
    return {port.__name__ for port in ports}


@pytest.mark.parametrize("module", MODULES)
def test_the_manifest_says_what_the_dependency_law_says(module: str) -> None:
    """MODULE.needs and MODULE.offers are the law, word by word."""
    manifest = import_module(f"shop.modules.{module}.module").MODULE
    assert manifest.name == module
    assert names(manifest.needs) == LAW[module]
    assert names(manifest.offers) == OFFERS[module]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_no_other_ports_than_its_manifest_names(module: str) -> None:
    """Whoever reads `needs` knows every neighbour."""
    manifest = import_module(f"shop.modules.{module}.module").MODULE
    allowed = {port.__module__ for port in (*manifest.needs, *manifest.offers)}
    imported = {name for file in (SOURCE / "modules" / module).rglob("*.py") for name in _imports(file) if name.startswith("shop.ports.")}
    assert imported <= allowed


def _imports(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(folder / "src")}, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Give a copy of the source that a test may spoil."""
    shutil.copytree(SOURCE, tmp_path / "src" / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_import_laws_hold(copy: Path) -> None:
    """Every contract of pyproject.toml is kept."""
    done = _lint(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("file", "line", "contract"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_violation_is_found(copy: Path, file: str, line: str, contract: str) -> None:
    """A law that cannot be seen broken is none."""
    victim = copy / "src" / "shop" / file
    victim.write_text(victim.read_text() + f"\n{line}\n")
    done = _lint(copy)
    broken = [row for row in done.stdout.splitlines() if row.rstrip().endswith("BROKEN")]
    assert done.returncode == 1, done.stdout
    assert any(contract in row for row in broken), done.stdout


ALONE = """
import asyncio, sys, httpx
from shop.app import assemble
from shop.kit import migrations
from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.settings import Databases, Runtime, Settings

async def main(url):
    database = Database(url, "products", Store, Clock())
    await migrations.upgrade(database)
    await database.dispose()
    app = assemble(["products"], Settings(runtime=Runtime(modules=("products",)), databases=Databases(url=url)))
    async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        answer = await client.get("/api/v1/products")
        assert answer.status_code == 200 and answer.json()["items"] == [], answer.text
    strangers = ("shop.modules.cart", "shop.modules.sales", "shop.modules.users", "stripe", "aiosmtplib")
    others = [name for name in sys.modules if name.startswith(strangers)]
    assert not others, others

asyncio.run(main(sys.argv[1]))
"""


def test_products_starts_with_the_other_three_folders_deleted(copy: Path, tmp_path: Path) -> None:
    """A process that hosts products needs no line of the other modules."""
    for module in set(MODULES) - {"products"}:
        shutil.rmtree(copy / "src" / "shop" / "modules" / module)
    shutil.copytree(ROOT / "migrations", copy / "migrations")
    environment = os.environ | {"PYTHONPATH": str(copy / "src")}
    command = [sys.executable, "-W", "error", "-c", ALONE, f"sqlite:///{tmp_path}/var/"]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
