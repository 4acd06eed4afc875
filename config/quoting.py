"""How messages show the values of settings. Only values that are not secrets are passed to these functions."""

import os
from pathlib import Path

MAX_LENGTH = 100
MIN_KEY_LENGTH = 32


def quote_value(text: str) -> str:
    """Return the value in quotes, shortened; an empty text if it may contain a password, as a URL with a user does."""
    if not text or ("://" in text and "@" in text):
        return ""
    return f"'{text[:MAX_LENGTH]}{'…' if len(text) > MAX_LENGTH else ''}'"


def resolve(path: Path) -> str:
    """Return the absolute path that the current directory gives a path. Symbolic links are kept."""
    return os.path.abspath(path)


def may_be_secret(text: str) -> bool:
    """Return whether the path of a file with a secret may be the secret itself, set by mistake.

    It is not if one of its directories exists, or if it is absolute and no part of it is long enough for a key.
    """
    path = Path(text.strip())
    directories = {*path.parents} - {Path(), Path("/")}
    try:
        if any(map(Path.is_dir, directories)):
            return False
    except (OSError, ValueError):  # the text is too long for a path, or contains NUL
        return True
    return not path.is_absolute() or max(map(len, path.parts)) >= MIN_KEY_LENGTH
