"""Which setting a variable is probably meant to be, if its name is misspelled."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import takewhile

_MIN_SIMILARITY = 0.85  # as difflib computes it
_SWAPPED = 2  # characters


def nearest_setting(name: str, settings: Iterable[str], prefix: str) -> str | None:
    """Return the setting that an unknown variable is probably meant to be; `None` if it resembles none.

    A name that begins with `prefix`, such as `LDAP_`, need not be as similar as a name that may belong to another
    program.
    """
    name, settings = name.upper(), [*settings]
    matches = [setting for setting in settings if differs_by_a_typo(name, setting)]
    if prefix and name.startswith(prefix):
        matches += [setting for setting in settings if setting.startswith(f"{name}_")]
        matches += get_close_matches(name, settings, n=1, cutoff=_MIN_SIMILARITY)
    return next(iter(matches), None)


def differs_by_a_typo(name: str, setting: str) -> bool:
    """Return whether at most one character is missing, added or wrong, or two neighbors are swapped.

    Another digit does not count as a typo, because variables are numbered. A setting without `_`, such as `PORT`, is a
    word of which many programs have variants.
    """
    if "_" not in setting or abs(len(name) - len(setting)) > 1:
        return False
    start = _common_length(name, setting)
    written, meant = name[start:], setting[start:]
    end = _common_length(written[::-1], meant[::-1])
    written, meant = written[: len(written) - end], meant[: len(meant) - end]
    if any(character.isdigit() for character in written + meant):
        return False
    return max(len(written), len(meant)) <= 1 or (written == meant[::-1] and len(written) == _SWAPPED)


def _common_length(one: str, other: str) -> int:
    """Return the number of characters with which both texts begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
