"""The TOML file of role rules: its format, and the problems that it can have."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from config.errors import ConfigurationError, Problem
from config.files import read_toml
from config.text import normalize_role
from providers.ldap.role_rules import AllOf, AnyOf, Condition, Group, NoneOf, RoleRule, RoleRules

VARIABLE = "LDAP_ROLE_RULES_FILE"

MAX_CONDITION_DEPTH = 50
"""How deep conditions may be nested: they are evaluated and shown recursively, on top of the calls of a request."""

_OPERATORS: dict[str, Callable[[list[Condition]], Condition]] = {"all": AllOf, "any": AnyOf, "not": NoneOf}


def read_role_rules(path: Path) -> RoleRules:
    """Return the rules in the file.

    Raises MissingFile, and ConfigurationError with every problem. A problem names its place in the file and never
    quotes a value.
    """
    reader = _Reader()
    rules = reader.read(read_toml(VARIABLE, path))
    if reader.problems:
        raise ConfigurationError(reader.problems)
    return rules


class _Reader:
    """Reads one document. After a problem it continues, to find the others.

    A place is the path to a part of the document, such as `rule 1, all`.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._groups: dict[str, Group] = {}

    def read(self, document: Mapping[str, Any]) -> RoleRules:
        if not document:  # such as while an editor writes the file
            self._report("", "names a file without rules", "Add rules, or unset it")
        self._check_keys("", document, {"default", "groups", "rules"})
        groups = document.get("groups", {})
        if not isinstance(groups, dict):
            self._report("groups", "is not a table", "Write name = DN, one line for each group")
            groups = {}
        self._groups = {name: group for name, dn in groups.items() if (group := self._group(name, dn))}
        rules = document.get("rules", [])
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            self._report("rules", "is not a list of tables", "Write a [[rules]] table for each rule")
            rules = []
        read = [self._rule(f"rule {number}", rule) for number, rule in enumerate(rules, 1)]
        return RoleRules(tuple(read), self._roles("default", document.get("default", [])))

    def _group(self, name: str, dn: object) -> Group | None:
        try:
            return Group.of(str(dn), name)
        except ValueError as error:
            self._report(f"groups, {name}", str(error))
            return None

    def _rule(self, place: str, table: Mapping[str, Any]) -> RoleRule:
        if not table.get("roles"):
            self._report(place, "has no roles", 'Add them, such as roles = ["editor"]')
        condition = {key: value for key, value in table.items() if key != "roles"}
        return RoleRule(self._roles(f"{place}, roles", table.get("roles", ["-"])), self._condition(place, condition))

    def _roles(self, place: str, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(role, str) for role in value):
            self._report(place, "is not a list of strings")
            return ()
        try:
            return tuple(map(normalize_role, value))
        except ValueError as error:
            self._report(place, f"has a role that {error}")
            return ()

    def _condition(self, place: str, table: Mapping[str, Any]) -> Condition:
        self._check_keys(place, table, {*_OPERATORS})
        if place.count(",") >= MAX_CONDITION_DEPTH:
            self._report(place.partition(",")[0], f"has more than {MAX_CONDITION_DEPTH} conditions inside each other")
            return AllOf([])
        parts = [
            create(list(self._parts(f"{place}, {operator}", table[operator])))
            for operator, create in _OPERATORS.items()
            if operator in table
        ]
        if not parts:
            self._report(place, "has no condition", "Add all, any or not")
        return parts[0] if len(parts) == 1 else AllOf(parts)

    def _parts(self, place: str, value: object) -> Iterator[Condition]:
        parts = value if isinstance(value, list) else [value]
        if not parts:
            self._report(place, "is empty")
        for part in parts:
            if isinstance(part, dict):
                yield self._condition(place, part)
            elif group := self._group_reference(place, part):
                yield group

    def _group_reference(self, place: str, text: object) -> Group | None:
        if isinstance(text, str) and text in self._groups:
            return self._groups[text]
        try:
            return Group.of(str(text))
        except ValueError:
            self._report(place, "has a group that is neither a name in [groups] nor a DN")
            return None

    def _check_keys(self, place: str, table: Mapping[str, Any], known: set[str]) -> None:
        if unknown := set(table) - known:
            self._report(place, f"has unknown keys: {', '.join(sorted(unknown))}", f"Use {', '.join(sorted(known))}")

    def _report(self, place: str, found: str, remedy: str | None = None) -> None:
        self.problems.append(Problem(f"{VARIABLE}, {place}" if place else VARIABLE, found, remedy))
