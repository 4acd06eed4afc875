"""LDAP_USER_FILTER as a template: what it demands of a user besides the login, which a refresh does not have."""

import re
from collections.abc import Iterator

from providers.ldap.client.attribute_types import short_name
from providers.ldap.client.filters import COMPARISON, PLACEHOLDER, placeholders, presence

_NEGATION = re.compile(r"\(\s*!")
_WILDCARDS = re.compile(r"\*+")
_INEXACT = ("~=", ">=", "<=")
# Their values cannot be compared in part.
_WITHOUT_SUBSTRINGS = {"distinguishedname", "entrydn", "entryuuid", "gidnumber", "objectguid", "objectsid", "uidnumber"}


def condition_on_users(template: str) -> str:
    """Return a filter that matches every entry that the template matches for some login.

    It has all other conditions of the template, so an entry that it matches is a user. The template must be a valid
    filter. Raises ValueError if there is no such condition; the message is a predicate without the text.
    """
    if any(placeholders(negated) for negated in _negations(template)):
        raise ValueError("must not have a placeholder inside of (!...), because a refresh does not know the login")
    return COMPARISON.sub(_condition, template)


def _condition(comparison: re.Match[str]) -> str:
    """Return what a comparison demands of an entry, for some login."""
    value = comparison["value"]
    if not placeholders(value):
        return comparison[0]
    texts = PLACEHOLDER.split(value)[::2]
    if problem := _problem(comparison["attribute"], comparison["operator"], texts):
        raise ValueError(problem)
    if not any(texts):
        return presence(comparison["attribute"])
    return f"({comparison['attribute']}={_WILDCARDS.sub('*', '*'.join(texts))})"


def _problem(attribute: str, operator: str, texts: list[str]) -> str | None:
    """Return why a comparison demands nothing of an entry that a filter could express; `None` if it does.

    `texts` are the parts of the value beside the placeholders.
    """
    has_rule, is_whole = operator.startswith(":"), not any(texts)
    problems = {
        "must name an attribute in each comparison with a placeholder": not attribute,
        f"must compare a placeholder with =, because {operator} does not identify a user": operator in _INEXACT,
        "must not compare a placeholder with the DNs of entries (:dn)": "dn" in operator.lower().split(":"),
        "must not have * beside a placeholder, because a login would match longer names": "*" in "".join(texts),
        "must not have a placeholder inside of a DN; set LDAP_BASE_DN or LDAP_USER_DN_TEMPLATE": "=" in "".join(texts),
        "must not have text beside a placeholder with a matching rule": has_rule and not is_whole,
        f"must not have text beside a placeholder for {attribute}, which has no substrings": (
            not is_whole and short_name(attribute) in _WITHOUT_SUBSTRINGS
        ),
    }
    return next((problem for problem, found in problems.items() if found), None)


def _negations(template: str) -> Iterator[str]:
    """Yield the parts of the template that are negated."""
    for negation in _NEGATION.finditer(template):
        depth = 0
        for end, character in enumerate(template[negation.start() :], negation.start() + 1):
            depth += {"(": 1, ")": -1}.get(character, 0)
            if not depth:
                yield template[negation.start() : end]
                break
