"""Errors of the passwords layer that other layers handle."""


class Overloaded(Exception):
    """The hash pool has no free place for another login. The credentials were not verified."""


class UnusableHash(ValueError):
    """No password can match this hash.

    The text is the predicate of a sentence about the hash, such as "has no salt". It never quotes the hash.
    """
