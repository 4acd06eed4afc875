"""The names under which the failures of an account are counted."""

import hashlib
from unicodedata import category, normalize

from config.text import casefold_name

MAX_KEY_LENGTH = 64

_IGNORED_CATEGORIES = {"Cf", "Me", "Mn", "Zl", "Zp", "Zs"}


def account_key(username: str) -> str:
    """Return the key of the account with this username, which is the username that the provider knows."""
    return _shorten(casefold_name(username))


def login_key(login: str) -> str:
    """Return the key of a login as it was typed, the same for all spellings that a store may accept for one name.

    Active Directory, for example, ignores accents, and every directory ignores some spaces and invisible characters.
    The logins of two users can have the same key, if their names are that similar.
    """
    if login.isascii():
        folded = login.casefold()
        return _shorten("".join(folded.split()) or folded)
    decomposed = normalize("NFKD", normalize("NFKD", login).casefold())
    return _shorten("".join(letter for letter in decomposed if category(letter) not in _IGNORED_CATEGORIES) or login)


def _shorten(name: str) -> str:
    """Return a text of bounded length, so that a flood of long names does not need more memory."""
    if len(name) <= MAX_KEY_LENGTH:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{name[: MAX_KEY_LENGTH // 2]}…{digest[: MAX_KEY_LENGTH // 2]}"
