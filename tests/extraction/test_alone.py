"""Products is taken out as docs/extracting.md says: copied alone, built, installed, started, registered, asked, tested."""

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from tests.process.running import Serving, soon
from tests.support.remote import SECRET
from tests.support.spring import FakeEureka, listening

ROOT = Path(__file__).parents[2]
STEPS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / "extracting.md").read_text(), re.MULTILINE | re.DOTALL)
LOOK = """
import sys, importlib.util, shop
print(shop.__file__)
print(*(name for name in ("cart", "sales", "users") if importlib.util.find_spec(f"shop.modules.{name}")))
print(*(entry for entry in sys.path))
"""


def run(command: str, folder: Path) -> str:
    """Run a step of the document in a folder, with the interpreter that runs this test, and give what it says."""
    found = shutil.which("bash")
    assert found
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    done = subprocess.run([found, "-e", "-c", command], cwd=folder, env={"PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that the document's steps made, with an environment that has the libraries and the wheel, and nothing of this checkout."""
    folder = tmp_path_factory.mktemp("extracted") / "products"
    copying, building, installing, _ = STEPS
    run(copying.replace("../products", str(folder)), ROOT)
    run(building, folder)
    run("python -m venv --without-pip env", folder)
    libraries = next((folder / "env" / "lib").glob("python*/site-packages")) / "libraries.pth"
    libraries.write_text(sysconfig.get_path("purelib"))
    run(installing.replace("python -m pip", "python -m pip --python env/bin/python"), folder)
    return folder


def test_nothing_of_the_rest_is_there(alone: Path) -> None:
    """Neither in the folder nor on the path of its interpreter."""
    file, others, path = run(f"env/bin/python -I -c '{LOOK}'", alone).splitlines()
    assert Path(file).is_relative_to(alone / "env")
    assert others == ""
    assert str(ROOT / "src") not in path.split()
    assert [found.name for found in (alone / "src/shop/modules").iterdir() if found.is_dir()] == ["products"]
    assert not list(alone.glob("src/shop/adapters/stripe*"))
    assert {found.name for found in (alone / "migrations").iterdir()} == {"env.py", "products"}


def test_it_registers_and_serves(alone: Path) -> None:
    """The installed wheel migrates its database, is found in the registry, answers, and describes its port."""
    eureka = FakeEureka("shop:pw")
    with listening(eureka) as url:
        registry = {"EUREKA_URL": url.replace("//", "//shop:pw@") + "/eureka", "EUREKA_HOSTNAME": "localhost", "INTERNAL_SECRET": SECRET.reveal()}
        with Serving(alone, python=str(alone / "env/bin/python"), MODULES="products", DRAIN_WAIT="0s", **registry) as serving:
            soon(lambda: eureka.statuses() == {f"localhost:products:{serving.port}": "UP"})
            assert serving.get("/api/v1/products") == (200, '{"items":[],"next_cursor":null}')
            assert serving.status("/internal/schema.json") == 401
            serving.process.terminate()
            assert serving.ends() == 0
    assert (alone / "var" / "products.db").exists()


def test_its_own_tests_pass(alone: Path) -> None:
    """As the document runs them: the public API, the stock, the migrations and the contract of the port."""
    *_, testing = STEPS
    said = run(testing.replace("python -m pytest", "env/bin/python -m pytest -p no:cacheprovider"), alone)
    assert int(re.findall(r"(\d+) passed", said)[0]) > 40, said
