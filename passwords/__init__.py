"""Passwords: hashing, the hash schemes of other programs, and the policy for new passwords."""
