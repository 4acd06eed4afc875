"""Errors of the passwords layer that other layers handle."""


class Overloaded(Exception):
    """Too many logins are waiting for the hash pool. The credentials were not checked."""
