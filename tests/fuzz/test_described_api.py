"""Schemathesis: requests that the OpenAPI description allows or forbids have the responses that it describes."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from app import create_app
from services.context import services_of
from tests.fuzz.strategies import fewer_examples
from tests.support.sessions import bearer
from tests.support.stores import SECRET_KEY, user_table, users_file
from tests.support.users import ZOE
from tests.support.users_api import MAX

# A wrong password is 400, and so is a username with a forbidden character: a schema cannot tell.
UNWANTED: list[Any] = [positive_data_acceptance]
EXAMPLES = settings(fewer_examples(8), suppress_health_check=[*HealthCheck])


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """An application with an administrator in a users file, and with users that the requests edit."""
    folder = tmp_path_factory.mktemp("stores")
    environ = users_file(folder / "users.toml", [ZOE]) | user_table(f"sqlite:///{folder / 'users.db'}", [MAX])
    return create_app({**environ, "AUTH_PROVIDER": "static, database", "SECRET_KEY": SECRET_KEY})


def require_described(app: Flask, headers: Callable[[], dict[str, str]]) -> None:
    """Send requests to each operation. The token of each is new, because some requests revoke it."""
    for found in schemathesis.openapi.from_wsgi("/openapi.json", app).get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # an invalid description has no such method

        @EXAMPLES
        @given(operation.as_strategy())
        def send(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(headers=headers(), excluded_checks=UNWANTED)

        send()


def test_responses_without_a_token_are_described(app: Flask) -> None:
    require_described(app, dict)


def test_responses_to_an_administrator_are_described(app: Flask) -> None:
    def headers() -> dict[str, str]:
        identity = {"sub": ZOE.username, "username": ZOE.username, "email": ZOE.email, "idp": "static"}
        claims = {**identity, "roles": ["admin"], "client_id": "tests"}
        return bearer(services_of(app).issuer.generate(claims))

    require_described(app, headers)
