"""How fast a catalogue file is taken in and given out, and how much memory that needs: `python benchmarks/catalogue.py [LINES] [DATABASE_URL]`.

Runs the commands as people do, over an SQLite folder of its own or a given, empty database.
Prints lines a second and the largest resident memory in MiB.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEADING = "product,title,description,sku,variant,price,compare_at_price,attributes"
VARIANTS = 4


def written(path: Path, lines: int, price: str) -> Path:
    """Write a file with four variants a product."""
    with path.open("w") as file:
        file.write(HEADING + "\n")
        for number in range(lines):
            product, variant = divmod(number, VARIANTS)
            said = f'product-{product},Product {product},"A thing, number {product}, for every day"'
            file.write(f'{said},sku-{number},Size {variant},{price},39.90,"{{""size"": {variant}, ""colour"": ""red""}}"\n')
    return path


def measured(name: str, lines: int, environment: dict[str, str], *words: str | Path) -> None:
    """Run a command, and print how long it took and what it needed."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "shop", *map(str, words)], env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 our own command
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}")
    seconds = time.perf_counter() - started
    cpu = used.ru_utime + used.ru_stime
    print(f"{name:<24} {lines / seconds:>8,.0f} lines/s {seconds:>7.1f} s ({cpu:.1f} s of a processor) {used.ru_maxrss / 1024:>6.0f} MiB", flush=True)


def main() -> None:
    """Take in a new catalogue, the same again, one with other prices; give it out; compare with a short one."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{folder}/"
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("SHOP_")}
        environment = inherited | {"SHOP_MODULES": "products", "SHOP_DATABASE_URL": url}
        subprocess.run([sys.executable, "-m", "shop", "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
        new, changed = written(folder / "new.csv", lines, "19.99"), written(folder / "changed.csv", lines, "20.99")
        print(f"{lines:,} lines, {new.stat().st_size / 2**20:.1f} MiB, {url.partition(':')[0]}")
        measured("one line", 1, environment, "products", "import", written(folder / "one.csv", 1, "19.99"))
        measured("dry run", lines, environment, "products", "import", "--dry-run", new)
        measured("new", lines, environment, "products", "import", new)
        measured("unchanged", lines, environment, "products", "import", new)
        measured("changed", lines, environment, "products", "import", changed)
        measured("export", lines, environment, "products", "export", folder / "out.csv")


if __name__ == "__main__":
    main()
