"""Packages are installed only from lock files with hashes, and no older than the versions without known faults."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCK_FILES = sorted(path.name for path in ROOT.glob("requirements*.txt"))


def requirements(name: str) -> list[str]:
    """Return the requirements of a lock file, each with its options on one line."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("name", LOCK_FILES)
def test_every_package_is_locked_with_its_hashes_and_from_no_other_index(name: str) -> None:
    locked = requirements(name)
    assert locked
    for line in locked:
        assert re.fullmatch(r"[\w.-]+==\S+( ;[^-]+)?(\s+--hash=sha256:[0-9a-f]{64})+\s*", line), line


@pytest.mark.parametrize("name", LOCK_FILES)
def test_lock_file_has_the_versions_of_the_development_packages(name: str) -> None:
    def versions(name: str) -> dict[str, str]:
        return dict(line.split(maxsplit=1)[0].split("==") for line in requirements(name))

    present, locked = versions("requirements-dev.txt"), versions(name)
    assert {package: locked[package] for package in locked.keys() & present} == {
        package: present[package] for package in locked.keys() & present
    }


def test_every_installation_verifies_the_hashes() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for command in re.findall(r"\$\(PIP\) install .*", makefile):
        # The project itself is installed without its dependencies, and without packages to build it. The packages of
        # providers.txt are those of the deployment, which may add hashes to them.
        safe = ("--require-hashes -r requirements", "--no-deps --no-build-isolation", "install -r providers.txt")
        assert any(options in command for options in safe)
    assert set(re.findall(r"-r (requirements\S*\.txt)", makefile)) == set(LOCK_FILES)


@pytest.mark.parametrize("folder", ["tests/clients", "docs/site"])
def test_packages_of_javascript_have_hashes(folder: str) -> None:
    packages = json.loads((ROOT / folder / "package-lock.json").read_text("utf-8"))["packages"]
    assert [path for path, package in packages.items() if path and "integrity" not in package] == []


def test_pyjwt_has_the_fixes_of_its_advisories() -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    (floor,) = [re.search(r">=\s*([\d.]+)", line) for line in dependencies if line.lower().startswith("pyjwt")]
    assert floor
    assert tuple(map(int, floor[1].split("."))) >= (2, 15, 1)
