"""The scan of the log of the whole test run finds secrets, in the records of tests and in the output of servers."""

import logging
import secrets

import pytest
import requests

from passwords.hashing import hash_password
from services.sessions.refresh_tokens import RefreshToken
from tests.servers.gunicorn import gunicorn
from tests.support.log_scan import LOG, SHAPES, append_to_log, leaks
from tests.support.sessions import client_of, log_in
from tests.support.users import ZOE


def test_scan_finds_tokens_hashes_and_passwords(sqlite_environ: dict[str, str]) -> None:
    client = client_of(sqlite_environ)
    tokens = log_in(client)
    other = "a password that is sent to an endpoint 7"
    client.post("/api/auth/password", json={"password": other, "new_password": "x"})
    used = [tokens.access, tokens.refresh, hash_password("x"), RefreshToken.new().hash, ZOE.password, other]
    used += ["Basic em9lOnRoZSBwYXNzd29yZA==", "postgresql://latchkey:swordfish@host/db", "-----BEGIN PRIVATE KEY-----"]
    used += [repr(ZOE.password), "{SSHA}f6ytUsSs8Zsq6C3sv1hZJy2XemwAAQID", f"$6${secrets.token_hex(20)}"]
    for secret in used:
        assert [*leaks(f"a line\nbefore {secret} after\nanother line")] != [], secret
    assert [*leaks("login_accepted jti=SIgJ4mKJwOPT8c2ZoNkAtQ sid=9f1b8a4ff5a8b9f76e45f1a44d36d3d8 account=zoé")] == []


@pytest.mark.parametrize("secret", ["Basic em9lOnRoZSBwYXNzd29yZA==", "-----BEGIN PRIVATE KEY-----"])
def test_scan_reports_the_line_of_a_secret(secret: str) -> None:
    (found,) = leaks(f"first\nsecond {secret}\nthird")
    assert found.endswith(f": second {secret}")
    assert found.split(":")[0] in SHAPES


def test_log_has_the_records_of_tests_and_the_output_of_servers_and_commands(static_environ: dict[str, str]) -> None:
    number = secrets.token_hex(8)
    logging.getLogger("tests").error("record %s", number)
    append_to_log(f"command {number}")
    with gunicorn(static_environ) as url:
        credentials = {"email": ZOE.username, "password": "wrong"}
        response = requests.post(f"{url}/api/auth", json=credentials, timeout=60)
    log = LOG.read_text("utf-8", "replace")
    request_id = response.headers["X-Request-ID"]
    assert all(text in log for text in (f"record {number}", f"command {number}", f"request_id={request_id}"))
