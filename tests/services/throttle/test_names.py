"""The keys of logins and accounts: the same for every spelling that a store may accept."""

import pytest

from services.throttle.names import MAX_KEY_LENGTH, account_key, login_key


@pytest.mark.parametrize(
    "spelling",
    ["ZOÉ", "zoe\u0301", "zo\u00ade\u0301", "z o é", "zo\u200be", "\uff5aoé", "zoè", "zoe"],
)
def test_spellings_that_a_directory_may_accept_have_one_key(spelling: str) -> None:
    assert login_key(spelling) == login_key("zoé")


@pytest.mark.parametrize(("one", "other"), [("zoe", "zoey"), ("a.b", "ab"), ("zoe@a.example", "zoe@b.example")])
def test_other_logins_have_other_keys(one: str, other: str) -> None:
    assert login_key(one) != login_key(other)


def test_accounts_of_similar_names_have_different_keys() -> None:
    """Otherwise the user of one account could reset the failures of the other by logging in."""
    assert len({account_key(name) for name in ("zoe", "zoé", "z oe", "zo\u00ade")}) == 4
    assert account_key("ZOÉ") == account_key("zoe\u0301")


@pytest.mark.parametrize("login", ["\u0301" * 5, "\u200b", "\u3000", " "])
def test_login_without_any_letter_has_a_key(login: str) -> None:
    assert login_key(login)


@pytest.mark.parametrize("key_of", [login_key, account_key])
def test_keys_have_a_bounded_length(key_of: object) -> None:
    assert callable(key_of)
    names = ["a" * 256, "\ufdfa" * 256, "\U0001f600" * 256, "a" * 255 + "b"]
    keys = {key_of(name) for name in names}
    assert len(keys) == len(names)
    assert all(len(key) <= MAX_KEY_LENGTH + 1 for key in keys)
