"""A PostgreSQL server with TLS: the documented parameters of DATABASE_URL, and several hosts."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trustme

from config.errors import ConfigurationError
from database.errors import DatabaseUnavailable
from database.schema import HEAD, upgrade
from tests.servers.postgres import Cluster, cluster
from tests.support.stores import engine_of

TLS = "-c ssl=on -c ssl_cert_file={0}/server.pem -c ssl_key_file={0}/server.key"


@pytest.fixture(scope="module")
def tls_server() -> Iterator[Cluster]:
    """A server with a certificate for `localhost`, whose authority is in `ca.pem` of its folder."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        trustme.CA().cert_pem.write_to_path(folder / "other.pem")
        certificate = authority.issue_cert("localhost")
        certificate.cert_chain_pems[0].write_to_path(folder / "server.pem")
        certificate.private_key_pem.write_to_path(folder / "server.key")
        (folder / "server.key").chmod(0o600)
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(folder / "server.key", account.pw_uid, account.pw_gid)
        with cluster(folder, TLS.format(folder)) as running:
            yield running


def url_of(server: Cluster, authority: str, host: str = "localhost") -> str:
    """Return a URL of two hosts: the first one refuses connections."""
    hosts = f"host=localhost:1&host={host}:{server.port}"
    return f"postgresql+psycopg://app@/postgres?{hosts}&sslmode=verify-full&sslrootcert={server.home}/{authority}"


def test_verified_server_is_the_second_of_several_hosts(tls_server: Cluster) -> None:
    engine = engine_of({"DATABASE_URL": url_of(tls_server, "ca.pem")})
    assert upgrade(engine) == HEAD
    with engine.connect() as connection:
        encrypted = connection.exec_driver_sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").scalar()
    assert encrypted is True


@pytest.mark.parametrize(("authority", "host"), [("other.pem", "localhost"), ("ca.pem", "127.0.0.1")])
def test_server_of_another_authority_or_name_is_refused(tls_server: Cluster, authority: str, host: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="certificate"):
        upgrade(engine_of({"DATABASE_URL": url_of(tls_server, authority, host)}))


@pytest.mark.parametrize(
    "hosts", ["h1,h2", "user:hunter2@h1:5432,h2:5433", "user:hun,ter2@h1,h2", "h1.example.org,h2.example.org:5432"]
)
def test_hosts_before_the_path_are_refused_with_the_documented_form(hosts: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        engine_of({"DATABASE_URL": f"postgresql+psycopg://{hosts}/db"})
    (line,) = caught.value.lines
    assert "names several hosts before its path. Write them as parameters: postgresql://" in line
    assert "hun" not in line
