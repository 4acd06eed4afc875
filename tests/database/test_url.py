"""`DATABASE_URL`: which URLs are accepted, and that no message quotes one."""

import pytest

from config.errors import ConfigurationError
from tests.support.stores import engine_of


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@hunter2@127.0.0.1/d",
        "postgresql://u:hunter2@127..0.1/d",
        f"postgresql://u:hunter2@{'a' * 60}!/d",
        "sqlite:///hunter2.db?timeout=hunter2",
        "sqlite:///hunter2.db?hunter2=1",
        "sqlite:///hunter2.db?mode=memory",
        "postgresql://u:hunter2@127.0.0.1/d?hunter2=hunter2",
        "postgresql://u:hunter2@127.0.0.1/d?autocommit=hunter2",
        "postgresql://u:hunter2@127.0.0.1/d?context=hunter2",
        "postgresql://u:hunter2@127.0.0.1/d?plugin=hunter2",
        "postgresql://u:hunter2@127.0.0.1/d?sslmode=hunter2&sslmode=hunter2",
        "sqlite://",
        "mysql://u:hunter2@h/d",
    ],
)
def test_invalid_url_is_rejected_and_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        engine_of({"DATABASE_URL": url})
    assert "DATABASE_URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@127.0.0.1/d?sslmode=verify-full&sslrootcert=system&options=-c%20jit%3Doff",
        "postgresql:///d?host=a:5432&host=b:5433&target_session_attrs=read-write&sslmode=verify-full",
        "postgresql:///d?service=x",
        "sqlite:///users.db?cache=private",
    ],
)
def test_parameters_of_the_database_are_accepted(url: str) -> None:
    assert engine_of({"DATABASE_URL": url})


@pytest.mark.parametrize("host", ["db-1.example.org", "127.0.0.1", "[::1]", "", "db."])
def test_host_may_be_a_name_or_an_address(host: str) -> None:
    assert engine_of({"DATABASE_URL": f"postgresql://u:p@{host}/d?sslmode=verify-full"})
