"""Logins, refreshes and password changes: each writes exactly one event when it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from audit.events import Event, Member, write_event
from audit.operation import Operation, note
from config.http_error import Unavailable
from database.errors import NoSuchUser, UserChanged
from passwords.policy import WeakPassword
from providers.interface import Denied, ProviderUnavailable
from services.identity import Identity
from services.sessions.errors import REUSED, InvalidRefreshToken
from services.throttle.errors import THROTTLED, Throttled
from services.tokens.grant import Grant


class Outcomes(NamedTuple):
    """The events of one kind of operation."""

    accepted: Event
    denied: Event
    unavailable: Event
    throttled: Event
    """No provider has been asked. A refresh is never throttled: it has no password."""


LOGIN = Outcomes(Event.LOGIN_ACCEPTED, Event.LOGIN_DENIED, Event.LOGIN_UNAVAILABLE, Event.LOGIN_THROTTLED)
REFRESH = Outcomes(Event.REFRESH_ACCEPTED, Event.REFRESH_DENIED, Event.REFRESH_UNAVAILABLE, Event.REFRESH_UNAVAILABLE)
PASSWORD_CHANGE = Outcomes(
    Event.PASSWORD_CHANGE_ACCEPTED,
    Event.PASSWORD_CHANGE_DENIED,
    Event.PASSWORD_CHANGE_UNAVAILABLE,
    Event.PASSWORD_CHANGE_THROTTLED,
)

PASSWORD_RESET = Outcomes(
    Event.PASSWORD_RESET_ACCEPTED,
    Event.PASSWORD_RESET_DENIED,
    Event.PASSWORD_RESET_UNAVAILABLE,
    Event.PASSWORD_RESET_THROTTLED,
)

USER_CHANGED = "user_changed"
"""The reason of UserChanged. The reasons of other errors are the codes of their responses."""


class Result:
    """What an operation has come to. Without a denial or an exception, it is accepted."""

    denial: str | None = None
    """The reason of a denial."""

    def of_login(self, answer: Grant | Identity | Denied) -> None:
        """Take over the answer to credentials."""
        if isinstance(answer, Denied):
            self.denial = answer.reason
        elif isinstance(answer, Grant):
            self.of_grant(answer)
        else:
            self.of_user(answer["username"], answer["idp"])

    def of_user(self, username: str, provider: str) -> None:
        """Take over the user whom the operation concerns."""
        note(account=username, provider=provider)

    def of_grant(self, grant: Grant) -> None:
        """Take over the tokens that the client receives."""
        token = grant.token
        members = {name: token.claims.get(claim) for name, claim in _CLAIMS.items()}
        note(**members, kid=token.key_id)


_CLAIMS = {"account": "sub", "provider": "idp", "client": "client_id", "jti": "jti", "sid": "sid"}


@contextmanager
def recorded(outcomes: Outcomes, **members: Member) -> Iterator[Result]:
    """Write the event of the operation that the block performs, with these members and those that it notes."""
    with Operation() as running:
        result = Result()
        running.known |= members
        event, reason = outcomes.accepted, None
        try:
            yield result
            if result.denial is not None:
                event, reason = outcomes.denied, result.denial
        except Exception as error:
            event, reason = _outcome_of(error, outcomes)
            raise
        finally:
            members = {**running.known, "reason": reason, **running.durations()}
            if members.get("account"):
                members.pop("login", None)
            write_event(event, **members)


def _outcome_of(error: Exception, outcomes: Outcomes) -> tuple[Event, str]:
    if isinstance(error, ProviderUnavailable):
        note(provider=error.provider)
    if isinstance(error, Throttled):
        return outcomes.throttled, THROTTLED
    if isinstance(error, InvalidRefreshToken):
        return (Event.REFRESH_REUSED if error.reason == REUSED else outcomes.denied), error.reason
    if isinstance(error, UserChanged):
        return outcomes.denied, USER_CHANGED
    if isinstance(error, (WeakPassword, NoSuchUser)):
        return outcomes.denied, error.error_code
    return outcomes.unavailable, error.error_code if isinstance(error, Unavailable) else "internal_error"
