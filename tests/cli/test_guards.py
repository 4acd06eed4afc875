"""`flask guards` lists all routes, and warns about those that nothing guards and about roles that no user can have."""

import json
import re
from pathlib import Path

import pytest

from tests.support.flask_program import error_line
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import SAMPLE_USERS

SHOP = """
from flask import Blueprint, Flask, abort
from api.installation import install, open_services
from services.auth_guard import auth_guard, guard_blueprint, public

app = Flask(__name__)
install(app, open_services())
desk = Blueprint("desk", __name__, url_prefix="/desk")
guard_blueprint(desk, "ADMIN", all_of=("user",))

@app.get("/prices")
@public
def prices(): ...

@app.get("/forgotten")
def forgotten(): ...

@desk.get("/orders")
def orders(): ...

@app.post("/orders")
@auth_guard()
def add_order(): ...
"""
WITHOUT_WARNINGS = SHOP.replace('"ADMIN"', '"admin"').replace("def forgotten", "@public\ndef forgotten")
WITH_HOOK = f"{WITHOUT_WARNINGS}\n@desk.before_request\ndef opening_hours(): abort(403)\n"
WITH_HOOK += "app.register_blueprint(desk)\n"


@pytest.fixture
def flask(fork_server: ForkServer, tmp_path: Path) -> ForkedFlask:
    environ = users_file(tmp_path / "users.toml", SAMPLE_USERS)
    return ForkedFlask(fork_server, tmp_path, SECRET_KEY=SECRET_KEY, **environ)


def guards(flask: ForkedFlask, folder: Path, shop: str, *arguments: str) -> tuple[int, str]:
    if "register_blueprint" not in shop:
        shop += "app.register_blueprint(desk)\n"
    name = f"shop{abs(hash(shop))}"
    (folder / f"{name}.py").write_text(shop)
    ended = flask("--app", name, "guards", *arguments)
    assert ended.stderr == ""
    return ended.returncode, ended.stdout.replace(name, "shop")


def test_routes_are_listed_with_their_roles_and_warnings(flask: ForkedFlask, tmp_path: Path) -> None:
    code, output = guards(flask, tmp_path, SHOP)
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert code == 0
    assert "GET /prices public shop.prices" in lines
    assert "GET /forgotten unmarked shop.forgotten" in lines
    assert "GET /desk/orders ADMIN and user shop.orders" in lines
    assert "POST /orders any user shop.add_order" in lines
    assert "POST /api/auth public api.auth.auth" in lines
    warnings = [line for line in lines if line.startswith("warning")]
    assert len(warnings) == 2
    assert re.search(r"GET /forgotten is unmarked \(/.*\.py, line 15\)\. Add @auth_guard\(\) or @public", warnings[0])
    assert "the role ADMIN, required by GET /desk/orders; they can give admin. Use the same spelling" in warnings[1]


def test_strict_exits_with_1_if_there_is_a_warning(flask: ForkedFlask, tmp_path: Path) -> None:
    assert guards(flask, tmp_path, SHOP, "--strict")[0] == 1
    assert guards(flask, tmp_path, WITHOUT_WARNINGS, "--strict")[0] == 0


def test_json_has_the_routes_and_the_warnings(flask: ForkedFlask, tmp_path: Path) -> None:
    code, output = guards(flask, tmp_path, WITH_HOOK, "--json")
    members = json.loads(output)
    (orders,) = (route for route in members["routes"] if route["path"] == "/desk/orders")
    assert orders == {
        "methods": ["GET"], "path": "/desk/orders", "needs": "admin and user", "view": "shop.orders",
        "other_checks": ["shop.opening_hours"],
    }  # fmt: skip
    assert (code, members["warnings"]) == (0, [])


def test_function_that_runs_before_a_view_is_named_and_its_decision_is_not_known(
    flask: ForkedFlask, tmp_path: Path
) -> None:
    _, output = guards(flask, tmp_path, WITH_HOOK)
    assert "* shop.opening_hours runs before these views, and may refuse requests for reasons of its own." in output
    name = f"shop{abs(hash(WITH_HOOK))}"
    explained = json.loads(flask("--app", name, "explain", "--json", "zoé").stdout)
    allowed = {route["path"]: route["allowed"] for route in explained["routes"]}
    assert (allowed["/desk/orders"], allowed["/orders"]) == (None, True)


def test_application_that_does_not_start_is_one_line(flask: ForkedFlask, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise KeyError('x')")
    ended = flask("--app", "broken", "guards")
    assert (ended.returncode, "broken.py, line 1" in error_line(ended)) == (2, True)


SHOW = "For the traceback, run: flask run"


@pytest.mark.parametrize(
    ("shop", "found"),
    [
        ("import os\nos.environ['SHOP_URL']\n", "KeyError: 'SHOP_URL' at {shop}, line 2"),
        ("import bad\n", "SyntaxError at {folder}/bad.py, line 1"),
        ("\nimport absent_module\n", "ModuleNotFoundError: no module absent_module at {shop}, line 2"),
        ("from flask import Flask\nFlask('x').route('/')(abc)\n", "NameError: abc is not defined at {shop}, line 2"),
    ],
)
def test_fault_of_the_application_is_named_with_its_place(
    flask: ForkedFlask, tmp_path: Path, shop: str, found: str
) -> None:
    (tmp_path / "bad.py").write_text("def x(:\n")
    name = f"shop{abs(hash(shop))}"
    (tmp_path / f"{name}.py").write_text(shop)
    expected = found.format(shop=f"{tmp_path}/{name}.py", folder=tmp_path)
    assert error_line(flask("--app", name, "guards")) == f"Error: the application fails with {expected}. {SHOW}"
