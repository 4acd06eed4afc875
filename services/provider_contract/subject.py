"""A provider under test, and the calls of its methods by the rules of the contract."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from config.http_error import HttpError
from config.text import casefold_name
from providers.interface import TIME_LIMIT_SECONDS, AuthProvider, Denied, ProviderUnavailable
from services.identity import Identity
from services.links import Link
from services.provider_calls import authenticate_with
from services.provider_contract.accounts import Account
from services.provider_faults import ProviderFault


class BrokenContract(Exception):
    """A provider breaks a rule of the contract."""

    def __init__(self, found: str, remedy: str) -> None:
        """`found` is what the provider does. `remedy` is what its author has to do. Both have no password."""
        super().__init__(f"{found}. {remedy}.")
        self.found = found
        self.remedy = remedy


def require(condition: object, found: str, remedy: str) -> None:
    """Raise BrokenContract unless the condition is true."""
    if not condition:
        raise BrokenContract(found, remedy)


THREADS = 16


def require_right_answers(is_right: Callable[[int], bool], calls: str) -> None:
    """Raise BrokenContract unless `is_right` is true for each number, in many threads."""
    with ThreadPoolExecutor(THREADS) as threads:
        wrong = [number for number, right in enumerate(threads.map(is_right, range(2 * THREADS))) if not right]
    remedy = "Do not share a connection, a request or a result between threads without a lock"
    require(not wrong, f"{len(wrong)} of {2 * THREADS} concurrent {calls} got the answer of another one", remedy)


@dataclass(frozen=True)
class Subject:
    """A provider under test, with accounts that its store has."""

    link: Link
    accounts: Sequence[Account]
    disabled: Account | None = None
    """An account that is disabled in the store."""
    secrets: Sequence[str] = ()
    """Secrets of the provider's settings, such as the key of an API."""
    provider_at: Callable[[int], AuthProvider] | None = None
    """Returns a provider whose store is at this port of 127.0.0.1; `None` if the provider uses no network."""
    time_limit: float = TIME_LIMIT_SECONDS

    def log_in(self, login: str, password: str) -> Identity | Denied:
        """Return the answer to these credentials. Raises BrokenContract if the provider does not answer."""
        with answer_expected(f"a login as {shorten(login)}"):
            return authenticate_with(self.link, login, password)

    def accept(self, account: Account, login: str | None = None) -> Identity:
        """Return the user of an account. Raises BrokenContract if the right password is denied."""
        answer = self.log_in(login or account.username, account.password)
        if isinstance(answer, Denied):
            found = f"the login {shorten(login or account.username)} with the right password is denied"
            reason = "" if answer.reason == "unknown_user" else f" as {answer.reason}"
            raise BrokenContract(found + reason, f"Return the user {account.username}, whom the store of the test has")
        return answer

    def deny(self, account: Account, passwords: Mapping[str, str]) -> None:
        """Raise BrokenContract if a wrong password is accepted. The right one follows, so that no lock begins.

        `passwords` has at most three, and what they are.
        """
        for password, what in passwords.items():
            accepted = self.log_in(account.username, password) if password != account.password else None
            require(not accepted, f"a login as {account.username} with {what} is accepted", "Return None")
        self.log_in(account.username, account.password)

    def difficult(self) -> list[Account]:
        """Return a few accounts: the first two, and those with the longest password or with spaces around it."""
        longest = max(self.accounts, key=lambda account: len(account.password))
        spaces = [account for account in self.accounts if account.password.strip() != account.password]
        return [*dict.fromkeys([*self.accounts[:2], longest, *spaces])]

    def logins(self, account: Account) -> list[str]:
        """Return the logins that mean this account and no other one."""
        others = {casefold_name(name) for other in self.accounts if other is not account for name in _names(other)}
        return [name for name in _names(account) if casefold_name(name) not in others]

    def is_known(self, login: str) -> bool:
        """Return whether an account has this login."""
        return casefold_name(login) in {casefold_name(name) for account in self.accounts for name in _names(account)}


def _names(account: Account) -> list[str]:
    return [name for name in (account.username, account.email) if name]


@contextmanager
def answer_expected(call: str) -> Iterator[None]:
    """Raise BrokenContract if the block, which is a call of the provider, raises an exception of the provider."""
    try:
        yield
    except ProviderFault as error:
        raise BrokenContract(
            f"{call}: the provider {error.found}", "See the interface in docs/provider-contract.md"
        ) from (error.__cause__)
    except ProviderUnavailable as error:
        remedy = "Raise this only during an outage. Return None for credentials that the store refuses"
        raise BrokenContract(f"{call}: the provider {error.statement}", remedy) from error.__cause__
    except HttpError as error:
        raise BrokenContract(f"{call}: the provider raises {error!r}", "Allow more concurrent requests") from error


_SHORT = 40


def shorten(text: str) -> str:
    """Return a text for a message: quoted, and not too long."""
    return repr(text if len(text) <= _SHORT else f"{text[:_SHORT]}…")
