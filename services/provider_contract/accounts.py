"""Accounts of the store that a provider is tested with."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Account:
    """An account of the store."""

    username: str
    email: str | None
    password: str = field(repr=False)
    roles: tuple[str, ...] = ("user",)
    """The roles that the provider gives the user, in any order."""


SAMPLE_ACCOUNTS = (
    Account("zoé", "zoe@example.org", "pässwörd-日本-Zoé", ("admin", "user")),
    Account("o'brien", "o'brien@example.org", 'it\'s "quoted"; -- DROP'),
    Account("a(b)*", "a+b*c@example.org", "*)(uid=*))(|(uid=*"),
    Account("smith, john", "john.smith@example.org", "comma, separated", ("user", "editor")),
    Account("DOMAIN\\x", "x@domain.example.org", "back\\slash\\2a"),
    Account("long", "long@example.org", "0123456789" * 10, ()),
    Account("MiXeD", "Mixed.Case@Example.org", "MiXeD cAsE"),
    Account("日本 太郎", "taro@example.org", " spaces around it "),
    Account("plus+equals=hash#", "plus@example.org", "#+=<>;,"),
    # The username of the first is the email of the second.
    Account("shared@example.org", "first@example.org", "the password of the first"),
    Account("second", "shared@example.org", "the password of the second"),
)
"""Accounts with names and passwords that often break providers. A store that can be filled should have all of them."""
