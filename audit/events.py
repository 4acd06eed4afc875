"""Audit events: each is one line of the log. docs/audit-log.md documents their names and members, which are stable."""

import logging
from collections.abc import Callable, Mapping
from enum import StrEnum

from audit.escaping import logfmt

log = logging.getLogger("audit")
log.setLevel(logging.INFO)  # also in a process whose other loggers only have warnings

MAX_TEXT_LENGTH = 256
"""The maximum length of a member in characters. A longer text is cut, and ends with an ellipsis."""

EVENT_ATTRIBUTE = "audit_event"
"""The attribute of a log record with the members of its event."""


class Event(StrEnum):
    """The names of all events."""

    LOGIN_ACCEPTED = "login_accepted"
    LOGIN_DENIED = "login_denied"
    LOGIN_UNAVAILABLE = "login_unavailable"
    LOGIN_THROTTLED = "login_throttled"
    REFRESH_ACCEPTED = "refresh_accepted"
    REFRESH_DENIED = "refresh_denied"
    REFRESH_REUSED = "refresh_reused"
    REFRESH_UNAVAILABLE = "refresh_unavailable"
    PASSWORD_CHANGE_ACCEPTED = "password_change_accepted"  # noqa: S105 - the name of an event
    PASSWORD_CHANGE_DENIED = "password_change_denied"  # noqa: S105 - the name of an event
    PASSWORD_CHANGE_UNAVAILABLE = "password_change_unavailable"  # noqa: S105 - the name of an event
    PASSWORD_CHANGE_THROTTLED = "password_change_throttled"  # noqa: S105 - the name of an event
    PASSWORD_RESET_ACCEPTED = "password_reset_accepted"  # noqa: S105 - the name of an event
    PASSWORD_RESET_DENIED = "password_reset_denied"  # noqa: S105 - the name of an event
    PASSWORD_RESET_UNAVAILABLE = "password_reset_unavailable"  # noqa: S105 - the name of an event
    PASSWORD_RESET_THROTTLED = "password_reset_throttled"  # noqa: S105 - the name of an event
    CLIENT_ACCEPTED = "client_accepted"
    CLIENT_DENIED = "client_denied"
    LOGOUT = "logout"
    SESSION_ENDED = "session_ended"
    # Changes by an operator, which are also in the table audit_events.
    USER_ADDED = "user_added"
    USER_RENAMED = "user_renamed"
    USER_ENABLED = "user_enabled"
    USER_DISABLED = "user_disabled"
    USER_DELETED = "user_deleted"
    USERS_IMPORTED = "users_imported"
    EMAIL_CHANGED = "email_changed"
    ROLES_CHANGED = "roles_changed"
    PASSWORD_SET = "password_set"  # noqa: S105 - the name of an event
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of an event
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of an event
    RESET_CODE_ISSUED = "reset_code_issued"
    SESSIONS_REVOKED = "sessions_revoked"
    EVENTS_PRUNED = "events_pruned"
    DATABASE_COPIED = "database_copied"
    SERVICE_TOKEN_ISSUED = "service_token_issued"  # noqa: S105 - the name of an event
    SERVICE_TOKEN_REVOKED = "service_token_revoked"  # noqa: S105 - the name of an event
    KEY_GENERATED = "key_generated"
    KEY_ROTATED = "key_rotated"
    KEY_REMOVED = "key_removed"
    # Changes that a process of the service has noticed in its files.
    KEYS_CHANGED = "keys_changed"
    USERS_FILE_CHANGED = "users_file_changed"
    ROLE_RULES_CHANGED = "role_rules_changed"


# Members that a client can choose are after those that it cannot, so that a pattern can rely on the beginning.
MEMBERS = (
    *("event", "reason", "address", "request_id", "jti", "sid", "kid", "user_id"),
    *("proxy_request_id", "trace_id"),
    *("store_ms", "hash_ms", "sign_ms", "total_ms"),
    *("provider", "client", "operator", "account", "login", "details"),
)
"""The names of all members, in the order in which they are written."""

_NAMES = frozenset(MEMBERS)

Member = str | int | float | None


def _no_request() -> Mapping[str, Member]:
    return {}


_request_members: Callable[[], Mapping[str, Member]] = _no_request


def read_request_members_with(source: Callable[[], Mapping[str, Member]]) -> None:
    """Let every event have the members that `source` returns. It is called when an event is written, in its thread."""
    global _request_members  # noqa: PLW0603 - one for the process, as the log is
    _request_members = source


def request_members() -> Mapping[str, Member]:
    """Return the members of the request that this thread handles; none outside a request."""
    return _request_members()


_observers: list[Callable[[Mapping[str, Member]], None]] = []


def observe_events_with(observer: Callable[[Mapping[str, Member]], None]) -> None:
    """Call `observer` with the members of each later event, in the thread that writes it. It must not raise."""
    _observers.append(observer)


def write_event(event: Event, **members: Member) -> None:
    """Write an event to the log, with the members of the request that this thread handles.

    A member that is `None` is omitted. Raises TypeError for an unknown member.
    """
    given = {name: value for name, value in members.items() if value is not None}
    _write(event, {**request_members(), **given})


def write_process_event(event: Event, **members: Member) -> None:
    """Write an event that no request has caused, such as the change of a file. Otherwise the same."""
    _write(event, members)


def _write(event: Event, members: Mapping[str, Member]) -> None:
    if not members.keys() <= _NAMES:
        raise TypeError(f"unknown members of an event: {members.keys() - _NAMES}")
    values = {**members, "event": event.value}
    entry = {name: value for name in MEMBERS if (value := values.get(name)) is not None}
    for name, value in entry.items():
        if isinstance(value, str) and len(value) > MAX_TEXT_LENGTH:
            entry[name] = f"{value[: MAX_TEXT_LENGTH - 1]}…"
    log.info("%s", logfmt(entry), extra={EVENT_ATTRIBUTE: entry})
    for observe in _observers:
        observe(entry)
