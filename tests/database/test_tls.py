"""Whether a PostgreSQL server on another host is verified, with the options in every place where libpq reads them."""

from pathlib import Path
from time import monotonic

import pytest

from config.errors import ConfigurationError
from config.service_settings import DatabaseSettings
from database.engine import open_engine
from database.tls import unverified_sslmode
from services.diagnosis.checks.database import check_database
from tests.support.stores import SECRET_KEY, services_of

SERVICES = "[remote]\nhost=203.0.113.9\nsslmode=require\n\n[verified]\nhost=203.0.113.9\nsslmode=verify-full\n"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGSSLMODE", "PGSERVICE", "PGSSLROOTCERT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "services").write_text(SERVICES)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))


def sslmode_of(url: str) -> str | None:
    return unverified_sslmode(
        open_engine(DatabaseSettings.read({"DATABASE_URL": url, "DATABASE_INSECURE_TLS": "true"}))
    )


def refusal_of(url: str, insecure_tls: str = "") -> str | None:
    try:
        open_engine(DatabaseSettings.read({"DATABASE_URL": url, "DATABASE_INSECURE_TLS": insecure_tls}))
    except ConfigurationError as error:
        (line,) = error.lines
        return line
    return None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///d",
        "postgresql://u:hunter2@localhost/d",
        "postgresql://u:hunter2@LOCALHOST./d",
        "postgresql://u:hunter2@127.0.0.1:5433/d",
        "postgresql://u:hunter2@127.8.9.1/d?sslmode=disable",
        "postgresql://u:hunter2@[::1]/d",
        "postgresql:///d?host=/run/postgresql",
        "postgresql://u:hunter2@db.invalid/d?hostaddr=127.0.0.1",
        "postgresql://u:hunter2@203.0.113.5/d?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgresql://u:hunter2@203.0.113.5/d?sslmode=verify-full&sslrootcert=system",
        "postgresql:///d?service=verified",
        "postgresql://u:hunter2@203.0.113.5/d?sslrootcert=system",
    ],
)
def test_local_or_verified_server_is_accepted(url: str) -> None:
    assert sslmode_of(url) is None
    assert refusal_of(url) is None


@pytest.mark.parametrize(
    ("url", "sslmode"),
    [
        ("postgresql://u:hunter2@203.0.113.5/d", "prefer"),
        ("postgresql://u:hunter2@203.0.113.5/d?sslmode=disable", "disable"),
        ("postgresql://u:hunter2@203.0.113.5/d?sslmode=require", "require"),
        ("postgresql://u:hunter2@203.0.113.5/d?sslmode=require&sslrootcert=/etc/ca.pem", "require"),
        ("postgresql://u:hunter2@203.0.113.5/d?sslmode=verify-ca", "verify-ca"),
        ("postgresql://u:hunter2@[2001:db8::1]/d", "prefer"),
        ("postgresql:///d?host=203.0.113.5", "prefer"),
        ("postgresql:///d?host=localhost&host=203.0.113.5", "prefer"),
        ("postgresql://u:hunter2@localhost/d?hostaddr=203.0.113.5", "prefer"),
        ("postgresql://u:hunter2@localhost.example.invalid/d", "prefer"),
        ("postgresql:///d?service=remote", "require"),
        ("postgresql://u:hunter2@203.0.113.5/d?sslmode=require&channel_binding=require", "require"),
    ],
)
def test_unverified_server_on_another_host_is_refused(url: str, sslmode: str) -> None:
    assert sslmode_of(url) == sslmode
    refusal = str(refusal_of(url))
    assert refusal.startswith("DATABASE_URL names a server on another host, and the connection ")
    assert "sslmode=verify-full" in refusal
    assert "DATABASE_INSECURE_TLS=true" in refusal
    assert "hunter2" not in refusal
    assert refusal_of(url, insecure_tls="true") is None
    assert refusal_of(url, insecure_tls="false") == refusal


def test_host_name_is_not_looked_up_before_the_first_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start during an outage of DNS does not wait."""
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "60")
    began = monotonic()
    for number in range(20):
        assert sslmode_of(f"postgresql://u:hunter2@db{number}.invalid/d") == "prefer"
    assert monotonic() - began < 5


def test_service_does_not_start_with_an_unverified_server(static_environ: dict[str, str]) -> None:
    url = "postgresql://u:hunter2@203.0.113.5/d"
    environ = {**static_environ, "SECRET_KEY": SECRET_KEY, "DATABASE_URL": url}
    with pytest.raises(ConfigurationError, match="DATABASE_URL names a server on another host") as raised:
        services_of(environ)
    assert len(raised.value.problems) == 1
    assert services_of({**environ, "DATABASE_INSECURE_TLS": "true"})


def test_server_in_the_variables_of_libpq_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "203.0.113.5")
    assert sslmode_of("postgresql:///d") == "prefer"
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert sslmode_of("postgresql:///d") is None
    monkeypatch.setenv("PGSSLMODE", "allow")
    assert sslmode_of("postgresql:///d") == "allow"
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGSERVICE", "remote")
    assert sslmode_of("postgresql:///d") == "require"


def test_invalid_options_are_not_a_verified_server() -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL has an unknown or repeated parameter"):
        sslmode_of("postgresql://u:hunter2@203.0.113.5/d?sslmoed=require")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sslmode=disable", "can be unencrypted"),
        ("sslmode=require", "certificate is not verified"),
        ("sslmode=verify-ca", "accepts the certificate of any host of the same authority"),
    ],
)
def test_doctor_warns_of_a_permitted_unverified_server(query: str, found: str) -> None:
    url = f"postgresql://u:hunter2@db.invalid/d?{query}&connect_timeout=1"
    first, *_ = check_database(DatabaseSettings.read({"DATABASE_URL": url, "DATABASE_INSECURE_TLS": "true"}), ())
    assert (first.step, first.outcome) == ("database: encryption", "warning")
    assert found in first.found
    assert "sslmode=verify-full" in str(first.remedy)
    assert "hunter2" not in repr(first)
