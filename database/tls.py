"""Whether the connection to a PostgreSQL server is protected against the network, as libpq is configured."""

from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn
from sqlalchemy import Engine

from config.errors import ConfigurationError, Problem
from config.local_host import is_local_host

VERIFY = (
    "Add ?sslmode=verify-full&sslrootcert=FILE to DATABASE_URL, with the certificate of the server's authority in FILE"
)
"""What to do about an unverified server: a sentence without its period."""

_UNVERIFIED = {
    "require": "is encrypted, but the certificate is not verified, so that another host can pose as the server",
    "verify-ca": "accepts the certificate of any host of the same authority, which can pose as the server",
}


def require_verified_server(engine: Engine) -> None:
    """Raise ConfigurationError if a PostgreSQL server on another host is not verified."""
    if found := unverified_server(engine):
        remedy = f"{VERIFY}. If no other host can reach that network, set DATABASE_INSECURE_TLS=true"
        raise ConfigurationError([Problem("DATABASE_URL", f"names a server on another host, and {found}", remedy)])


def unverified_server(engine: Engine) -> str | None:
    """Return how a server on another host is not verified; `None` if it is verified, or if all hosts are local."""
    sslmode = unverified_sslmode(engine)
    if sslmode is None:
        return None
    return (
        f"the connection {_UNVERIFIED.get(sslmode, 'can be unencrypted, so that the network can read and change it')}"
    )


def unverified_sslmode(engine: Engine) -> str | None:
    """Return the `sslmode` if a server on another host is not verified; `None` if it is, or if all hosts are local.

    The `sslmode` and the hosts can be in DATABASE_URL, in PG… variables, or in a service file.
    """
    options = _effective_options(engine)
    hosts = (options.get("hostaddr") or options.get("host") or "").split(",")
    sslmode = options.get("sslmode", "prefer")
    return None if sslmode == "verify-full" or all(map(_is_local, hosts)) else sslmode


def _effective_options(engine: Engine) -> dict[str, str]:
    """Return the options with which libpq would connect, from all sources, with its defaults."""
    _, options = engine.dialect.create_connect_args(engine.url)
    options.pop("context", None)  # an option of psycopg, and not of libpq
    # With an invalid value, libpq collects all options and then stops, before it looks a host name up.
    options["target_session_attrs"] = "not-connecting"
    connection = PGconn.connect_start(make_conninfo(**options).encode())
    try:
        return {option.keyword.decode(): option.val.decode() for option in connection.info if option.val}
    finally:
        connection.finish()


def _is_local(host: str) -> bool:
    is_unix_socket = not host or host.startswith(("/", "@"))
    return is_unix_socket or is_local_host(host)
