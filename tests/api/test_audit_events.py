"""One audit event for each login, refresh, logout and password change, and none for each guarded request."""

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from audit.events import MEMBERS, Event
from services.auth_provider import authenticate
from services.context import services_of
from services.sessions.sessions import LOST_RESPONSE_TIMEOUT
from tests.support.audit_events import events_in
from tests.support.session_rows import age_rotations
from tests.support.sessions import bearer, claims_of, client_of, log_in, log_out, refresh, send_login, send_refresh
from tests.support.stores import SECRET_KEY, engine_of, user_table
from tests.support.users import ZOE

Events = list[dict[str, Any]]
WRONG = replace(ZOE, password="not the password of Zoé")
WRONG_LOGIN = {"email": WRONG.email, "password": WRONG.password}


@pytest.fixture
def environ(tmp_path: Any) -> dict[str, str]:
    """The environment of a user table with Zoé."""
    return user_table(f"sqlite:///{tmp_path}/users.db", [ZOE])


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    return client_of(environ, OAUTH_CLIENTS="app", OAUTH_PASSWORD_GRANT="true")


def test_accepted_login_is_one_event_with_its_account_address_and_tokens(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.post(
        "/api/auth", json={"email": ZOE.email, "password": ZOE.password}, environ_base={"REMOTE_ADDR": "192.0.2.7"}
    )
    claims = claims_of(client, response.get_json()["data"])
    (event,) = events_in(caplog)
    durations = [event.pop(f"{step}_ms") for step in ("store", "hash", "sign", "total")]
    assert event == {
        "event": "login_accepted",
        "address": "192.0.2.7",
        "request_id": response.headers["X-Request-ID"],
        "jti": claims["jti"],
        "sid": claims["sid"],
        "kid": services_of(client.application).keys.ring().current.id,
        "provider": "database",
        "client": "latchkey",
        "account": ZOE.username,
    }
    assert 0 < sum(durations[:3]) <= durations[3] + 0.3  # each is rounded


def test_denied_login_has_the_account_if_it_is_known_otherwise_the_login_as_typed(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    send_login(client, replace(WRONG, username=ZOE.email.upper()))
    send_login(client, replace(WRONG, username=" Unknown "))
    known, unknown = events_in(caplog)
    assert (known["event"], known["reason"], known["account"]) == ("login_denied", "wrong_password", ZOE.username)
    assert (known["provider"], known["address"], "login" in known) == ("database", "127.0.0.1", False)
    assert (unknown["event"], unknown["reason"], unknown["login"]) == ("login_denied", "unknown_user", " Unknown ")
    assert not {"account", "provider", "jti"} & unknown.keys()


def test_password_grant_is_a_login_event_with_the_client(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    form = {"client_id": "app", "grant_type": "password", "username": ZOE.username, "password": ZOE.password}
    assert client.post("/oauth/token", data=form).status_code == 200
    assert [(event["event"], event["client"]) for event in events_in(caplog)] == [("login_accepted", "app")]


def test_login_in_a_view_of_the_tutorial_is_an_event(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with client.application.app_context():
        assert authenticate(ZOE.username, ZOE.password)
        assert not authenticate(ZOE.username, "not the password of Zoé")
        assert not authenticate(None, ZOE.password)  # type: ignore[arg-type]
    assert [(event["event"], event.get("account")) for event in events_in(caplog)] == [
        ("login_accepted", ZOE.username),
        ("login_denied", ZOE.username),
        ("login_denied", None),
    ]


def test_refresh_is_one_event_with_the_same_session(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    tokens = refresh(client, log_in(client))
    login, refreshed = events_in(caplog)
    assert (refreshed["event"], refreshed["account"]) == ("refresh_accepted", ZOE.username)
    assert refreshed["jti"] == claims_of(client, tokens.access)["jti"] != login["jti"]
    assert {name: login[name] for name in ("sid", "provider", "client")} == {
        name: refreshed[name] for name in ("sid", "provider", "client")
    }


def test_reuse_is_its_own_event_and_names_the_session_that_ends(
    client: FlaskClient, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    tokens = log_in(client)
    refresh(client, tokens)
    send_refresh(client, tokens.refresh)
    age_rotations(engine_of(environ), LOST_RESPONSE_TIMEOUT)
    send_refresh(client, tokens.refresh)
    send_refresh(client, "not a token")
    login, _, *refused = events_in(caplog)
    assert [(event["event"], event["reason"], event.get("account")) for event in refused] == [
        ("refresh_unavailable", "refresh_in_progress", ZOE.username),
        ("refresh_reused", "reused", ZOE.username),
        ("refresh_denied", "invalid", None),
    ]
    assert refused[1]["sid"] == login["sid"]


def test_session_that_the_service_ends_is_an_event_with_the_reason(
    client: FlaskClient, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    tokens = log_in(client)
    with engine_of(environ).begin() as connection:
        connection.exec_driver_sql("DELETE FROM latchkey_users")
    send_refresh(client, tokens.refresh)
    _, ended, denied = events_in(caplog)
    assert (ended["event"], ended["reason"], denied["event"], denied["reason"]) == (
        *("session_ended", "user_gone"),
        *("refresh_denied", "user_gone"),
    )
    assert ended["sid"] == denied["sid"]


def test_logout_and_revocation_by_a_client_are_events(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    log_out(client, log_in(client).access)
    form = {"client_id": "app", "grant_type": "password", "username": ZOE.username, "password": ZOE.password}
    token = client.post("/oauth/token", data=form).get_json()["refresh_token"]
    client.post("/oauth/revoke", data={"client_id": "app", "token": token})
    of_session, of_client = events_in(caplog, "logout")
    logins = events_in(caplog, "login_accepted")
    assert (of_session["sid"], of_session["jti"], of_session["client"]) == (
        *(logins[0]["sid"], logins[0]["jti"]),
        "latchkey",
    )
    assert (of_client["sid"], of_client["client"], of_client["account"]) == (logins[1]["sid"], "app", ZOE.username)


@pytest.mark.parametrize(
    ("form", "reason", "client_id"),
    [
        ({}, "missing_credentials", None),
        (
            {"client_id": "reports", "client_secret": "a secret that is not that of this client"},
            "wrong_secret",
            "reports",
        ),
        ({"client_id": "reports"}, "missing_secret", "reports"),
        ({"client_id": "phone", "client_secret": "x"}, "unexpected_secret", "phone"),
        ({"client_id": f"reports:{SECRET_KEY}"}, "unknown_client", None),
    ],
)
def test_client_that_cannot_authenticate_is_an_event_and_an_unknown_id_is_not_logged(
    environ: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    form: dict[str, str],
    reason: str,
    client_id: str | None,
) -> None:
    app = client_of(environ, OAUTH_CLIENTS=f"reports:{SECRET_KEY.replace(',', ';')}\nphone")
    for path in ("/oauth/token", "/oauth/introspect", "/oauth/revoke"):
        caplog.clear()
        response = app.post(path, data={**form, "token": "x", "grant_type": "refresh_token"})
        (event,) = events_in(caplog)
        assert (event["event"], event["reason"], event.get("client")) == (Event.CLIENT_DENIED, reason, client_id)
        assert (event["address"], event["request_id"]) == ("127.0.0.1", response.headers["X-Request-ID"])


@pytest.mark.parametrize("header", ["Basic x", "Bearer x", "Basic é"])
def test_malformed_credentials_of_a_client_are_an_event(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, header: str
) -> None:
    client.post("/oauth/token", data={"grant_type": "refresh_token"}, headers={"Authorization": header})
    (event,) = events_in(caplog)
    assert (event["event"], event["reason"]) == (Event.CLIENT_DENIED, "malformed_credentials")


def test_introspection_by_a_public_client_is_an_event(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    client.post("/oauth/introspect", data={"client_id": "app", "token": "x"})
    (event,) = events_in(caplog)
    assert (event["reason"], event["client"]) == ("public_client", "app")


def test_guarded_requests_write_no_events(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    access = log_in(client).access
    caplog.clear()
    for token in (access, "x", f"{access}x"):
        client.get("/api/protected_route", headers=bearer(token))
    assert caplog.records == []


TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("trusted", "peer", "expected"),
    [
        ("1", "192.0.2.1", ("edge-7", TRACE)),
        ("10.0.0.0/8", "10.1.2.3", ("edge-7", TRACE)),
        ("10.0.0.0/8", "192.0.2.1", (None, None)),
        ("", "10.1.2.3", (None, None)),
    ],
)
def test_ids_of_a_request_are_logged_if_a_trusted_proxy_has_sent_them(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture, trusted: str, peer: str, expected: tuple[str, str]
) -> None:
    client = client_of(environ, TRUSTED_PROXIES=trusted)
    headers = {"X-Request-ID": "edge-7", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    response = client.post("/api/auth", json={}, headers=headers, environ_overrides={"REMOTE_ADDR": peer})
    assert response.headers["X-Request-ID"] != "edge-7"
    client.post("/api/auth", json=WRONG_LOGIN, headers=headers, environ_overrides={"REMOTE_ADDR": peer})
    (event,) = events_in(caplog)
    assert (event.get("proxy_request_id"), event.get("trace_id")) == expected


@pytest.mark.parametrize("sent", ["a b", "x" * 129, "é", '"', ""])
def test_malformed_id_of_a_proxy_is_not_logged(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture, sent: str
) -> None:
    headers = Headers([("traceparent", sent), ("X-Request-ID", sent)])
    client_of(environ, TRUSTED_PROXIES="1").post("/api/auth", json=WRONG_LOGIN, headers=headers)
    (event,) = events_in(caplog)
    assert not {"proxy_request_id", "trace_id"} & event.keys()


def test_members_have_a_fixed_order_in_which_text_of_clients_is_last(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = refresh(client, log_in(client))
    send_login(client, WRONG)
    log_out(client, tokens.access)
    for event in events_in(caplog):
        assert [*event] == [name for name in MEMBERS if name in event]
    assert MEMBERS[:3] == ("event", "reason", "address")
    assert MEMBERS[-3:] == ("account", "login", "details")


@pytest.mark.parametrize(
    "login",
    [
        "zoe\n2031-01-01T00:00:00.000Z INFO audit: login_accepted account=zoe",
        "zoe\r\u2028\u2029\x85",
        "\u202egnol\u202c",
        "\ud800",
        "\x1b[31mred",
        'x" event="login_accepted',
        "x" * 10_000,
    ],
)
def test_login_of_a_client_cannot_forge_a_line_or_fill_the_log(
    login: str, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    send_login(client, replace(WRONG, username=login))
    (record,) = [one for one in caplog.records if one.name == "audit"]
    message = record.getMessage()
    assert message.isprintable()
    assert message.startswith(f"{Event.LOGIN_DENIED} reason=")
    assert len(message) < 3000
    (event,) = events_in(caplog)
    assert len(event["login"]) <= 256
