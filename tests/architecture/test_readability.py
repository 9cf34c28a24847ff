"""What a reader should meet: short files, short functions, no escape hatches."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 300, 60
VAGUE = re.compile(r"(Manager|Helper|Util|Utils|Impl|DTO|Base)$")


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give every function of a file."""
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def complaints(text: str) -> list[str]:
    """Say what a reader would stumble over in a file of the product."""
    tree = ast.parse(text)
    found = [f"{text.count(chr(10))} lines"] if text.count("\n") > LONGEST_FILE else []
    found += [f"{node.name} is too long" for node in functions(tree) if (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION]
    found += [f"{node.name} is a vague name" for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and VAGUE.search(node.name)]
    found += ["TYPE_CHECKING"] if re.search(r"\bTYPE_CHECKING\b", text) else []
    return found + (["unfinished"] if re.search(r"NotImplementedError|TODO|FIXME|XXX", text) else [])


@pytest.mark.parametrize("file", PRODUCT, ids=lambda file: str(file.relative_to(ROOT / "src" / "shop")))
def test_a_file_is_readable(file: Path) -> None:
    """No file is above 300 lines, no function above 60, no name vague, nothing unfinished."""
    assert complaints(file.read_text()) == []


def test_the_rules_of_reading_can_be_broken() -> None:
    """Each rule finds what it is there for."""
    long_function = "def f() -> None:\n" + "    pass\n" * 61
    assert complaints("\n" * 301) == ["301 lines"]
    assert complaints(long_function) == ["f is too long"]
    assert complaints("class CartManager: ...") == ["CartManager is a vague name"]
    assert complaints("if TYPE_" + "CHECKING: ...") == ["TYPE_" + "CHECKING"]
    assert complaints("raise NotImplemented" + "Error") == ["unfinished"]


@pytest.mark.parametrize("file", TESTS, ids=lambda file: str(file.relative_to(ROOT / "tests")))
def test_tests_patch_none_of_our_own_code(file: Path) -> None:
    """Tests pass replacements in; they patch nothing."""
    forbidden = ("mock." + "patch", "Magic" + "Mock", "monkeypatch.setattr(" + "shop")
    assert not [word for word in forbidden if word in file.read_text()]
