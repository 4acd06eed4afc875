"""The floors: who may import whom, and where a library may appear."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

FLOORS = [{"config"}, {"database"}, {"passwords"}, {"providers"}, {"services"}, {"api", "cli"}, {"app"}]
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}

PLACES = {
    "jwt": ["services/tokens/issuer.py", "services/keys/pem.py"],
    "cryptography": ["services/keys/pem.py"],
    "ldap3": ["providers/ldap/*"],
    "sqlalchemy": ["database/*"],
    "alembic": ["database/*"],
    "passlib": ["passwords/hashing.py", "passwords/schemes.py", "passwords/foreign.py"],
    "bcrypt": ["passwords/foreign.py"],
    "flask": ["app.py", "api/*", "cli/*", "services/auth_guard.py", "services/context.py"],
    "os.environ": ["config/environment.py"],
    "os.getenv": ["config/environment.py"],
}


def imports(source: str) -> Iterator[str]:
    """Yield the modules that the source imports, and what it takes from `os`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            yield f"os.{node.attr}"


def faults(path: str, source: str) -> list[str]:
    """Return what the file imports and may not."""
    floor = path.removesuffix(".py").split("/")[0]
    found = []
    for name in imports(source):
        target = name.split(".")[0]
        upward = target in LEVEL and target != floor and LEVEL[target] >= LEVEL[floor]
        rule = next((rule for rule in PLACES if f"{name}.".startswith(f"{rule}.")), None)
        misplaced = rule and not any(fnmatch(path, place) for place in PLACES[rule])
        if upward or misplaced:
            found.append(f"{path} imports {name}")
    return found


def test_every_file_keeps_to_its_floor() -> None:
    paths = [
        path.relative_to(ROOT) for name in LEVEL for path in [*ROOT.glob(f"{name}.py"), *ROOT.glob(f"{name}/**/*.py")]
    ]
    assert len(paths) > 30
    assert [fault for path in paths for fault in faults(str(path), (ROOT / path).read_text())] == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("config/x.py", "import database.user_table"),
        ("database/x.py", "from providers.interface import User"),
        ("providers/x.py", "from services import claims"),
        ("services/x.py", "def f():\n    from api import errors"),
        ("api/x.py", "from cli.terminal import table"),
        ("cli/x.py", "import app"),
        ("cli/x.py", "import sqlalchemy"),
        ("app.py", "from ldap3.core import results"),
        ("api/x.py", "import jwt"),
        ("services/x.py", "from flask import g"),
        ("services/x.py", "from passlib.hash import argon2"),
        ("services/x.py", "import os\nos.environ['X']"),
        ("database/x.py", "from os import environ"),
        ("cli/x.py", "import os\nos.getenv('X')"),
    ],
)
def test_a_fault_is_seen(path: str, source: str) -> None:
    assert len(faults(path, source)) == 1


def test_neighbours_below_are_fine() -> None:
    assert (
        faults(
            "services/auth_guard.py", "from flask import g\nfrom services.tokens.claims import Claims\nimport config"
        )
        == []
    )
