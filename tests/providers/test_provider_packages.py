"""The example packages and a new one are installed beside Latchkey, without a clone, and their tests pass there.

They run against an HTTP service, FreeRADIUS and another issuer of tokens.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from cli.providers.new import package_of
from tests.support.newcomer import ROOT, Newcomer

EXAMPLES = ROOT / "examples"
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
    packages = [shutil.copytree(path, folder / path.name) for path in EXAMPLES.iterdir() if path.is_dir()]
    install(folder, clone)
    run(folder, "-m", "flask", "providers", "new", "acme-staff")
    install(folder, *packages, folder / "acme-staff-provider")
    return folder


def install(folder: Path, *packages: Path) -> None:
    """Install packages without their dependencies, which the environment has."""
    command = [UV, "pip", "install", "-q", "--offline", "--no-deps", "--no-build-isolation", *map(str, packages)]
    ended = subprocess.run(
        command, cwd=folder, env={**os.environ, "VIRTUAL_ENV": str(folder / ".venv")}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr


def run(folder: Path, *arguments: str) -> str:
    """Run Python in the environment, where no variable leads to the clone; return its output."""
    ended = subprocess.run(
        [folder / ".venv/bin/python", *arguments], cwd=folder, env={"PATH": os.defpath}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_tests_of_each_package_pass_without_a_clone(environment: Path) -> None:
    packages = sorted(path.name for path in environment.glob("*-provider"))
    assert packages == ["acme-provider", "acme-staff-provider", "issuer-provider", "radius-provider"]
    assert str(environment) in run(environment, "-c", "import latchkey; print(latchkey.__file__)")
    output = run(environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", *packages)
    assert " passed" in output
    assert "skipped" not in output


def test_installed_providers_are_listed(environment: Path) -> None:
    listed = json.loads(run(environment, "-m", "flask", "providers", "list", "--json"))["providers"]
    assert [(one["factory"], one["package"]) for one in listed if "acme" in one["name"]] == [
        ("acme_provider:open_acme", "acme-provider 0.1.0"),
        ("acme_staff_provider:open_acme_staff", "acme-staff-provider 0.1.0"),
    ]


def test_failure_of_the_contract_has_a_remedy(environment: Path) -> None:
    (environment / "test_wrong.py").write_text(WRONG)
    ended = subprocess.run(
        [environment / ".venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_wrong.py"],
        cwd=environment, env={"PATH": os.defpath}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "add them to TestWrong.methods" in ended.stdout
    assert "or set uses_network = False if the provider connects to nothing" in ended.stdout
    assert "roles must be a list, not a tuple. See the interface in docs/write-a-provider.md." in ended.stdout
    assert "define a fixture `provider` in TestForgotten" in ended.stdout


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
