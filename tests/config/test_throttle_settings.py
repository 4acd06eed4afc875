"""LOGIN_FAILURES_PER_ACCOUNT, LOGIN_ATTEMPTS_PER_ADDRESS and THROTTLE_STORAGE_URL: invalid values prevent a start."""

import pytest

from app import create_app
from config.errors import ConfigurationError
from config.service_settings import LoginSettings
from config.throttle_settings import ThrottleSettings
from tests.support.stores import SECRET_KEY

LIMITS = ["LOGIN_FAILURES_PER_ACCOUNT", "LOGIN_ATTEMPTS_PER_ADDRESS"]
INVALID_LIMITS = [
    "10",
    "ten/hour",
    "10/fortnight",
    "0/hour",
    "10/0 minutes",
    "-1/hour",
    "1.5/hour",
    "10/hour;100/day",
    "10/year",
    "10/31 days",
    "1000001/hour",
    f"{'9' * 5000}/hour",
    f"10/{'9' * 5000} hours",
]
INVALID_URLS = [
    "memory://",
    "localhost:6379",
    "http://localhost",
    "redis://",
    "rediss:///0",
    "redis+unix://",
    "redis://host:port",
    "redis://host:99999",
    "redis://[::1",
    "memcached://localhost:11211",
]


@pytest.mark.parametrize("variable", LIMITS)
@pytest.mark.parametrize("value", ["10/15 minutes", "10 per 15 minute", "1/second", "100/30 days", " 5/HOUR "])
def test_notation_of_the_library_is_valid(variable: str, value: str) -> None:
    assert LoginSettings.read({variable: value})


@pytest.mark.parametrize("variable", LIMITS)
@pytest.mark.parametrize("value", INVALID_LIMITS)
def test_invalid_limit_prevents_a_start_and_is_shown(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        LoginSettings.read({variable: value})
    (line,) = refused.value.lines
    assert line.startswith(f"{variable} ")
    assert line.endswith("minutes.")
    assert f" (it is '{value[:100]}" in line or not value


@pytest.mark.parametrize("url", INVALID_URLS)
def test_invalid_storage_url_prevents_a_start_and_is_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ThrottleSettings.read({"THROTTLE_STORAGE_URL": url})
    (line,) = refused.value.lines
    assert line.startswith("THROTTLE_STORAGE_URL ")
    shown = line
    for example in ("redis://127.0.0.1:6379", "rediss://user:password@host", "redis+unix:///"):
        shown = shown.replace(example, "")
    assert url not in shown


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1",
        "redis://[::1]:6379/0",
        "redis://:hunter2@localhost/0",
        "redis+unix:///run/redis.sock",
        "rediss://:hunter2@203.0.113.5/0",
        "rediss://:hunter2@cache.example.org?ssl_cert_reqs=required&ssl_check_hostname=true",
        "rediss://localhost?ssl_cert_reqs=none",
    ],
)
def test_local_or_verified_redis_server_is_accepted(url: str) -> None:
    assert not ThrottleSettings.read({"THROTTLE_STORAGE_URL": url}).has_unverified_server


@pytest.mark.parametrize(
    "url",
    [
        "redis://203.0.113.5",
        "redis://:hunter2@cache:6379/0",
        "redis://localhost.example.org",
        "rediss://:hunter2@203.0.113.5?ssl_cert_reqs=none",
        "rediss://:hunter2@203.0.113.5?ssl_cert_reqs=optional",
        "rediss://:hunter2@203.0.113.5?ssl_check_hostname=False",
    ],
)
def test_unverified_redis_server_on_another_host_needs_its_own_setting(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ThrottleSettings.read({"THROTTLE_STORAGE_URL": url})
    (line,) = refused.value.lines
    assert line.startswith("THROTTLE_STORAGE_URL names a server on another host, and ")
    assert "THROTTLE_INSECURE_TLS=true" in line
    assert "hunter2" not in line
    permitted = ThrottleSettings.read({"THROTTLE_STORAGE_URL": url, "THROTTLE_INSECURE_TLS": "true"})
    assert permitted.has_unverified_server


def test_all_invalid_settings_of_the_throttle_are_reported_together(static_environ: dict[str, str]) -> None:
    invalid = {
        **dict.fromkeys(LIMITS, "often"),
        "THROTTLE_STORAGE_URL": "redis://:hunter2@127.0.0.1:1/?db=none",
        "TRUSTED_PROXIES": "all",
    }
    with pytest.raises(ConfigurationError) as refused:
        create_app({**static_environ, "SECRET_KEY": SECRET_KEY, **invalid})
    assert {line.split()[0] for line in refused.value.lines} >= {*LIMITS, "TRUSTED_PROXIES"}
    assert "hunter2" not in str(refused.value)


def test_invalid_option_in_the_storage_url_prevents_a_start(static_environ: dict[str, str]) -> None:
    url = "redis://:hunter2@127.0.0.1:1/?db=none"
    with pytest.raises(ConfigurationError) as refused:
        create_app({**static_environ, "SECRET_KEY": SECRET_KEY, "THROTTLE_STORAGE_URL": url})
    (line,) = refused.value.lines
    assert line.startswith("THROTTLE_STORAGE_URL has an invalid option")
