"""Awkward people, whom every provider must let in, and nobody else with them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """Somebody whom a store is to know."""

    username: str
    email: str
    password: str
    roles: tuple[str, ...] = ("user",)


ZOE = Person("zoé", "zoe@example.org", "pässwörd-日本-Zoé", ("admin", "user"))
PEOPLE = [
    ZOE,
    Person("o'brien", "o'brien@example.org", 'it\'s "quoted"; -- DROP'),
    Person("a(b)*", "a+b*c@example.org", "*)(uid=*))(|(uid=*"),
    Person("smith, john", "john.smith@example.org", "comma, separated", ("user", "editor")),
    Person("DOMAIN\\x", "x@domain.example.org", "back\\slash\\2a"),
    Person("long", "long@example.org", "0123456789" * 10, ()),
    Person("MiXeD", "Mixed.Case@Example.org", "MiXeD cAsE"),
    Person("日本 太郎", "taro@example.org", " spaces around it "),
    Person("plus+equals=hash#", "plus@example.org", "#+=<>;,"),
]

# Whoever types this address could mean either of them, so it is nobody.
TWINS = [
    Person("shared@example.org", "first@example.org", "the password of both"),
    Person("second", "shared@example.org", "the password of both"),
]
