"""The TOML file of rules: its form, and all that can be wrong with it."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any as Anything

from config.errors import ConfigurationError, Problem
from config.text import normalize_name
from providers.ldap.role_rules import All, Any, Condition, Group, Neither, Rule, Rules

VARIABLE = "LDAP_ROLE_RULES_FILE"

_WORDS: dict[str, Callable[[list[Condition]], Condition]] = {"all": All, "any": Any, "not": Neither}


def read_rules(path: Path) -> Rules:
    """Return what the file holds; ConfigurationError tells every problem by its place, never by value."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError([Problem(VARIABLE, f"names a file that cannot be read: {error.strerror}")]) from None
    except ValueError as error:  # not TOML, or not UTF-8; the message may quote the line, so only the place is told
        place = re.search(r"\(at [^()]*\)$", str(error))
        found = f"names a file that is not TOML in UTF-8 {place[0] if place else ''}".rstrip()
        raise ConfigurationError([Problem(VARIABLE, found)]) from None
    reading = _Reading()
    rules = reading.rules(document)
    if reading.problems:
        raise ConfigurationError(reading.problems)
    return rules


class _Reading:
    """One reading of a document, which goes on after a fault to find the others."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._named: dict[str, Group] = {}

    def rules(self, document: Mapping[str, Anything]) -> Rules:
        self._refuse_strangers("the file", document, {"default", "groups", "rules"})
        groups = document.get("groups", {})
        if not isinstance(groups, dict):
            self._tell("groups", "write a table of names, each with the DN of a group")
            groups = {}
        self._named = {name: group for name, dn in groups.items() if (group := self._group(name, dn))}
        rules = document.get("rules", [])
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            self._tell("rules", "write [[rules]] tables")
            rules = []
        read = [self._rule(f"rule {number}", rule) for number, rule in enumerate(rules, 1)]
        return Rules(tuple(read), self._roles("default", document.get("default", [])))

    def _group(self, name: str, dn: object) -> Group | None:
        try:
            return Group.of(str(dn), name)
        except ValueError as error:
            self._tell(f"groups, {name}", str(error))
            return None

    def _rule(self, place: str, table: Mapping[str, Anything]) -> Rule:
        if not table.get("roles"):
            self._tell(place, "it gives no roles")
        condition = {word: value for word, value in table.items() if word != "roles"}
        return Rule(self._roles(f"{place}, roles", table.get("roles", ["-"])), self._condition(place, condition))

    def _roles(self, place: str, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(role, str) for role in value):
            self._tell(place, "write a list of roles")
            return ()
        try:
            return tuple(map(normalize_name, value))
        except ValueError as error:
            self._tell(place, f"a role cannot be used: {error}")
            return ()

    def _condition(self, place: str, table: Mapping[str, Anything]) -> Condition:
        self._refuse_strangers(place, table, {*_WORDS})
        parts = [
            make(list(self._parts(f"{place}, {word}", table[word]))) for word, make in _WORDS.items() if word in table
        ]
        if not parts:
            self._tell(place, "it names no groups: write all, any or not")
        return parts[0] if len(parts) == 1 else All(parts)

    def _parts(self, place: str, value: object) -> Iterator[Condition]:
        parts = value if isinstance(value, list) else [value]
        if not parts:
            self._tell(place, "it is empty")
        for part in parts:
            if isinstance(part, dict):
                yield self._condition(place, part)
            elif group := self._named_group(place, part):
                yield group

    def _named_group(self, place: str, text: object) -> Group | None:
        if isinstance(text, str) and text in self._named:
            return self._named[text]
        try:
            return Group.of(str(text))
        except ValueError:
            self._tell(place, "a group is neither a name of [groups] nor a DN")
            return None

    def _refuse_strangers(self, place: str, table: Mapping[str, Anything], known: set[str]) -> None:
        if strangers := set(table) - known:
            self._tell(place, f"no such setting: {', '.join(sorted(strangers))}. Known are {', '.join(sorted(known))}")

    def _tell(self, place: str, problem: str) -> None:
        self.problems.append(Problem(f"{VARIABLE}, {place}:", problem))
