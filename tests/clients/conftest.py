"""A service that its clients find by its issuer, as in docs/checked-with.md."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from services.keys.directory import KeyDirectory
from services.keys.ring import Key
from tests.servers.gunicorn import gunicorn
from tests.servers.process import free_port
from tests.support.oauth import CLIENTS


class StandardService(NamedTuple):
    """A running service with registered clients, whose JWT_ISSUER is its URL."""

    url: str
    key: Key
    """The key that signs its tokens."""
    environ: dict[str, str]


@pytest.fixture(scope="session")
def standard_service(
    sqlite_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StandardService]:
    """A service with a new key of the default algorithm."""
    directory = KeyDirectory(tmp_path_factory.mktemp("keys"))
    key = directory.add("ES256").key
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {**sqlite_environ, "SIGNING_KEYS_DIR": str(directory.path), "JWT_ISSUER": url}
    with gunicorn({**environ, "OAUTH_CLIENTS": CLIENTS, "OAUTH_PASSWORD_GRANT": "true"}, port=port):
        yield StandardService(url, key, environ)
