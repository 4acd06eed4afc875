"""The tests that docs/testing-your-routes.md shows pass, and fail if a guard is missing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.newcomer import ROOT, block


def outcome(folder: Path, environ: dict[str, str]) -> str:
    """Return the last line of pytest, run in the folder."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", "-W", "error"]
    ended = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120)
    return ended.stdout.splitlines()[-1]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    folders = os.pathsep.join([str(tmp_path), str(ROOT)])
    without_plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # of other packages here, which a reader need not have
    return {"PATH": os.defpath, "PYTHONPATH": folders, "PYTHONDONTWRITEBYTECODE": "1", **without_plugins}


def test_own_application_is_tested(tmp_path: Path, environ: dict[str, str]) -> None:
    shop = block("docs/your-own-application.md", "python", "# shop.py")
    (tmp_path / "shop.py").write_text(shop)
    (tmp_path / "conftest.py").write_text(block("docs/testing-your-routes.md", "python", "# conftest.py"))
    (tmp_path / "test_shop.py").write_text(block("docs/testing-your-routes.md", "python", "# test_shop.py"))
    assert re.match("1 passed", outcome(tmp_path, environ))
    (tmp_path / "shop.py").write_text(shop.replace('@auth_guard("sales")', "@auth_guard()"))
    assert re.match("1 failed", outcome(tmp_path, environ))


@pytest.mark.parametrize("page", ["README.md", "docs/guarding-routes.md"])
def test_application_of_create_app_is_tested(tmp_path: Path, environ: dict[str, str], page: str) -> None:
    orders = block(page, "python", "# api/orders.py")
    (tmp_path / "orders.py").write_text(orders)
    test = block("docs/testing-your-routes.md", "python", "# tests/test_orders.py")
    # Instead of an edit of app.py.
    (tmp_path / "test_orders.py").write_text(f"import app, orders\napp.MODULES = (orders,)\n{test}")
    assert re.match("1 passed", outcome(tmp_path, environ))
