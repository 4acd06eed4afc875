"""The guard: its arguments, and the tokens and roles that it accepts."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest
from flask import Flask, g, jsonify
from flask.testing import FlaskClient
from flask.views import MethodView

from services import context
from services.auth_guard import auth_guard, check_jwt, public
from services.tokens.issuer import TokenIssuer

Guard = Callable[[Callable[..., Any]], Callable[..., Any]]

GUARDS: dict[str, Guard] = {
    "any_user": auth_guard(),
    "any_user_by_none": auth_guard(None),
    "one": auth_guard("admin"),
    "one_by_name": auth_guard(role="admin"),
    "any_of": auth_guard("admin", "editor"),
    "all_of": auth_guard(all_of=("a", "b")),
    "all_of_a_list": auth_guard(all_of=["a", "b"]),
    "all_of_a_set": auth_guard(all_of={"a", "b"}),
    "both": auth_guard("admin", "editor", all_of=("a", "b")),
}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of an application with a view at `/<name>` for each guard."""
    for name, guard in GUARDS.items():
        app.add_url_rule(f"/{name}", name, guard(lambda: jsonify(g.claims)), methods=["GET", "POST"])
    return app.test_client()


def bearer(issuer: TokenIssuer, *roles: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.generate({'username': 'zoé', 'roles': list(roles)})}"}


@pytest.mark.parametrize(
    ("guard", "roles", "status"),
    [
        ("any_user", [], 200),
        ("any_user", ["user"], 200),
        ("any_user_by_none", [], 200),
        ("one", ["admin"], 200),
        ("one", ["user", "admin", "x"], 200),
        ("one", [], 403),
        ("one", ["user"], 403),
        ("one_by_name", ["admin"], 200),
        ("one_by_name", ["user"], 403),
        ("any_of", ["admin"], 200),
        ("any_of", ["editor"], 200),
        ("any_of", ["user"], 403),
        ("any_of", [], 403),
        ("all_of", ["b", "a", "x"], 200),
        ("all_of", ["a"], 403),
        ("all_of", ["b"], 403),
        ("all_of", [], 403),
        ("all_of_a_list", ["a", "b"], 200),
        ("all_of_a_list", ["a"], 403),
        ("all_of_a_set", ["a", "b"], 200),
        ("all_of_a_set", ["b"], 403),
        ("both", ["a", "b", "editor"], 200),
        ("both", ["a", "b"], 403),
        ("both", ["admin", "editor"], 403),
        ("both", ["admin", "a"], 403),
    ],
)
def test_guard_requires_exactly_its_roles(
    client: FlaskClient, issuer: TokenIssuer, guard: str, roles: list[str], status: int
) -> None:
    assert client.get(f"/{guard}", headers=bearer(issuer, *roles)).status_code == status
    assert client.get(f"/{guard}").status_code == 401


ALMOST_ADMIN = [
    "Admin",
    "admi",
    "min",
    "admin2",
    "super_admin",
    "admin ",
    "admin,editor",
    "*",
    "\u0430dmin",
    "admin\u200b",
]


@pytest.mark.parametrize("role", ALMOST_ADMIN)
def test_role_is_compared_exactly(client: FlaskClient, issuer: TokenIssuer, role: str) -> None:
    assert client.get("/one", headers=bearer(issuer, role)).status_code == 403
    assert client.get("/any_of", headers=bearer(issuer, role)).status_code == 403


def test_view_can_read_the_claims(client: FlaskClient, issuer: TokenIssuer) -> None:
    headers = bearer(issuer, "user")
    seen = client.get("/any_user", headers=headers).get_json()
    assert seen == issuer.decode(headers["Authorization"].removeprefix("Bearer "))
    assert seen["sub"] == "zoé"


def test_view_can_call_check_jwt_itself(app: Flask, issuer: TokenIssuer) -> None:
    app.add_url_rule("/self", "self", lambda: jsonify(same=check_jwt() is g.claims))
    client = app.test_client()
    assert client.get("/self", headers=bearer(issuer)).json == {"same": True}
    assert client.get("/self").status_code == 401


def test_guarded_view_keeps_its_name_and_its_arguments(app: Flask, issuer: TokenIssuer) -> None:
    @app.route("/sum/<int:a>/<int:b>")
    @auth_guard("admin")
    def add(a: int, *, b: int) -> str:
        """Add."""
        return str(a + b)

    assert (add.__name__, add.__doc__) == ("add", "Add.")
    assert app.test_client().get("/sum/2/3", headers=bearer(issuer, "admin")).text == "5"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_every_method_is_guarded(client: FlaskClient, issuer: TokenIssuer, method: str) -> None:
    assert client.open("/one", method=method).status_code == 401
    assert client.open("/one", method=method, headers=bearer(issuer, "user")).status_code == 403
    assert client.open("/one", method=method, headers=bearer(issuer, "admin")).status_code == 200


def test_guard_in_an_application_without_latchkey_names_the_call_that_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(context, "_default", None)
    app = Flask("shop")
    app.testing = True

    @app.get("/orders")
    @auth_guard("sales")
    def orders() -> str:
        return "orders"

    with pytest.raises(RuntimeError, match=r"call install\(app, open_services\(\)\)"):
        app.test_client().get("/orders", headers={"Authorization": "Bearer a-token"})


def test_guard_without_parentheses_is_an_error_at_definition() -> None:
    with pytest.raises(TypeError, match=r"needs parentheses: @auth_guard\(\) or @auth_guard\('admin'\)"):

        @auth_guard  # type: ignore[arg-type]  # a common mistake
        def view() -> str:
            return "open"


@pytest.mark.parametrize("arguments", [(), ("admin",), (None,)])
def test_public_with_parentheses_is_an_error_at_definition(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"no parentheses: @public$"):
        public(*arguments)


def test_public_above_a_class_is_an_error_at_definition() -> None:
    with pytest.raises(TypeError, match=r"decorators = \[public\]"):

        @public
        class View(MethodView):
            """A class that Flask calls for each request."""


@pytest.mark.parametrize("role", ["", 5, b"admin", ["admin", "editor"], ("admin",), True])
def test_role_that_is_not_text_is_an_error(role: Any) -> None:
    with pytest.raises(TypeError, match="a role must be non-empty text"):
        auth_guard(role)
    with pytest.raises(TypeError, match="a role must be non-empty text"):
        auth_guard("admin", role)
    with pytest.raises(TypeError, match="a role must be non-empty text"):
        auth_guard(all_of=("admin", role))


@pytest.mark.parametrize("all_of", ["admin", ""])
def test_text_as_all_of_is_an_error(all_of: str) -> None:
    with pytest.raises(TypeError, match="all_of must be a collection of roles"):
        auth_guard(all_of=all_of)


@pytest.mark.parametrize("all_of", [(), [], set(), {}])
def test_empty_all_of_is_an_error(all_of: Collection[str]) -> None:
    with pytest.raises(ValueError, match="all_of is empty"):
        auth_guard(all_of=all_of)


@pytest.mark.parametrize(
    "create",
    [lambda: iter(["admin"]), lambda: (role for role in ["admin"]), lambda: map(str, ["admin"])],
    ids=["iterator", "generator", "map"],
)
def test_roles_from_an_iterator_guard_every_request(
    app: Flask, issuer: TokenIssuer, create: Callable[[], Iterator[str]]
) -> None:
    guard: Any = auth_guard
    app.add_url_rule("/create", "create", guard(all_of=create())(lambda: "allowed"))
    assert app.test_client().get("/create", headers=bearer(issuer, "user")).status_code == 403
    assert app.test_client().get("/create", headers=bearer(issuer, "admin")).status_code == 200
