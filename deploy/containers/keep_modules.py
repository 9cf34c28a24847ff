"""Leaves only the modules that are named in an installed shop: `keep_modules.py products,cart`."""

import compileall
import shutil
import sys
from pathlib import Path

import shop
from shop.settings import MODULES

kept = set(sys.argv[1].split(","))
if not kept <= set(MODULES):
    sys.exit(f"MODULES names {', '.join(sorted(kept - set(MODULES)))}; there are {', '.join(MODULES)}")
package = Path(shop.__file__).parent
for module in set(MODULES) - kept:
    shutil.rmtree(package / "modules" / module)
    shutil.rmtree(package / "migrations" / module)
if not compileall.compile_dir(package, quiet=1):
    sys.exit("the shop does not compile")
