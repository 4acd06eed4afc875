"""Sample users with difficult names and passwords. Every provider has to authenticate each of them, and only them."""

from collections.abc import Mapping
from dataclasses import dataclass

from providers.interface import SESSION_MEMBERS, Denied
from services.provider_contract.accounts import SAMPLE_ACCOUNTS, Account
from tests.support.log_scan import remember_secret


@dataclass(frozen=True)
class SampleUser(Account):
    """A user to put into a store."""

    email: str

    def __post_init__(self) -> None:
        remember_secret(self.password)


def shown(user: Mapping[str, object] | Denied | None) -> dict[str, object]:
    """Return the members of a user that tokens show."""
    return {name: value for name, value in (user or {}).items() if name not in SESSION_MEMBERS}


*SAMPLE_USERS, _first, _second = (
    SampleUser(one.username, str(one.email), one.password, one.roles) for one in SAMPLE_ACCOUNTS
)
ZOE = SAMPLE_USERS[0]

# The username of the first is the email of the second.
SAME_EMAIL_USERS = [_first, _second]
