"""The commands and the code of the documentation pages do what the pages show."""

import json
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.test import Client

from app import create_app
from services.jwt_handler import generate_jwt
from tests.docs.examples import comparable, displayed, examples, outputs, pages
from tests.support.fork_server import ForkServer
from tests.support.newcomer import block, blocks
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import ZOE


@pytest.mark.parametrize("page", pages())
def test_commands_print_what_the_page_shows(fork_server: ForkServer, page: str) -> None:
    for example, output in zip(examples(page), outputs(page, fork_server), strict=True):
        if example.output is not None:
            shown = comparable(displayed(output, example.language))
            update = f"after a review, run: .venv/bin/python -m tests.docs.examples {page}"
            assert shown == comparable(example.output), update


def test_guarded_view_responds_as_the_page_shows(tmp_path: Path) -> None:
    page = "docs/guarding-routes.md"
    app = create_app({"SECRET_KEY": SECRET_KEY, **users_file(tmp_path / "users.toml", [ZOE])})
    module: dict[str, object] = {}
    exec(blocks(page, "python")[0], module)  # noqa: S102 - the code of this project's own documentation
    module["init"](app)  # type: ignore[operator]  # what the page defines
    with app.app_context():
        token = generate_jwt({"username": "admin", "roles": ["admin"]})
    client = app.test_client()
    responses = [client.get("/api/orders", headers={"Authorization": f"Bearer {token}"}), client.get("/api/orders")]
    assert [response.json for response in responses] == [json.loads(text) for text in blocks(page, "json")]
    assert client.get("/api/prices").status_code == 200


def test_application_of_ones_own_responds_as_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"SECRET_KEY": SECRET_KEY, "DATABASE_URL": "", **users_file(tmp_path / "users.toml", [ZOE])}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    module: dict[str, Any] = {"__name__": "tests"}
    for code in blocks("docs/your-own-application.md", "python"):
        if "Migrate" not in code:  # tests/cli/test_flask_migrate.py runs it
            exec(code, module)  # noqa: S102 - the code of this project's own documentation
    client = module["app"].test_client()
    assert client.post("/api/auth", json={"email": ZOE.email, "password": ZOE.password}).status_code == 200
    for roles, expected in (
        (["sales"], (200, '{"orders of":"zoe"}\n')),
        ([], (403, "<h1>Authorization required.</h1>")),
    ):
        with module["app"].app_context():
            token = generate_jwt({"username": "zoe", "roles": roles})
        response = client.get("/orders", headers={"Authorization": f"Bearer {token}"})
        assert (response.status_code, response.text) == expected


def test_provider_of_the_page_describes_itself_for_the_doctor_and_for_explain() -> None:
    def ping_acme(url: str) -> str:
        if url != "https://acme.example.org":
            raise OSError
        return "7.1"

    account = SimpleNamespace(id="zoe", mail=ZOE.email, roles=["editor"], number=12)
    module: dict[str, Any] = {"ping_acme": ping_acme, "find_acme": lambda _, login: {"zoe": account}.get(login)}
    exec(block("docs/provider-contract.md", "python", "class AcmeProvider"), module)  # noqa: S102
    provider = module["AcmeProvider"]()
    for provider._url, outcome in (("https://acme.example.org", "ok"), ("http://127.0.0.1", "failure")):  # noqa: SLF001
        assert [check.outcome for check in provider.check()] == [outcome]
    assert provider.explain("zoe").user == {"username": "zoe", "email": ZOE.email, "roles": ["editor"]}
    assert provider.explain("yan").reason == "unknown_user"


def test_modules_for_other_servers_have_an_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SECRET_KEY": SECRET_KEY, **users_file(tmp_path / "users.toml", [ZOE])}.items():
        monkeypatch.setenv(name, value)
    names = ["latchkey_wsgi", "latchkey_asgi"]
    for name, code in zip(names, blocks("docs/other-servers.md", "python"), strict=True):
        assert code.startswith(f"# {name}.py\n")
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.setitem(sys.modules, name, None)  # so that it is forgotten afterwards
        del sys.modules[name]
    monkeypatch.syspath_prepend(str(tmp_path))
    wsgi, asgi = map(import_module, names)
    assert Client(wsgi.application).get("/health/live").status_code == 200
    assert callable(asgi.application)


def test_blueprint_of_the_page_is_guarded_and_the_assertion_holds(tmp_path: Path) -> None:
    app = create_app({"SECRET_KEY": SECRET_KEY, **users_file(tmp_path / "users.toml", [ZOE])})
    module: dict[str, Any] = {"app": app, "__name__": "tests"}
    _, blueprint, assertion = blocks("docs/guarding-routes.md", "python")
    exec(blueprint, module)  # noqa: S102
    module["warehouse"].add_url_rule("/shelves", view_func=lambda: "", endpoint="shelves")
    app.register_blueprint(module["warehouse"])
    exec(assertion, module)  # noqa: S102
    assert app.test_client().get("/api/warehouse/shelves").status_code == 401
