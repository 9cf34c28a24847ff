"""Builds the image of one module, looks for the code of others in it, and lets it serve."""

import json
import os
import time

from deploy.containers.engine import inspected, run, within

IMAGE = "shop-products"
ASK = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/api/v1/products').read().decode())"
LIST = """
import importlib.util, json, pathlib, shop
package = pathlib.Path(shop.__file__).parent
folders = lambda path: sorted(entry.name for entry in path.iterdir() if entry.is_dir() and entry.name != "__pycache__")
print(json.dumps([folders(package / "modules"), folders(package / "migrations"), importlib.util.find_spec("pip") is None]))
"""
TOOLS = "for tool in gcc cc make cargo git curl; do if command -v $tool; then exit 1; fi; done; ! ls -d /root/.cache /source /wheel 2>/dev/null"


def serves_alone() -> None:
    """Only products is in the image of products: no other module's code or migrations, no build tools; it starts and answers."""
    build = ("docker", "build", "--quiet", "--network", "host", "--build-arg", "MODULES=products", "--tag", IMAGE, ".")
    run(*build, environ=os.environ | {"DOCKER_BUILDKIT": "1"})
    hardened = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--tmpfs", "/tmp", "--tmpfs", "/data:uid=10001")  # noqa: S108
    container = run("docker", "run", "--detach", "--network", "none", *hardened, IMAGE).strip()
    try:
        modules, migrations, has_no_pip = json.loads(within(container, "python", "-c", LIST))
        assert modules == migrations == ["products"], f"the image of products has {modules} and the migrations of {migrations}"
        assert has_no_pip, "pip was left in the image"
        within(container, "sh", "-c", TOOLS)
        _is_healthy(container)
        answer = json.loads(within(container, "python", "-c", ASK))
        assert answer["items"] == [], answer
    finally:
        run("docker", "rm", "--force", "--volumes", container)
    print("   the image of products alone: no other module in it, starts and answers")


def _is_healthy(container: str) -> None:
    limit = time.monotonic() + 60
    while (status := inspected(container)["State"]["Health"]["Status"]) != "healthy":
        assert time.monotonic() < limit, f"the image of products is {status}: {run('docker', 'logs', container, heard=True)[-2000:]}"
        time.sleep(0.5)
