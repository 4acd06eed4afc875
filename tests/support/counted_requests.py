"""Requests whose instructions Callgrind counts: run by valgrind, with the library of `callgrind.c`.

Each case is counted REPETITIONS times, and each count is a file of Callgrind that ends with the name of the case.
"""

import base64
import ctypes
import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from typing import Any

import jwt
from flask import Flask, Response, jsonify, request
from werkzeug.test import EnvironBuilder

from app import create_app
from config.service_settings import TokenSettings
from config.settings import Settings
from services.auth_guard import auth_guard
from services.context import services_of
from services.keys.ring import Key
from services.tokens.issuer import ExpiredToken, TokenIssuer
from tests.support.users import ZOE

REPETITIONS = 3
REQUESTS = 3
"""In each repetition."""
PATH = "/api/counted"
USER = {"username": ZOE.username, "email": ZOE.email, "roles": ["admin", "user"]}

Case = Callable[[], str]
"""Sends a request and returns the status of the response."""


def view() -> Response:
    return jsonify(message="You have accessed a protected route.", status=200)


def plain_app() -> Flask:
    """Return an application with the view alone."""
    app = Flask("plain")
    app.add_url_rule(PATH, view_func=view)
    return app


def pyjwt_app(key: Key, tokens: TokenSettings) -> Flask:
    """Return an application that verifies tokens with PyJWT by hand."""
    app = Flask("pyjwt")

    @app.route(PATH)
    def guarded() -> Any:
        token = request.headers.get("Authorization", "").partition(" ")[2]
        try:
            jwt.decode(
                token,
                key.verifying,
                algorithms=[key.algorithm],
                issuer=tokens.issuer,
                audience=tokens.audience,
                options={"require": ["iss", "aud", "sub", "exp", "iat", "jti"]},
            )
        except jwt.InvalidTokenError as error:
            return jsonify(message=str(error), status=401), 401
        return view()

    return app


def get(app: Flask, tokens: Iterator[str]) -> Case:
    """Return a case whose requests have these tokens; an empty one means that the request has none."""
    environ = EnvironBuilder(PATH).get_environ() | {"RAW_URI": PATH}

    def send() -> str:
        token = next(tokens)
        return serve(app, environ | ({"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}))

    return send


def log_in(app: Flask) -> Case:
    """Return a case that logs in."""
    environ = post("/api/auth", {"email": ZOE.email, "password": ZOE.password})
    body = environ["wsgi.input"].getvalue()
    return lambda: serve(app, environ | {"wsgi.input": BytesIO(body)})


def refresh(app: Flask) -> Case:
    """Return a case that refreshes a session with the token of the response before."""
    blocks: list[bytes] = []
    serve(app, post("/api/auth", {"email": ZOE.email, "password": ZOE.password}), blocks)

    def body() -> bytes:
        token = json.loads(b"".join(blocks))["refresh_token"]
        blocks.clear()
        return json.dumps({"refresh_token": token}).encode()

    environ = post("/api/auth/refresh", json.loads(body()))  # all tokens have the same length
    serve(app, environ, blocks)

    def send() -> str:
        return serve(app, environ | {"wsgi.input": BytesIO(body())}, blocks)

    return send


def post(path: str, body: dict[str, str | None]) -> dict[str, Any]:
    """Return the environment of one POST request."""
    environ = EnvironBuilder(path, method="POST", json=body).get_environ()
    return environ | {"RAW_URI": path, "REMOTE_ADDR": "127.0.0.1"}


def serve(app: Flask, environ: dict[str, Any], blocks: list[bytes] | None = None) -> str:
    """Return the status of the response, and add the blocks of its body to `blocks`."""
    statuses: list[str] = []
    wsgi: Any = app

    def start(status: str, _headers: object, _error: object = None) -> None:
        statuses.append(status)

    response = wsgi(environ, start)
    for block in response:
        if blocks is not None:
            blocks.append(block)
    response.close()
    return statuses[0]


def forever(token: str) -> Iterator[str]:
    while True:
        yield token


def with_header(token: str, **changed: str) -> str:
    """Return the token with other members in its header."""
    header = json.dumps(jwt.get_unverified_header(token) | changed).encode()
    return f"{base64.urlsafe_b64encode(header).rstrip(b'=').decode()}.{token.partition('.')[2]}"


def cases(environ: dict[str, str], number: int) -> dict[str, Case]:
    """Return the cases by their names. Each is for at most this number of requests."""
    app = create_app(environ)
    app.add_url_rule(PATH, view_func=auth_guard("admin")(view))
    services = services_of(app)
    # The application has not seen the tokens of another issuer with its keys.
    elsewhere = TokenIssuer(services.keys, Settings(environ).tokens)

    def new() -> Iterator[str]:
        while True:
            yield elsewhere.generate(USER)

    token, revoked, expired = next(new()), next(new()), services.issuer.generate(USER, 1 / 60)
    with suppress(ExpiredToken):
        services.issuer.decode(expired)  # the process has seen it, however long the rest takes
    assert services.sessions
    services.sessions.end(services.issuer.decode(revoked))
    services.sessions.revocations.refresh()
    time.sleep(1.1)  # until `expired` has expired
    new_tokens = [next(new()) for _ in range(2 * number)]
    spoilt = [f"{token[:-8]}AAAAAAAA" for token in new_tokens]
    by_hand = pyjwt_app(services.keys.ring().current, Settings(environ).tokens)
    return {
        "plain": get(plain_app(), forever(token)),
        "seen": get(app, forever(token)),
        "new": get(app, iter(new_tokens)),
        "new by hand": get(by_hand, iter(new_tokens)),
        "missing": get(app, forever("")),
        "malformed": get(app, forever("not a token")),
        "unknown kid": get(app, forever(with_header(token, kid="0" * 16))),
        "wrong typ": get(app, forever(with_header(token, typ="JWT"))),
        "expired": get(app, forever(expired)),
        "revoked": get(app, forever(revoked)),
        "spoilt": get(app, iter(spoilt)),
        "spoilt by hand": get(by_hand, iter(spoilt)),
        "login": log_in(app),
        "refresh": refresh(app),
    }


ACCEPTED = {"plain", "seen", "new", "new by hand", "login", "refresh"}


def require_expected(all_cases: dict[str, Case]) -> None:
    """Send two requests of each case. Raises AssertionError if a response does not have the status of the case."""
    for name, send in all_cases.items():
        for _ in range(2):
            status = send()
            assert status.startswith("200" if name in ACCEPTED else "401"), f"{name}: {status}"


def main() -> None:
    """Count the cases. The argument is the library; standard input is the environment in JSON."""
    callgrind = ctypes.CDLL(sys.argv[1])
    all_cases = cases(json.load(sys.stdin), REQUESTS * REPETITIONS + 3)
    require_expected(all_cases)
    gc.collect()
    gc.freeze()
    gc.disable()
    callgrind.start()
    for send in all_cases.values():
        send()
    for _ in range(REPETITIONS):
        for name, send in all_cases.items():
            callgrind.zero()
            for _ in range(REQUESTS):
                send()
            callgrind.dump(name.encode())


if __name__ == "__main__":
    main()
