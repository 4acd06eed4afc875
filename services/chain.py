"""The chain: it asks the providers in order until one provider decides the login."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile

from audit.operation import note
from config.outage_log import OutageLog
from config.subjects import is_machine_subject
from config.text import casefold_name
from passwords.concurrency_limit import ConcurrencyLimit
from passwords.hashing import CAPACITY
from providers.interface import INVALID_RECORD, SHADOWED, UNKNOWN_USER, Denied, ProviderUnavailable
from services.identity import Identity
from services.links import Answer, Link, ask_link, watched_call
from services.provider_calls import authenticate_with, find_with, has_username

log = logging.getLogger(__name__)

MAX_LOOKUPS = 16
"""The maximum number of users that a process looks up concurrently, apart from logins."""


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
        with self.logins:
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
        return any(link.name == idp and link.finder is not None for link in self.links)

    def find(self, idp: str, username: str) -> Identity | None:
        """Return the current data of the user from the provider `idp`.

        Return `None` if the user is deleted, disabled or renamed, if an earlier provider has the username now, or if
        the chain has no provider of this name with the method `find`. Raises ProviderUnavailable for this provider,
        and for an earlier one that must not be skipped; and Overloaded if too many lookups are in progress.
        """
        with self._lookups:
            return self._find(idp, username)

    def _find(self, idp: str, username: str) -> Identity | None:
        for link in self.links:
            if link.name == idp and link.finder is not None:
                with watched_call(link):
                    user = find_with(link, link.finder, username)
                if user is None or casefold_name(user["username"]) != casefold_name(username):
                    return None
                if is_machine_subject(user["username"]):
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
        with self._lookups:
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


def _apply_rules(link: Link, answer: Answer, earlier: Iterable[Link]) -> Step:
    if isinstance(answer, ProviderUnavailable):
        return Step(link, answer, decides=not link.skips(answer))
    if isinstance(answer, Denied):
        return Step(link, answer, decides=answer.reason != UNKNOWN_USER)
    if is_machine_subject(answer["username"]):
        return Step(link, Denied(INVALID_RECORD, answer["username"]), decides=True)
    try:
        note(account=answer["username"])
        shadowed = _is_known_to(earlier, answer["username"])
    except ProviderUnavailable as error:
        return Step(link, error, decides=True)
    return Step(link, Denied(SHADOWED, answer["username"]) if shadowed else answer, decides=True)


def _is_known_to(links: Iterable[Link], username: str) -> bool:
    return any(has_username(link, username) for link in links)
