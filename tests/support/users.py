"""Sample users with difficult names and passwords. Every provider has to authenticate each of them, and only them."""

from collections.abc import Mapping
from dataclasses import dataclass

from providers.interface import SESSION_MEMBERS, Denied
from tests.support.log_scan import remember_secret


@dataclass(frozen=True)
class SampleUser:
    """A user to put into a store."""

    username: str
    email: str
    password: str
    roles: tuple[str, ...] = ("user",)

    def __post_init__(self) -> None:
        remember_secret(self.password)


def shown(user: Mapping[str, object] | Denied | None) -> dict[str, object]:
    """Return the members of a user that tokens show."""
    return {name: value for name, value in (user or {}).items() if name not in SESSION_MEMBERS}


ZOE = SampleUser("zoé", "zoe@example.org", "pässwörd-日本-Zoé", ("admin", "user"))
SAMPLE_USERS = [
    ZOE,
    SampleUser("o'brien", "o'brien@example.org", 'it\'s "quoted"; -- DROP'),
    SampleUser("a(b)*", "a+b*c@example.org", "*)(uid=*))(|(uid=*"),
    SampleUser("smith, john", "john.smith@example.org", "comma, separated", ("user", "editor")),
    SampleUser("DOMAIN\\x", "x@domain.example.org", "back\\slash\\2a"),
    SampleUser("long", "long@example.org", "0123456789" * 10, ()),
    SampleUser("MiXeD", "Mixed.Case@Example.org", "MiXeD cAsE"),
    SampleUser("日本 太郎", "taro@example.org", " spaces around it "),
    SampleUser("plus+equals=hash#", "plus@example.org", "#+=<>;,"),
]

# The username of the first is the email of the second.
SAME_EMAIL_USERS = [
    SampleUser("shared@example.org", "first@example.org", "the password of the first"),
    SampleUser("second", "shared@example.org", "the password of the second"),
]
