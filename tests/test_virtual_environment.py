"""make creates the virtual environment again after the clone is moved or Python is upgraded, and otherwise keeps it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from pwd import getpwuid
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).resolve().parent.parent
CREATED_AGAIN = "created in another folder, or for another Python"


def output(command: list[str], folder: Path) -> str:
    # `make test` passes its own options to each make below it.
    environ = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    ended = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True, timeout=600)
    return ended.stdout


def make(folder: Path, *arguments: str) -> str:
    """Return what make prints when it updates the development environment without downloading packages."""
    return output(["make", "PIP=echo pip", *arguments, ".venv/.development"], folder)


def pip(folder: Path) -> str:
    """Return from which folder the command `pip` of the environment runs."""
    return output([str(folder / ".venv/bin/pip"), "--version"], folder)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose name has a space, with an environment."""
    folder = tmp_path_factory.mktemp("my clone")
    shutil.copytree(ROOT / ".ci", folder / ".ci")
    for name in (
        "Makefile",
        "pyproject.toml",
        "requirements.txt",
        "requirements-dev.txt",
        "requirements-appbuilder.txt",
    ):
        shutil.copy(ROOT / name, folder / name)
    assert "requirements-dev.txt" in make(folder, f"PYTHON={sys.executable}")
    return folder


def test_environment_is_kept(clone: Path) -> None:
    assert make(clone) == ""
    assert make(clone, f"PYTHON={sys.executable}") == ""


def test_environment_is_created_again_after_a_move(clone: Path, tmp_path: Path) -> None:
    moved = clone.rename(tmp_path / "moved")
    printed = make(moved)
    assert CREATED_AGAIN in printed
    assert "requirements.txt" in printed
    assert "requirements-dev.txt" in printed
    assert str(moved) in pip(moved)
    assert make(moved) == ""
    moved.rename(clone)


def test_providers_are_installed_again_when_their_list_changes(clone: Path) -> None:
    (clone / "providers.txt").write_text("/opt/acme-provider\n")
    assert "install -r providers.txt" in make(clone)
    assert make(clone) == ""


def test_environment_of_another_python_is_not_kept(clone: Path) -> None:
    (packages,) = (clone / ".venv/lib").iterdir()
    other = packages.rename(packages.with_name("python3.10"))
    command = [".ci/venv", ".venv", "false", "file"]  # a Python that creates nothing
    ended = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False, timeout=300)
    assert CREATED_AGAIN in ended.stdout
    assert ended.returncode == 2
    other.rename(packages)


def test_folder_of_another_user_is_one_line() -> None:
    with TemporaryDirectory() as home:
        folder = Path(home)
        shutil.copy(ROOT / ".ci/venv", folder)
        folder.chmod(0o555)
        user = 65534 if os.geteuid() == 0 else None
        command = ["./venv", ".venv", "/usr/bin/python3", "file"]
        ended = subprocess.run(command, cwd=folder, user=user, capture_output=True, text=True, check=False, timeout=300)
    begin = f"This folder belongs to {getpwuid(os.geteuid()).pw_name}. "
    assert (ended.returncode, ended.stderr.startswith(begin), ended.stderr.count("\n")) == (2, True, 1), ended.stderr
