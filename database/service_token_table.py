"""The service tokens that are valid. Their text is not stored."""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, func, insert, select

from audit.events import Event
from database.audit import logged_after_commit, record_event
from database.clock import earliest_time
from database.engine import begin_write
from database.error_translation import translate_database_errors
from database.errors import NoSuchToken, TokenNotRevocable
from database.expiry import expired
from database.service_token import ServiceToken
from database.session_ends import revoke_token
from database.tables import service_tokens


class ServiceTokenTable:
    """The service tokens in one database. Thread-safe. Every method can raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, token: ServiceToken) -> ServiceToken:
        """Insert a token, and delete those that have expired. Return the token with its id."""
        values = {name: value for name, value in vars(token).items() if name != "id"} | {
            "roles": json.dumps(token.roles)
        }
        with self._begin() as connection:
            connection.execute(delete(service_tokens).where(expired(service_tokens, earliest_time())))
            added = insert(service_tokens).values(values).returning(service_tokens.c.id)
            token = replace(token, id=connection.execute(added).scalar_one())
            _record(connection, token.operator, Event.SERVICE_TOKEN_ISSUED, token)
        return token

    def page(self, limit: int, after: int = 0) -> list[ServiceToken]:
        """Return the first `limit` tokens with a greater id than `after`, by their ids."""
        with self._begin() as connection:
            found = select(service_tokens).where(_is_valid(), service_tokens.c.id > after)
            rows = connection.execute(found.order_by(service_tokens.c.id).limit(limit))
            return [*map(_to_token, rows)]

    def require(self, token_id: int) -> ServiceToken:
        """Return the token with this id. Raises NoSuchToken."""
        with self._begin() as connection:
            return _require(connection, token_id)

    def revoke(self, operator: str, token_id: int, revocable_roles: Collection[str] | None = None) -> ServiceToken:
        """Revoke a token, and return it.

        Raises NoSuchToken, and TokenNotRevocable if the token has a role that is not in `revocable_roles`; `None` means
        all roles.
        """
        with self._begin() as connection:
            token = _require(connection, token_id)
            if revocable_roles is not None and not {*token.roles} <= {*revocable_roles}:
                raise TokenNotRevocable
            _record(connection, operator, Event.SERVICE_TOKEN_REVOKED, token)
            revoke_token(connection, token.jti, token.expires_at)
        return token

    def role_names(self) -> frozenset[str]:
        """Return the roles of all tokens."""
        with self._begin() as connection:
            found = connection.scalars(select(service_tokens.c.roles).where(_is_valid()).distinct())
            return frozenset(role for roles in found for role in json.loads(roles))

    def last_expiry(self, key_id: str) -> datetime | None:
        """Return when the last token that a key has signed expires; `None` if it has signed none."""
        with self._begin() as connection:
            expiry = select(func.max(service_tokens.c.expires_at)).where(service_tokens.c.key_id == key_id)
            latest: datetime | None = connection.scalar(expiry)
        return latest

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with translate_database_errors(), logged_after_commit(begin_write(self._engine)) as connection:
            yield connection


def _is_valid() -> ColumnElement[bool]:
    return service_tokens.c.expires_at > datetime.now(UTC)


def _require(connection: Connection, token_id: int) -> ServiceToken:
    """Return the token, whose row is locked until the transaction ends. Raises NoSuchToken."""
    found = select(service_tokens).where(_is_valid(), service_tokens.c.id == token_id).with_for_update()
    row = connection.execute(found).one_or_none()
    if row is None:
        raise NoSuchToken
    return _to_token(row)


def _to_token(row: Row[*tuple[object, ...]]) -> ServiceToken:
    values = {**row._mapping}  # noqa: SLF001 - SQLAlchemy's public name
    return ServiceToken(**{**values, "roles": tuple(json.loads(values["roles"]))})


def _record(connection: Connection, operator: str, event: Event, token: ServiceToken) -> None:
    details = f"id {token.id}; roles: {', '.join(token.roles) or 'none'}; until {token.expires_at:%Y-%m-%d %H:%M} UTC"
    record_event(connection, operator, event, token.subject, details, provider=None)
