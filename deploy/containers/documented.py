"""Commands as docs/containers.md tells people to type them."""

import re

from deploy.containers.engine import ROOT, run

BLOCK = re.compile(r"^```(?:bash)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def backups() -> list[str]:
    """Give the commands of "Back up": back up and restore `one`, then `four`; keep the volumes of `four`, and set it up anew."""
    section = (ROOT / "docs/containers.md").read_text().partition("## Back up\n")[2].partition("\n## ")[0]
    return BLOCK.findall(section)


def typed(folder: str, commands: str) -> None:
    """Type commands into a shell in this folder; raises EngineFailed at the first that fails."""
    run("bash", "-euo", "pipefail", "-c", f"cd '{folder}'\n{commands}")
