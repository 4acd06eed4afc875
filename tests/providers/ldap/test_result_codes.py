"""Result codes that concern one server: one request is repeated or refused, and the server stays in use."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

import pytest
from ldap3.core.results import (
    RESULT_BUSY,
    RESULT_LOOP_DETECTED,
    RESULT_OPERATIONS_ERROR,
    RESULT_OTHER,
    RESULT_PROTOCOL_ERROR,
    RESULT_REFERRAL,
    RESULT_SUCCESS,
    RESULT_TIME_LIMIT_EXCEEDED,
    RESULT_UNAVAILABLE,
    RESULT_UNAVAILABLE_CRITICAL_EXTENSION,
)

from providers.interface import ProviderUnavailable, RequestFailed
from providers.ldap import SearchProvider
from providers.ldap.client.address import ServerAddress
from providers.ldap.client.connection import Connection
from providers.ldap.client.connector import Connector
from providers.ldap.client.errors import ServerError
from providers.ldap.client.filters import ANY_ENTRY
from providers.ldap.client.pool import Pool
from providers.ldap.client.protocol import SUBTREE
from tests.servers.ldap_messages import BIND_RESPONSE, SEARCH_DONE, entry, message, result
from tests.servers.scripted_ldap import BIND_REQUEST, SEARCH_REQUEST, Responses, scripted_ldap
from tests.support.directories import ldap_provider

AMY = [entry("uid=amy,dc=x", {"uid": ["amy"]}), result(SEARCH_DONE)]
ZOE = [entry("uid=zoe,dc=x", {"uid": ["zoe"]}), result(SEARCH_DONE)]
ONE_SERVER = [
    RESULT_OPERATIONS_ERROR,
    RESULT_PROTOCOL_ERROR,
    RESULT_TIME_LIMIT_EXCEEDED,
    RESULT_UNAVAILABLE_CRITICAL_EXTENSION,
    RESULT_BUSY,
    RESULT_LOOP_DETECTED,
    RESULT_OTHER,
    RESULT_REFERRAL,
    200,
]


@contextmanager
def pool_of(codes: Sequence[int]) -> Iterator[tuple[Pool, list[float]]]:
    """Yield a pool at a server that answers searches with these result codes in turn, and the times of connections."""
    remaining, opened = iter(codes), list[float]()

    def answer(message_id: int) -> list[bytes]:
        return [message(message_id, result(SEARCH_DONE, next(remaining)))]

    def prepare(connection: Connection) -> None:
        opened.append(connection.opened_at)
        connection.bind("cn=service", b"a password")

    with scripted_ldap({SEARCH_REQUEST: answer, BIND_REQUEST: [result(BIND_RESPONSE)]}) as port:
        address = ServerAddress("127.0.0.1", port, plaintext=True)
        pool = Pool(Connector(address, ssl.create_default_context()), 4, prepare)
        yield pool, opened
        pool.clear()


def search(connection: Connection) -> int:
    """Search, and return the result code."""
    return connection.search("dc=x", SUBTREE, ANY_ENTRY, ["uid"]).code


def test_operations_error_on_a_kept_connection_is_retried_on_a_new_one() -> None:
    with pool_of([RESULT_SUCCESS, RESULT_OPERATIONS_ERROR, RESULT_SUCCESS]) as (pool, opened):
        for _ in range(2):
            assert pool.run(search, monotonic() + 20) == RESULT_SUCCESS
    assert len(opened) == 2


def test_operations_error_is_retried_only_once() -> None:
    with pool_of([RESULT_SUCCESS, RESULT_OPERATIONS_ERROR, RESULT_OPERATIONS_ERROR, RESULT_SUCCESS]) as (pool, opened):
        pool.run(search, monotonic() + 20)
        with pytest.raises(ServerError, match="operationsError"):
            pool.run(search, monotonic() + 20)
    assert len(opened) == 2


@pytest.mark.parametrize("code", [RESULT_BUSY, RESULT_UNAVAILABLE, RESULT_OTHER])
def test_other_result_codes_are_not_retried(code: int) -> None:
    with pool_of([RESULT_SUCCESS, code, RESULT_SUCCESS]) as (pool, opened):
        pool.run(search, monotonic() + 20)
        with pytest.raises(ServerError):
            pool.run(search, monotonic() + 20)
    assert len(opened) == 1


@contextmanager
def provider_of(responses: Responses) -> Iterator[SearchProvider]:
    """Yield a provider with a scripted server, which accepts the bind of the service account."""
    account = {"LDAP_BIND_DN": "cn=service,dc=x", "LDAP_BIND_PASSWORD": "a password"}
    with scripted_ldap({b"cn=service": [result(BIND_RESPONSE)], **responses}) as port:
        url = {"LDAP_URL": f"ldap://127.0.0.1:{port}", "LDAP_INSECURE_PLAINTEXT": "true"}
        yield ldap_provider({**url, **account, "LDAP_BASE_DN": "dc=x"})


@pytest.mark.parametrize("code", [*ONE_SERVER, RESULT_UNAVAILABLE])
def test_result_code_of_one_search_keeps_the_server_in_use(code: int, caplog: pytest.LogCaptureFixture) -> None:
    with provider_of({b"zoe": [result(SEARCH_DONE, code)], SEARCH_REQUEST: AMY}) as provider:
        with pytest.raises(RequestFailed):
            provider.find("zoe")
        assert provider.find("amy")
    assert "is unavailable" not in caplog.text


@pytest.mark.parametrize("code", [*ONE_SERVER, RESULT_UNAVAILABLE])
def test_result_code_of_one_bind_keeps_the_server_in_use(code: int, caplog: pytest.LogCaptureFixture) -> None:
    with provider_of({SEARCH_REQUEST: ZOE, BIND_REQUEST: [result(BIND_RESPONSE, code)]}) as provider:
        with pytest.raises(RequestFailed):
            provider.authenticate("zoe", "a password")
        assert provider.find("zoe")
    assert "is unavailable" not in caplog.text


@pytest.mark.parametrize("code", ONE_SERVER[:-1])
def test_server_that_answers_every_search_with_a_result_code_stays_in_use(
    code: int, caplog: pytest.LogCaptureFixture
) -> None:
    with provider_of({SEARCH_REQUEST: [result(SEARCH_DONE, code)]}) as provider:
        for _ in range(2):
            with pytest.raises(RequestFailed):
                provider.find("zoe")
    assert "is unavailable" not in caplog.text


def test_server_that_says_it_is_unavailable_twice_is_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    responses = {SEARCH_REQUEST: [result(SEARCH_DONE, RESULT_UNAVAILABLE)]}
    with provider_of(responses) as provider, pytest.raises(ProviderUnavailable) as raised:
        provider.find("zoe")
    assert not isinstance(raised.value, RequestFailed)
    assert "is unavailable: the server answered: unavailable" in caplog.text
