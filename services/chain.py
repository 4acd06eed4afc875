"""The chain: it asks the providers in order until one provider decides the login."""

import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from audit.operation import note, timed
from config.outage_log import OutageLog
from config.text import NormalizedName, OpaqueText, casefold_name
from passwords.hashing import CAPACITY
from providers.interface import (
    INVALID_REASON,
    SHADOWED,
    UNKNOWN_USER,
    AuthProvider,
    Denied,
    Overloaded,
    ProviderUnavailable,
    RequestFailed,
    SupportsFind,
    SupportsHasUsername,
    User,
)
from services.concurrency_limit import ConcurrencyLimit
from services.password_removal import without_password
from services.provider_watch import watch_call

log = logging.getLogger(__name__)

_REASON = re.compile(r"[a-z0-9_]{1,64}")

MAX_LOOKUPS = 16
"""The maximum number of users that a process looks up concurrently, apart from logins."""


class Identity(User):
    """A user, and the name of the provider that accepts their logins."""

    idp: str


@dataclass(frozen=True)
class Link:
    """A provider in the chain."""

    name: str
    provider: AuthProvider
    skip_unavailable: bool = False
    """Whether the next provider is asked while this one is unavailable. Otherwise the login fails."""

    def skips(self, error: ProviderUnavailable) -> bool:
        """Return whether the next provider is asked after this error of this one."""
        return self.skip_unavailable and not isinstance(error, RequestFailed)


Answer = Identity | Denied | ProviderUnavailable
"""The answer of a provider about a login: the user, a denial, or that its store is unavailable."""


@dataclass(frozen=True)
class Step:
    """The answer of one provider, after the rules of the chain have been applied to it."""

    link: Link
    answer: Answer
    decides: bool
    """Whether the login is decided, so that no later provider is asked about this user."""


class Chain:
    """The providers of AUTH_PROVIDER, in order. Thread-safe, as providers are."""

    def __init__(self, links: Sequence[Link], max_logins: int = CAPACITY) -> None:
        """`max_logins` is the maximum number of concurrent logins."""
        self.links = tuple(links)
        self.logins = ConcurrencyLimit(max_logins)
        """The slots for requests that verify a password: logins and password changes."""
        self._lookups = ConcurrencyLimit(MAX_LOOKUPS)
        self._outages = OutageLog(log)

    def authenticate(self, login: str, password: str) -> Identity | Denied:
        """Return the user whom the deciding provider authenticates, or its denial.

        Raises ProviderUnavailable if no provider accepts the login and a provider is unavailable, because that provider
        might have accepted it. It is also raised if another provider denies the login: otherwise, during an outage, a
        denial would reveal that this provider knows the user. Raises Overloaded if too many logins are in progress.
        """
        with self.logins.slot():
            return self._authenticate(login, password)

    def _authenticate(self, login: str, password: str) -> Identity | Denied:
        denied = Denied(UNKNOWN_USER)
        outages: list[ProviderUnavailable] = []
        asked = 0
        for step in self.walk(partial(authenticate_with, login=login, password=password)):
            asked += 1
            if step.decides:
                note(provider=step.link.name)
            if isinstance(step.answer, ProviderUnavailable):
                outages.append(self._skip_or_raise(step.answer, skip=not step.decides))
            elif step.answer:
                return step.answer
            else:
                denied = step.answer
        outages += self._ask_about_decoy(self.links[asked:], login, password)
        if outages:
            raise outages[-1]
        return denied

    def walk(self, ask: Callable[[Link], Identity | Denied]) -> Iterator[Step]:
        """Yield the answers to `ask`, in order.

        Only the last step can decide the login. No step decides it if every provider was skipped or returned
        `unknown_user`.

        A provider decides the login if it accepts the login, or denies it for any reason except `unknown_user`. After
        `unknown_user` the next provider is asked. An unavailable provider decides the login, unless it may be skipped.
        A user is denied as `shadowed` if an earlier provider has the same username, even if its user is disabled. (That
        provider may not know the login if it was an email.)
        """
        earlier: list[Link] = []
        for link in self.links:
            step = _apply_rules(link, ask_link(link, ask), earlier)
            yield step
            if step.decides:
                return
            if isinstance(step.answer, Denied):
                earlier.append(link)

    def _ask_about_decoy(self, links: Iterable[Link], login: str, password: str) -> Iterator[ProviderUnavailable]:
        """Ask the providers after the deciding one about a username that does not exist, and yield the outages.

        Each provider then does the work for an unknown user, so that neither the response time nor an outage reveals
        which provider knows the user. The real login is not used, because it could lock an account of the same name.
        Raises the ProviderUnavailable of a provider that must not be skipped.
        """
        # A login has the same decoy each time, because the response time may depend on the username.
        decoy_login = f"decoy-{hashlib.sha256(casefold_name(login).encode()).hexdigest()[:16]}"
        for link in links:
            answer = ask_link(link, partial(authenticate_with, login=decoy_login, password=password))
            if isinstance(answer, ProviderUnavailable):
                yield self._skip_or_raise(answer, skip=link.skips(answer))

    def supports_find(self, idp: str) -> bool:
        """Return whether the provider of this name can look users up without a password."""
        return any(link.name == idp and isinstance(link.provider, SupportsFind) for link in self.links)

    def find(self, idp: str, username: str) -> Identity | None:
        """Return the current data of the user from the provider `idp`.

        Return `None` if the user is deleted, disabled or renamed, if an earlier provider has the username now, or if
        the chain has no provider of this name with the method `find`. Raises ProviderUnavailable for this provider,
        and for an earlier one that must not be skipped; and Overloaded if too many lookups are in progress.
        """
        with self._lookups.slot():
            return self._find(idp, username)

    def _find(self, idp: str, username: str) -> Identity | None:
        for link in self.links:
            if link.name == idp and isinstance(link.provider, SupportsFind):
                with _watched_call(link):
                    answer = link.provider.find(username)
                user = validate_user(link.name, answer) if answer else None
                if user is None or casefold_name(user["username"]) != casefold_name(username):
                    return None
                if owner := self.owner_before(user, may_skip=True):
                    log.warning("the username %a of %s belongs to %s", user["username"], idp, owner.name)
                    return None
                return user
        return None

    def has_username(self, username: str, *, except_idp: str) -> bool:
        """Return whether a provider other than `except_idp` has this username, even if its user is disabled.

        A provider that cannot look users up counts as one without users. Raises ProviderUnavailable if a provider is
        unavailable, even if it may be skipped, because it may have the username; and Overloaded if too many lookups are
        in progress.
        """
        with self._lookups.slot():
            return _is_known_to((link for link in self.links if link.name != except_idp), username)

    def owner_before(self, user: Identity, *, may_skip: bool = False) -> Link | None:
        """Return the provider before the user's own that has the same username; `None` if there is none.

        Raises the ProviderUnavailable of a provider, unless `may_skip` is True and this provider may be skipped.
        """
        for link in takewhile(lambda link: link.name != user["idp"], self.links):
            try:
                if has_username(link, user["username"]):
                    return link
            except ProviderUnavailable as error:
                self._skip_or_raise(error, skip=may_skip and link.skips(error))
        return None

    def _skip_or_raise(self, error: ProviderUnavailable, skip: bool) -> ProviderUnavailable:
        if not skip:
            raise error
        self._outages.warning("skipping a provider that is unavailable: %s", error)
        return error


@contextmanager
def translate_provider_errors(link: Link) -> Iterator[None]:
    """Raise ProviderUnavailable, with the provider's name, for all errors that mean that its store is unavailable.

    While this process has too many open files, every store seems unavailable. Then raises Overloaded instead, so that
    none is skipped.
    """
    try:
        yield
    except (ProviderUnavailable, OSError) as error:
        if not _can_open_file():
            raise Overloaded("this process has too many open files") from error
        reason = error.reason if isinstance(error, ProviderUnavailable) else type(error).__name__
        named = RequestFailed if isinstance(error, RequestFailed) else ProviderUnavailable
        raise named(reason, link.name) from error


def _can_open_file() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return False
    return True


@contextmanager
def _watched_call(link: Link) -> Iterator[None]:
    """Translate the errors of a call that a request waits for, and report the provider if it takes too long."""
    with timed("store"), watch_call(link.name), translate_provider_errors(link):
        yield


def ask_link(link: Link, ask: Callable[[Link], Identity | Denied]) -> Answer:
    """Return what `ask` returns for the provider, or the ProviderUnavailable that it raises."""
    try:
        with _watched_call(link):
            return ask(link)
    except ProviderUnavailable as error:
        return error


def _apply_rules(link: Link, answer: Answer, earlier: Iterable[Link]) -> Step:
    if isinstance(answer, ProviderUnavailable):
        return Step(link, answer, decides=not link.skips(answer))
    if isinstance(answer, Denied):
        return Step(link, answer, decides=answer.reason != UNKNOWN_USER)
    try:
        note(account=answer["username"])
        shadowed = _is_known_to(earlier, answer["username"])
    except ProviderUnavailable as error:
        return Step(link, error, decides=True)
    return Step(link, Denied(SHADOWED, answer["username"]) if shadowed else answer, decides=True)


def _is_known_to(links: Iterable[Link], username: str) -> bool:
    return any(has_username(link, username) for link in links)


def has_username(link: Link, username: str) -> bool:
    """Return whether the provider has this username, even if its user is disabled.

    Raises ProviderUnavailable; and TypeError if the provider returns neither True nor False, such as `None`.
    """
    with _watched_call(link):
        if isinstance(link.provider, SupportsHasUsername):
            answer: object = link.provider.has_username(username)
            if not isinstance(answer, bool):
                raise TypeError(f"the provider {link.name} returned neither True nor False from has_username")
            return answer
        return isinstance(link.provider, SupportsFind) and bool(link.provider.find(username))


def authenticate_with(link: Link, login: str, password: str) -> Identity | Denied:
    """Return the answer of one provider. Raises what `AuthProvider.authenticate` and `validate_user` raise."""
    with without_password(login, password):
        answer = link.provider.authenticate(login, password)
    if isinstance(answer, Denied):
        return validate_denial(answer)
    return Denied(UNKNOWN_USER) if answer is None else validate_user(link.name, answer)


def validate_denial(denied: Denied) -> Denied:
    """Return the denial with a reason that is one word, and a username that is text, of a third-party provider.

    A reason can contain what a user has typed.
    """
    is_word = isinstance(denied.reason, str) and _REASON.fullmatch(denied.reason)
    username: object = getattr(denied, "username", None)  # a subclass may not set it
    return Denied(denied.reason if is_word else INVALID_REASON, username if isinstance(username, str) else None)


class _UserShape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    username: NormalizedName
    email: NormalizedName | None
    roles: list[NormalizedName]
    record_id: OpaqueText | None = None
    credential_stamp: OpaqueText | None = None


def validate_user(provider: str, answer: Any) -> Identity:
    """Return the answer of a provider as an identity, whose names are unchanged.

    A record id or credential stamp of `None` counts as missing.

    If the answer is not a valid user, raises TypeError. Its message names the invalid members, for the author of the
    provider.
    """
    try:
        user = _UserShape.model_validate(answer)
    except ValidationError as error:
        invalid = ", ".join(".".join(map(str, fault["loc"])) or "the whole value" for fault in error.errors())
        raise TypeError(f"the provider {provider} did not return a user; invalid: {invalid}") from None
    identity = Identity(username=user.username, email=user.email, roles=user.roles, idp=provider)
    if user.record_id is not None:
        identity["record_id"] = user.record_id
    if user.credential_stamp is not None:
        identity["credential_stamp"] = user.credential_stamp
    return identity


def without_session_members(user: Identity) -> Identity:
    """Return the user without the members that only sessions use."""
    return Identity(username=user["username"], email=user["email"], roles=user["roles"], idp=user["idp"])
