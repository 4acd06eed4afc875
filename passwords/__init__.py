"""Passwords: hashing, verifying the hashes of other applications, and the policy for new passwords."""
