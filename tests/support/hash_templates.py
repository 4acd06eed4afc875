"""Hashes with any cost parameters and zeros as digests: format them with the parameters."""

SALT = "c29tZXNhbHQxMjM0NTY3OA"
B64 = {"sha1": "A" * 27 + "=", "sha256": "A" * 43 + "=", "scrypt": "A" * 86 + "=="}
ARGON2 = "$argon2id$v=19$m={},t={},p={}$" + SALT + "$" + "A" * 43
BCRYPT = "$2b${:02}$" + "." * 53
BCRYPT_SHA256 = "bcrypt_sha256$" + BCRYPT
DJANGO_PBKDF2 = "pbkdf2_sha256${}$salt$" + B64["sha256"]
WERKZEUG_PBKDF2 = "pbkdf2:sha1:{}$salt$" + "0" * 40
DJANGO_SCRYPT = "scrypt${}$salt${}${}$" + B64["scrypt"]
WERKZEUG_SCRYPT = "scrypt:{}:{}:{}$salt$" + "0" * 128
SHA512_CRYPT = "$6$rounds={}$salt$" + "." * 86
SHA256_CRYPT = "$5$rounds={}$salt$" + "." * 43
PHPASS = "$P${}" + "." * 30
