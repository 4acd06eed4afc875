"""The software of docs/checked-with.md that verifies access tokens accepts valid ones, and no others."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import jwt
import pytest

from services.keys import pem
from services.keys.ring import Key
from tests.clients.conftest import StandardService
from tests.clients.verifiers import VERIFIERS, Status
from tests.support.api_client import ApiClient
from tests.support.users import ZOE

IGNORE_TYPE = {"mod_auth_openidc"}
"""Software that cannot check the type of a JSON Web Token, as the page says."""


@pytest.fixture(scope="module")
def login(standard_service: StandardService) -> dict[str, str]:
    """The tokens of a login."""
    return ApiClient(standard_service.url).log_in(ZOE)


@pytest.fixture(scope="module")
def refused(login: dict[str, str], standard_service: StandardService) -> dict[str, str]:
    """Tokens that differ from a valid one in one property."""
    claims = jwt.decode(login["data"], options={"verify_signature": False})
    key, past = standard_service.key, int(time.time()) - 120
    stranger = pem.parse(pem.generate("ES256"), "another key")
    return {
        "expired": signed(key, {**claims, "iat": past - 60, "exp": past}),
        "of another issuer": signed(key, {**claims, "iss": f"{claims['iss']}x"}),
        "for another audience": signed(key, {**claims, "aud": "another audience"}),
        "signed with another key": signed(stranger, claims, kid=key.id),
        "signed with an unknown key": signed(stranger, claims),
        "of another type": signed(key, claims, typ="JWT"),
        "refresh token": login["refresh_token"],
    }


def signed(key: Key, claims: Mapping[str, Any], **header: str) -> str:
    headers = {"typ": "at+jwt", "kid": key.id, **header}
    return jwt.encode(dict(claims), key.signing, key.algorithm, headers=headers)


@pytest.fixture(params=VERIFIERS)
def name(request: pytest.FixtureRequest) -> str:
    """The name of the software."""
    return str(request.param)


@pytest.fixture
def status(name: str, standard_service: StandardService) -> Iterator[Status]:
    with VERIFIERS[name](standard_service) as status:
        yield status


def test_software_accepts_access_tokens_only(
    name: str, status: Status, login: dict[str, str], refused: dict[str, str]
) -> None:
    assert status(login["data"]) == 200
    statuses = {kind: status(token) for kind, token in refused.items()}
    accepted = {kind for kind, code in statuses.items() if code not in (400, 401, 422)}
    assert accepted == ({"of another type"} if name in IGNORE_TYPE else set()), statuses
    assert status(login["data"]) == 200
