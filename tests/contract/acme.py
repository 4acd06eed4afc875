"""A provider that keeps the contract, and the list of those that break it."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from providers.interface import Check, Explanation
from services.provider_contract.accounts import SAMPLE_ACCOUNTS, Account

DISABLED = Account("retired", "retired@example.org", "the password of a retiree", ("user", "pensioner"))
ACCOUNT = SAMPLE_ACCOUNTS[0]
TOKEN = "the token of the store"


def casefolded(account: Account) -> tuple[str, str]:
    return account.username.casefold(), str(account.email).casefold()


@dataclass
class Acme:
    """A provider that keeps the contract. Each subclass breaks one rule."""

    port: int = 0
    token: str = field(default=TOKEN, repr=False)

    accounts: ClassVar[tuple[Account, ...]] = SAMPLE_ACCOUNTS

    def authenticate(self, login: str, password: str) -> Any:
        self.connect()
        account = self.account(login)
        return self.user(account) if account and self.is_right(account, password) else None

    def connect(self) -> None:
        """Connect to the store, if the provider has an address of it."""
        if self.port:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.2) as connection:
                connection.sendall(b"?")
                if connection.recv(1) != b"+":
                    raise ConnectionError("the store responds with an error")

    def account(self, login: str) -> Account | None:
        folded = login.casefold()
        by_email = next((one for one in self.accounts if casefolded(one)[1] == folded), None)
        return next((one for one in self.accounts if casefolded(one)[0] == folded), by_email)

    def is_right(self, account: Account, password: str) -> bool:
        return account.password == password

    def user(self, account: Account) -> Any:
        return {"username": account.username, "email": account.email, "roles": list(account.roles)}

    def find(self, username: str) -> Any:
        self.connect()
        account = self.account(username)
        return self.user(account) if account and casefolded(account)[0] == username.casefold() else None

    def has_username(self, username: str) -> Any:
        self.connect()
        return username.casefold() in {casefolded(one)[0] for one in (*self.accounts, DISABLED)}

    def check(self) -> Iterator[Any]:
        try:
            self.connect()
        except OSError:
            yield Check("connection", "failure", "the store does not respond", "Start it")
        else:
            yield Check("connection", "ok", "the store responds")

    def explain(self, login: str) -> Any:
        self.connect()
        account = self.account(login)
        return Explanation(self.user(account)) if account else Explanation(None, "unknown_user")

    def list_users(self) -> Any:
        self.connect()
        return map(self.user, self.accounts)

    def list_roles(self) -> Any:
        self.connect()
        return {role for account in self.accounts for role in account.roles}


BROKEN: list[tuple[str, str, type[Acme]]] = []
"""The rule that names the fault, a part of its message, and the provider."""


def breaks(rule: str, found: str) -> Callable[[type[Acme]], type[Acme]]:
    def register(provider: type[Acme]) -> type[Acme]:
        BROKEN.append((rule, found, provider))
        return provider

    return register
