"""The package of docs/write-a-provider.md and the examples are installed without a clone, and their tests pass.

They run against an HTTP service, FreeRADIUS and another issuer of tokens.
"""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from cli.providers.new import package_of
from tests.support.newcomer import ROOT, Newcomer, blocks

PAGE = "docs/write-a-provider.md"
EXAMPLES = ROOT / "examples"
OTHERS = ("issuer-provider", "radius-provider")
UV = str(Path(sys.executable).with_name("uv"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a virtual environment with Latchkey, the examples and the package of a new provider."""
    folder = tmp_path_factory.mktemp("stranger")
    clone = Newcomer(tmp_path_factory.mktemp("source"), 0).folder
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, ".venv"], cwd=folder, check=True)
    (site_packages,) = folder.glob(".venv/lib/python*/site-packages")
    # The libraries, but not Latchkey, which is found through a .pth file of their folder.
    (site_packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    install(folder, clone)
    for command in blocks(PAGE, "sh")[0].splitlines():
        program, *arguments = shlex.split(command)
        if "pip" in arguments:
            install(folder, folder / "acme-provider")
        else:
            run(folder, *(["-m", "flask"] if program.endswith("flask") else []), *arguments)
    install(folder, *(shutil.copytree(EXAMPLES / name, folder / name) for name in OTHERS))
    return folder


def install(folder: Path, *packages: Path) -> None:
    """Install packages without their dependencies, which the environment has."""
    command = [UV, "pip", "install", "-q", "--offline", "--no-deps", "--no-build-isolation", *map(str, packages)]
    ended = subprocess.run(
        command, cwd=folder, env={**os.environ, "VIRTUAL_ENV": str(folder / ".venv")}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr


def run(folder: Path, *arguments: str, status: int = 0) -> str:
    """Run Python in the environment, where no variable leads to the clone; return its output."""
    ended = subprocess.run(
        [folder / ".venv/bin/python", *arguments], cwd=folder, env={"PATH": os.defpath}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == status, ended.stdout + ended.stderr
    return ended.stdout


def test_tests_of_the_example_packages_pass_without_a_clone(environment: Path) -> None:
    assert str(environment) in run(environment, "-c", "import latchkey; print(latchkey.__file__)")
    output = run(environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", *OTHERS)
    assert " passed" in output
    assert "skipped" not in output


def test_installed_providers_are_listed(environment: Path) -> None:
    listed = json.loads(run(environment, "-m", "flask", "providers", "list", "--json"))["providers"]
    installed = {one["name"]: (one["factory"], one["package"]) for one in listed if one["package"] != "built in"}
    assert installed == {
        "acme": ("acme_provider:open_acme", "acme-provider 0.1.0"),
        "issuer": ("issuer_provider:open_issuer", "issuer-provider 0.1.0"),
        "radius": ("radius_provider:open_radius", "radius-provider 0.1.0"),
    }


def test_failure_of_the_contract_has_a_remedy(environment: Path) -> None:
    (environment / "test_wrong.py").write_text(WRONG)
    output = run(environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_wrong.py", status=1)
    assert "add them to TestWrong.methods" in output
    assert "or set uses_network = False if the provider connects to nothing" in output
    assert "roles must be a list, not a tuple. See the interface in docs/provider-contract.md." in output
    assert "define a fixture `provider` in TestForgotten" in output
    assert output.count("Traceback (most recent call last)") == output.count("All traceback entries") == 0


WRONG = """
import pytest
from latchkey.contract import Account, ProviderContract

class Wrong:
    def authenticate(self, login, password):
        if (login, password) == ("zoe", "right"):
            return {"username": "zoe", "email": None, "roles": ("user",)}

    def find(self, username):
        return None

class TestWrong(ProviderContract):
    accounts = [Account("zoe", None, "right")]

    @pytest.fixture
    def provider(self):
        return Wrong()

class TestForgotten(ProviderContract):
    pass
"""


def test_example_is_what_the_command_creates() -> None:
    written = {
        path.relative_to(EXAMPLES / "acme-provider").as_posix(): path.read_text("utf-8")
        for path in (EXAMPLES / "acme-provider").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "egg-info" not in str(path)
    }
    assert written == package_of("acme")
    page = (*blocks(PAGE, "toml"), *blocks(PAGE, "python")[:2])
    assert [*page] == [text for path, text in package_of("acme").items() if path != "README.md"]


def test_package_of_another_name_has_that_name_everywhere() -> None:
    package = package_of("acme-staff")
    assert {*package} >= {"src/acme_staff_provider/__init__.py", "tests/test_acme_staff_provider.py"}
    assert 'acme-staff = "acme_staff_provider:open_acme_staff"' in package["pyproject.toml"]
    for path, text in package.items():
        if path.endswith(".py"):
            ast.parse(text)
            assert not re.search(r"acme(?!.?staff)", text, re.IGNORECASE)
