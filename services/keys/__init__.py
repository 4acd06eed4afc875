"""Signing keys: the key ring, its sources, and the rotation of keys."""
