"""An attribute that a server sends in parts is read whole, or the login is an error."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import thread_time

import pytest

from providers.interface import RequestFailed
from providers.ldap.client.attribute_ranges import complete_ranges
from providers.ldap.client.responses import Entry
from tests.servers.scripted_directory import Attributes, Found, Search, running
from tests.support.directories import ldap_provider
from tests.support.limited_directory import PASSWORD, ZOE_DN, Directory, entries, environ, group, log_in


def ranged(*sizes: int, end: str = "*", attribute: str = "memberOf") -> Callable[[Search, Found], Found]:
    """Return an answer that sends an attribute in parts of these sizes, and ends the last part with `end`."""
    values = [group(number) for number in range(sum(sizes))]
    starts = [sum(sizes[:number]) for number in range(len(sizes))]

    def answer(search: Search, found: Found) -> Found:
        requested = next((name for name in search.attributes if ";range=" in name), None)
        start = int(requested.partition("=")[2].partition("-")[0]) if requested else 0
        if start not in starts:
            return found
        number = starts.index(start)
        last = end if number == len(sizes) - 1 else str(start + sizes[number] - 1)
        part = {f"{attribute};range={start}-{last}": values[start : start + sizes[number]]}
        return replace(found, entries=[(dn, {**entry, **part}) for dn, entry in found.entries])

    return answer


class RangedDirectory(Directory):
    """A directory that sends parts under the names that it gives them."""

    def values(self, search: Search, attributes: Attributes) -> dict[str, list[str]]:
        parts = {name: [*values] for name, values in attributes.items() if ";range=" in name}
        return {**super().values(search, attributes), **parts}


@pytest.mark.parametrize("sizes", [(1,), (1, 1), (1000, 300), (3, 2, 1, 4)])
def test_all_parts_of_an_attribute_are_read(sizes: tuple[int, ...]) -> None:
    user = log_in(RangedDirectory(entries(), ranged(*sizes)))
    assert user
    assert len(user["roles"]) == sum(sizes)


def test_group_in_a_later_part_is_excluded(tmp_path: Path) -> None:
    rules = tmp_path / "roles.toml"
    rules.write_text(f'[[rules]]\nroles = ["in"]\nall = "{group(0)}"\nnot = "{group(5)}"\n')
    directory = RangedDirectory(entries(), ranged(3, 3))
    user = log_in(directory, LDAP_ROLE_MAP="", LDAP_ROLE_RULES_FILE=str(rules))
    assert user
    assert user["roles"] == []


@pytest.mark.parametrize("end", ["1", "x", "", "-1", "0"])
def test_parts_that_do_not_end_are_an_error(end: str) -> None:
    directory = RangedDirectory(entries(), ranged(2, end=end))
    with running(directory) as port, pytest.raises(RequestFailed, match="attribute"):
        ldap_provider(environ(port)).authenticate("zoe", PASSWORD)


def test_parts_of_an_attribute_with_options_become_one_attribute() -> None:
    rest = {
        "mail;lang-en;range=1-*": Entry(ZOE_DN, {"mail;lang-en;range=1-*": [b"b", b"c"]}),
        "uid;range=2-*": Entry(ZOE_DN, {"uid;range=2-*": [b"z"]}),
    }
    first = {"uid": [], "uid;range=0-1": [b"x", b"y"], "mail;lang-en;range=0-0": [b"a"], "mail": [b"m"]}
    entry = complete_ranges(Entry(ZOE_DN, first), lambda _, attribute: [rest[attribute]])
    assert entry.attributes == {"uid": [b"x", b"y", b"z"], "mail;lang-en": [b"a", b"b", b"c"], "mail": [b"m"]}


def test_time_of_a_login_is_linear_in_the_number_of_groups() -> None:
    def seconds(count: int) -> float:
        directory = RangedDirectory(entries(memberOf=list(map(group, range(count)))), lambda _, found: found)
        with running(directory) as port:
            provider = ldap_provider(environ(port, LDAP_TIMEOUT_SECONDS="60"))
            start = thread_time()
            user = provider.authenticate("zoe", PASSWORD)
            assert user
            assert len(user["roles"]) == 1300
            return thread_time() - start

    assert seconds(100_000) < 30 * seconds(10_000)
