"""The layers of docs/architecture.md: who may import whom, where a library may appear, and how long a file may be."""

import ast
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LAYERS = [
    {"config"},
    {"audit"},
    {"database"},
    {"passwords"},
    {"providers"},
    {"services"},
    {"api", "cli"},
    {"app"},
    {"latchkey"},
]
"""The lowest layer first. A layer imports only lower layers; `api` and `cli` do not import each other."""

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
OTHER_PACKAGES = {"tests", "bench"}
MAX_LINES = 300

ALLOWED_IN = {
    "jwt": [
        "services/tokens/issuer.py",
        "services/tokens/checked_secret.py",
        "services/tokens/signing.py",
        "services/keys/pem.py",
    ],
    "cryptography": [
        "services/keys/pem.py",
        "providers/ldap/certificates.py",
        "providers/ldap/connection_diagnosis.py",
    ],
    "ldap3": ["providers/ldap/*"],
    "pyasn1": ["providers/ldap/client/ldap3_internals.py", "providers/ldap/client/password_policy.py"],
    "sqlalchemy": ["database/*"],
    "alembic": ["database/*"],
    "passlib": ["passwords/*"],
    "bcrypt": ["passwords/*"],
    "zxcvbn": ["config/guess_estimate.py"],
    "limits": ["services/throttle/shared_storage.py"],
    "redis": ["services/throttle/*"],
    "prometheus_client": ["services/metrics.py"],
    "flask": [
        *("app.py", "latchkey/contract.py", "api/*", "cli/*"),
        *("services/auth_guard.py", "services/context.py", "services/route_map.py"),
    ],
    # A lazy import is a plain import inside a function, which this test can see.
    "pytest": ["latchkey/contract.py", "latchkey/testing.py"],
    "importlib.import_module": [],
    "os.environ": ["config/environment.py"],
    "os.getenv": ["config/environment.py"],
}


def imported_names(source: str) -> Iterator[str]:
    """Yield what the source imports, in functions and for type checkers too, and what it takes from `os`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            yield f"os.{node.attr}"


def violations(path: str, source: str) -> list[str]:
    """Return the imports that the file must not have."""
    layer = path.removesuffix(".py").split("/")[0]
    found = []
    for name in imported_names(source):
        target = name.split(".")[0]
        upward = target in LEVEL and target != layer and LEVEL[target] >= LEVEL[layer]
        rule = next((rule for rule in ALLOWED_IN if f"{name}.".startswith(f"{rule}.")), None)
        misplaced = rule is not None and not any(fnmatch(path, pattern) for pattern in ALLOWED_IN[rule])
        if upward or misplaced:
            found.append(f"{path} imports {name}")
    return found


def product_files() -> dict[str, str]:
    """Return the source of every product file by its path."""
    paths = [path for name in LEVEL for path in [*ROOT.glob(f"{name}.py"), *ROOT.glob(f"{name}/**/*.py")]]
    return {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in paths}


def import_graph(files: Mapping[str, str]) -> dict[str, set[str]]:
    """Return the modules that each module imports."""
    modules = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in files}

    def resolve(name: str) -> str | None:
        return next((module for module in (name, name.rpartition(".")[0]) if module in modules), None)

    return {
        module: {found for name in imported_names(files[path]) if (found := resolve(name)) and found != module}
        for module, path in modules.items()
    }


def find_cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return the modules of an import cycle; none if there is no cycle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        return cycle
    return []


def test_every_file_imports_only_lower_layers() -> None:
    files = product_files()
    assert len(files) > 100
    assert [line for path, source in files.items() for line in violations(path, source)] == []


def test_no_import_cycle() -> None:
    assert find_cycle(import_graph(product_files())) == []


def test_no_file_has_more_lines_than_a_reader_keeps_in_mind() -> None:
    paths = [*ROOT.glob("*.py"), *(path for name in (*LEVEL, *OTHER_PACKAGES) for path in ROOT.glob(f"{name}/**/*.py"))]
    assert len(paths) > 500
    lengths = {path: path.read_bytes().count(b"\n") for path in paths if "node_modules" not in path.parts}
    assert {str(path): lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def test_every_package_has_a_layer() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/*.py") if not path.parent.name.startswith(".")}
    modules = {path.stem for path in ROOT.glob("*.py")} - {"gunicorn.conf"}
    assert packages | modules == set(LEVEL) | OTHER_PACKAGES


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("config/x.py", "import database.user_table"),
        ("database/x.py", "from passwords import hashing"),
        ("passwords/x.py", "from providers.interface import User"),
        ("providers/x.py", "from services.tokens import claims"),
        ("services/x.py", "def f():\n    from api import errors"),
        ("services/x.py", "if TYPE_CHECKING:\n    from api import errors"),
        ("api/x.py", "from cli.terminal import table"),
        ("cli/x.py", "import app"),
        ("cli/x.py", "import sqlalchemy"),
        ("app.py", "from ldap3.core import results"),
        ("api/x.py", "import jwt"),
        ("services/x.py", "from flask import g"),
        ("services/x.py", "from passlib.hash import argon2"),
        ("services/x.py", "from importlib import import_module"),
        ("services/x.py", "import os\nos.environ['X']"),
        ("database/x.py", "from os import environ"),
        ("cli/x.py", "import os\nos.getenv('X')"),
    ],
)
def test_violation_is_found(path: str, source: str) -> None:
    assert len(violations(path, source)) == 1


def test_import_of_lower_layers_is_allowed() -> None:
    source = "from flask import g\nfrom services.tokens.claims import Claims\nimport config"
    assert violations("services/auth_guard.py", source) == []


def test_import_cycle_is_found_in_functions_and_type_checking_blocks() -> None:
    files = {
        "a/__init__.py": "",
        "a/b.py": "from a import c",
        "a/c.py": "def f():\n    from a.d import D",
        "a/d.py": "if TYPE_CHECKING:\n    from a.b import B",
    }
    assert set(find_cycle(import_graph(files))) == {"a.b", "a.c", "a.d"}
