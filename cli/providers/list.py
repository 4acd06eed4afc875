"""`flask providers list`."""

from importlib.metadata import EntryPoint

import click

from cli.terminal import JSON_OPTION, as_table, print_json
from config.errors import ConfigurationError
from config.settings import Settings
from providers.registry import provider_entry_points


@click.command("list")
@JSON_OPTION
def list_providers(as_json: bool) -> None:
    """List the providers that are built in or installed.

    A provider that is IN USE is in AUTH_PROVIDER, in this place of the chain.
    """
    used = _names_in_use()
    points = provider_entry_points()
    rows = [
        {
            "name": name,
            "in_use": used.index(name) + 1 if name in used else None,
            "factory": points[name].value if name in points else name,
            "package": _package(points.get(name)),
        }
        for name in dict.fromkeys([*used, *sorted(points)])
    ]
    if as_json:
        print_json({"providers": rows})
        return
    cells = [[str(cell or "-") for cell in row.values()] for row in rows]
    click.echo(as_table(("NAME", "IN USE", "FACTORY", "PACKAGE"), cells))


def _names_in_use() -> list[str]:
    try:
        return [*Settings.of_process().providers.provider]
    except ConfigurationError:  # the command also works while the configuration is invalid
        return []


def _package(point: EntryPoint | None) -> str:
    if point is None:
        return "not an entry point"
    return f"{point.dist.name} {point.dist.version}" if point.dist else "built in"
