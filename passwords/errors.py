"""Errors of the passwords layer that other layers handle."""


class Overloaded(Exception):
    """Too many logins are waiting for the hash pool. The credentials were not checked."""


class UnusableHash(ValueError):
    """No password can match this hash.

    The text is the predicate of a sentence about the hash, such as "has no salt". It never quotes the hash.
    """
