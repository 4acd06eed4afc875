"""Whether the connection to a PostgreSQL server is protected against the network, as libpq is configured."""

from ipaddress import ip_address

from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn
from sqlalchemy import Engine


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
    connection = PGconn.connect_start(make_conninfo(**options).encode())
    try:
        return {option.keyword.decode(): option.val.decode() for option in connection.info if option.val}
    finally:
        connection.finish()


def _is_local(host: str) -> bool:
    if not host or host.startswith(("/", "@")):  # a Unix socket
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"
