"""Awkward people, whom every provider must let in, and nobody else with them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SampleUser:
    """Somebody whom a store is to know."""

    username: str
    email: str
    password: str
    roles: tuple[str, ...] = ("user",)


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

# Whoever types this address could mean either of them, so it is nobody.
SAME_EMAIL_USERS = [
    SampleUser("shared@example.org", "first@example.org", "the password of both"),
    SampleUser("second", "shared@example.org", "the password of both"),
]
