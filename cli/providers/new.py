"""`flask providers new`: the package of a provider, with its tests."""

import re
import sys
from importlib.resources import files
from pathlib import Path

import click

from cli.terminal import CommandError
from providers.registry import provider_entry_points

_TEMPLATE = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "provider.py": "src/acme_provider/__init__.py",
    "tests.py": "tests/test_acme_provider.py",
}
"""The path of each file of the template in the package of a provider that is named acme."""


@click.command()
@click.argument("name")
@click.option("--directory", type=click.Path(path_type=Path), help="The new folder. Default: NAME-provider.")
def new(name: str, directory: Path | None) -> None:
    """Create the package of a provider, with settings, time limits and tests that pass.

    NAME is that of the provider in AUTH_PROVIDER: small letters, digits and hyphens.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise CommandError("the name must have only small letters, digits and hyphens, such as acme or acme-staff")
    if name in provider_entry_points():
        raise CommandError(f"the provider {name} exists. Choose another name. See: flask providers list")
    folder = directory or Path(f"{name}-provider")
    if folder.exists():
        raise CommandError(f"{folder} exists. Choose another folder with --directory")
    for path, text in package_of(name).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    click.echo(f"Created {folder}. Install it into this environment, and run its tests:\n")
    click.echo(f"  {sys.executable} -m pip install -e {folder} pytest")
    click.echo(f"  {sys.executable} -m pytest {folder}")


def package_of(name: str) -> dict[str, str]:
    """Return the text of each file of the package, by its path."""
    template = files("cli.providers").joinpath("template")
    return {
        _renamed(path, name): _renamed(template.joinpath(f"{source}.txt").read_text("utf-8"), name)
        for source, path in _TEMPLATE.items()
    }


def _renamed(text: str, name: str) -> str:
    module = name.replace("-", "_")
    words = {
        "acme-provider": f"{name}-provider",
        "acme_provider": f"{module}_provider",
        "open_acme": f"open_{module}",
        "Acme": "".join(map(str.capitalize, name.split("-"))),
        "ACME": module.upper(),
        "acme": name,
    }
    return re.sub("|".join(words), lambda found: words[found[0]], text)
