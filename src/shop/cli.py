"""The `shop` command. Each command is a file in `shop.commands`, loaded when it is asked for, so that none pays for another."""

import importlib

import click

import shop

COMMANDS = (
    "demo",
    "serve",
    "migrate",
    "admin",
    "products",
    "coupons",
    "promotions",
    "payments",
    "backup",
    "restore",
    "ports",
    "openapi",
    "topology",
    "doctor",
)


class Commands(click.Group):
    """Finds a command in the file of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"shop.commands.{cmd_name}").command
        return found


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(shop.__version__, prog_name="shop", message="%(prog)s %(version)s")
def cli() -> None:
    """An e-commerce backend: products, cart, sales and users, in one process or in several.

    Settings come from the command line, SHOP_* in the environment and shop.toml; docs/settings.md names them all.
    """


def main() -> None:
    """Run the command line; exit code 0 done, 1 refused or failed, 2 wrong usage."""
    cli(prog_name="shop")
