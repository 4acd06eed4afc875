"""Signing keys: the key ring, where it is read from, and how keys rotate."""
