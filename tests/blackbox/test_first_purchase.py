"""README: the first purchase, run as it is written."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.blackbox.outside import Demo

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def script() -> str:
    """The block under the heading."""
    found = re.search(r"## The first purchase\n.*?```bash\n(.*?)```", README.read_text(), re.DOTALL)
    assert found
    return found[1]


def test_the_first_purchase_ends_confirmed(demo: Demo, script: str, tmp_path: Path) -> None:
    """Pasted into a terminal it pays and confirms, and the mail comes."""
    before = len(demo.mailbox.get("/messages.json", params={"to": "you@example.com"}).json()["items"])
    ports = {"SHOP_PORT": str(demo.port), "TWIN_PORT": str(demo.port + 1)}
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=os.environ | ports, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["succeeded", "confirmed"]
    assert len(demo.mails("you@example.com")) > before
