"""The example routes, view files written for the tutorial, and two applications in one process."""

from concurrent.futures import ThreadPoolExecutor
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from services.auth_provider import authenticate
from services.jwt_handler import InvalidToken, decode_jwt, generate_jwt
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import SAMPLE_USERS, ZOE, SampleUser

ROOT = SampleUser("root", "root@example.org", "the password of root", ("super_admin",))
ORDINARY_USER = SAMPLE_USERS[1]

ROUTES = {
    "": "You have accessed a protected route.",
    "_user": "You have accessed a user protected route.",
    "_admin": "You have accessed a admin protected route.",
    "_super_admin": "You are a SUPER ADMIN!",
}

VIEWS = """
from flask import g, jsonify

from services.auth_guard import auth_guard, check_jwt


def init(app):

    @app.route('/api/reports', methods=['GET'])
    @auth_guard('user')
    def reports():
        return jsonify({'message': 'Your reports.', 'status': 200})

    @app.route('/api/reports/<int:number>', methods=['DELETE'])
    @auth_guard('admin')
    def delete_report(number):
        return {'message': f'Report {number} is gone.', 'by': g.claims['username'], 'status': 200}, 200

    @app.route('/api/whoami')
    def whoami():
        return check_jwt()['email']
"""

LOGIN = """
from flask import request

from services.auth_provider import authenticate
from services.jwt_handler import decode_jwt, generate_jwt


def init(app):

    @app.route('/api/login', methods=['POST'])
    def login():
        email = request.json.get('email', None)
        password = request.json.get('password', None)
        user = authenticate(email, password)
        if not user:
            return {'message': 'Invalid credentials', 'status': 400}, 400
        token = generate_jwt(payload=user, lifetime=60)
        return {'data': token, 'claims': decode_jwt(token), 'status': 200}
"""


def add_views(app: Flask, folder: Path, source: str) -> FlaskClient:
    """Add a view file to the application, as its author would."""
    path = folder / "tutorial_views.py"
    path.write_text(source, "utf-8")
    spec = spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.init(app)
    return app.test_client()


def bearer(client: FlaskClient, person: SampleUser) -> dict[str, str]:
    """Log a user in and return the header with their token."""
    response = client.post("/api/auth", json={"email": person.email, "password": person.password})
    return {"Authorization": f"Bearer {response.get_json()['data']}"}


@pytest.mark.parametrize(
    ("person", "open_paths"),
    [
        (ROOT, ["", "_super_admin"]),
        (ZOE, ["", "_user", "_admin"]),
        (ORDINARY_USER, ["", "_user"]),
        (SAMPLE_USERS[5], [""]),
    ],
)
def test_example_routes_require_their_roles(tmp_path: Path, person: SampleUser, open_paths: list[str]) -> None:
    environ = users_file(tmp_path / "users.toml", [person])
    client = create_app({**environ, "SECRET_KEY": SECRET_KEY}).test_client()
    responses = {path: client.get(f"/api/protected_route{path}", headers=bearer(client, person)) for path in ROUTES}
    assert [path for path, response in responses.items() if response.status_code == 200] == open_paths
    for path, response in responses.items():
        forbidden = {"message": "Authorization required.", "status": 403, "code": "role_required"}
        assert response.json == ({"message": ROUTES[path], "status": 200} if path in open_paths else forbidden)


@pytest.mark.parametrize("path", ROUTES)
def test_example_routes_require_a_token(client: FlaskClient, path: str) -> None:
    response = client.get(f"/api/protected_route{path}")
    assert response.json == {"message": "Missing access token", "status": 401, "code": "missing_token"}


def test_views_of_the_tutorial_run_unchanged(app: Flask, tmp_path: Path) -> None:
    client = add_views(app, tmp_path, VIEWS)
    admin, user = bearer(client, ZOE), bearer(client, ORDINARY_USER)
    assert client.get("/api/reports").status_code == 401
    assert client.get("/api/reports", headers=user).json == {"message": "Your reports.", "status": 200}
    assert client.delete("/api/reports/7", headers=user).status_code == 403
    gone = client.delete("/api/reports/7", headers=admin).json
    assert gone == {"message": "Report 7 is gone.", "by": "zoé", "status": 200}
    assert client.get("/api/whoami", headers=user).text == ORDINARY_USER.email


def test_login_view_of_the_tutorial_runs_unchanged(app: Flask, tmp_path: Path) -> None:
    client = add_views(app, tmp_path, LOGIN)
    response = client.post("/api/login", json={"email": ZOE.email, "password": ZOE.password}).get_json()
    assert (response["claims"]["sub"], response["claims"]["email"]) == (ZOE.username, ZOE.email)
    assert response["claims"]["exp"] - response["claims"]["iat"] == 3600
    headers = {"Authorization": f"Bearer {response['data']}"}
    assert client.get("/api/protected_route_admin", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "body", [{}, {"email": ZOE.email}, {"email": ZOE.email, "password": ""}, {"email": 5, "password": ["x"]}]
)
def test_login_view_of_the_tutorial_denies_malformed_input(app: Flask, tmp_path: Path, body: object) -> None:
    response = add_views(app, tmp_path, LOGIN).post("/api/login", json=body)
    assert (response.status_code, response.json) == (400, {"message": "Invalid credentials", "status": 400})


@pytest.fixture
def two_apps(tmp_path: Path) -> list[Flask]:
    """Two applications in one process, with different keys and users."""
    made = []
    for name, person in (("first", ZOE), ("second", ORDINARY_USER)):
        environ = users_file(tmp_path / f"{name}.toml", [person])
        made.append(create_app({**environ, "SECRET_KEY": f"{SECRET_KEY}, {name}", "JWT_ISSUER": name}))
    return made


def test_two_applications_do_not_share_tokens_or_users(two_apps: list[Flask]) -> None:
    clients = [app.test_client() for app in two_apps]
    headers = [bearer(clients[0], ZOE), bearer(clients[1], ORDINARY_USER)]
    statuses = [
        [client.get("/api/protected_route", headers=header).status_code for header in headers] for client in clients
    ]
    assert statuses == [[200, 401], [401, 200]]
    unknown_users = [(clients[0], ORDINARY_USER), (clients[1], ZOE)]
    for client, person in unknown_users:
        assert client.post("/api/auth", json={"email": person.email, "password": person.password}).status_code == 400


def test_innermost_application_context_selects_the_services(two_apps: list[Flask]) -> None:
    first, second = two_apps
    with first.app_context():
        token = generate_jwt({"username": "zoé"})
        with second.app_context():
            assert decode_jwt(generate_jwt({"username": "o"}))["iss"] == "second"
            assert authenticate(ORDINARY_USER.email, ORDINARY_USER.password)
            with pytest.raises(InvalidToken):
                decode_jwt(token)
        assert decode_jwt(token)["iss"] == "first"
        assert not authenticate(ORDINARY_USER.email, ORDINARY_USER.password)


def test_without_a_context_the_last_created_application_is_used(two_apps: list[Flask]) -> None:
    with two_apps[0].app_context():
        assert decode_jwt(generate_jwt({"username": "zoé"}))["iss"] == "first"
    assert decode_jwt(generate_jwt({"username": "zoé"}))["iss"] == "second"


def test_threads_do_not_mix_up_two_applications(two_apps: list[Flask]) -> None:
    def ask(number: int) -> str:
        with two_apps[number % 2].test_request_context():
            issuer: str = decode_jwt(generate_jwt({"username": "zoé"}))["iss"]
            return issuer

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(200))) == ["first", "second"] * 100
