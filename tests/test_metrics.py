"""`/metrics` of gunicorn with two workers: all metrics of all workers, only with METRICS_TOKEN."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509

from app import create_app
from config.errors import ConfigurationError
from services.keys.directory import KeyDirectory
from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.slapd import Slapd, slapd
from tests.support.api_client import ApiClient
from tests.support.log_scan import remember_secret
from tests.support.stores import SECRET_KEY, user_table
from tests.support.users import ZOE

TOKEN = "a token for the metrics of the tests"
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"
MAX_SECONDS = 60
EXPIRY = datetime.now(UTC).replace(microsecond=0) + timedelta(days=20)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd"), not_after=EXPIRY) as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, directory: Slapd) -> Iterator[str]:
    remember_secret(TOKEN)
    table = user_table(f"sqlite:///{tmp_path_factory.mktemp('users') / 'users.db'}", [ZOE])
    environ = {**directory.environ(), **table, "AUTH_PROVIDER": "database, ldap", "METRICS_TOKEN": TOKEN}
    with gunicorn(environ, workers=2) as url:
        yield url


def read(url: str, token: str = TOKEN) -> requests.Response:
    return requests.get(f"{url}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=60)


def values(url: str) -> dict[str, float]:
    """Return the samples by their names and labels."""
    lines = [line for line in read(url).text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def wait_for(url: str, sample: str, value: float) -> None:
    """Wait until a sample has this value. Each worker writes the counts of its guards every few seconds."""
    deadline = time.monotonic() + MAX_SECONDS
    while (found := values(url)).get(sample) != value:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def test_metrics_are_the_sum_of_all_workers(service: str) -> None:
    client = ApiClient(service)
    tokens = client.log_in(ZOE)
    token = client.send("POST", "/api/auth/refresh", refresh_token=tokens["refresh_token"]).json()["data"]
    for _ in range(20):  # each over a new connection, so that both workers receive some
        assert client.send("GET", "/api/auth/me", token).status_code == 200
    assert client.send("GET", "/api/auth/me").status_code == 401
    assert client.send("POST", "/api/auth", email=ZOE.email, password="a wrong password").status_code == 400
    wait_for(service, 'latchkey_guarded_requests_total{outcome="allowed"}', 20)
    wait_for(service, 'latchkey_guarded_requests_total{outcome="missing_token"}', 1)
    found = values(service)
    assert found['latchkey_logins_total{provider="database",reason="accepted"}'] == 1
    assert found['latchkey_logins_total{provider="database",reason="wrong_password"}'] == 1
    assert found['latchkey_refreshes_total{provider="database",reason="accepted"}'] == 1
    assert found['latchkey_events_total{event="login_denied"}'] == 1
    assert found["latchkey_hash_seconds_count"] == 2
    assert found['latchkey_provider_seconds_count{provider="database"}'] == 2
    # Infinite until every worker has read the list.
    wait_until(lambda: 0 <= values(service)["latchkey_revocation_list_age_seconds"] < MAX_SECONDS, MAX_SECONDS)
    assert found["latchkey_pending_hashes"] == 0


def test_metrics_know_when_certificates_expire(service: str, directory: Slapd) -> None:
    def sample(certificate: str) -> str:
        return f'latchkey_certificate_expiry_timestamp_seconds{{certificate="{certificate}",provider="ldap"}}'

    ApiClient(service).log_in(
        ZOE
    )  # the directory is asked too, so that the time does not reveal which provider knows her
    wait_for(service, sample(f"localhost:{directory.port}"), EXPIRY.timestamp())
    authority = x509.load_pem_x509_certificate((directory.home / "ca.pem").read_bytes())
    assert values(service)[sample("LDAP_CA_FILE")] == authority.not_valid_after_utc.timestamp()


@pytest.mark.parametrize("token", ["", "wrong", f"{TOKEN} "[:-2]])
def test_metrics_require_their_token(service: str, token: str) -> None:
    response = read(service, token)
    assert (response.status_code, "latchkey_" in response.text) == (401, False)
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_access_token_does_not_read_the_metrics(service: str) -> None:
    assert read(service, ApiClient(service).log_in(ZOE)["data"]).status_code == 401


def test_directory_of_the_operator_is_used_and_kept(static_environ: dict[str, str], tmp_path: Path) -> None:
    environ = {**static_environ, "METRICS_TOKEN": TOKEN, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    with gunicorn(environ) as url:
        assert read(url).status_code == 200
    assert list(tmp_path.glob("*.db"))


def test_worker_whose_metrics_notice_new_keys_serves_logins(static_environ: dict[str, str], tmp_path: Path) -> None:
    keys = KeyDirectory(tmp_path)
    keys.add("ES256")
    environ = {**static_environ, "METRICS_TOKEN": TOKEN, "SIGNING_KEYS_DIR": str(keys.path)}
    with gunicorn(environ, workers=1) as url:
        assert read(url).status_code == 200
        keys.add("ES256")
        wait_for(url, 'latchkey_events_total{event="keys_changed"}', 1)  # no other request reads the keys
        assert "data" in ApiClient(url).log_in(ZOE)


def test_there_are_no_metrics_without_a_token(static_environ: dict[str, str]) -> None:
    client = create_app({**static_environ, "SECRET_KEY": SECRET_KEY}).test_client()
    assert client.get("/metrics").status_code == 404


def test_every_metric_is_documented_and_no_other(service: str) -> None:
    found = set(re.findall(r"^# TYPE (\w+)", read(service).text, re.MULTILINE))
    assert set(re.findall(r"^\| `(latchkey_\w+)", DOCUMENT.read_text(), re.MULTILINE)) == found


@pytest.mark.parametrize("name", ["missing", "file"])
def test_metrics_need_a_directory_that_can_be_written(
    static_environ: dict[str, str], tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").touch()
    environ = {**static_environ, "SECRET_KEY": SECRET_KEY, "METRICS_TOKEN": TOKEN}
    with pytest.raises(ConfigurationError, match=f"PROMETHEUS_MULTIPROC_DIR is not a directory .*{tmp_path}/{name}"):
        create_app({**environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / name)})
