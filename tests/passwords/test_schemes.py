"""Identification of stored hashes: their schemes, and the reasons why others are unusable."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passlib.hash import sha512_crypt

from passwords.costs import HashScheme
from passwords.errors import UnusableHash
from passwords.schemes import identify, needs_rehash, verify
from tests.support.hash_samples import PASSWORD, SAMPLES, Sample, each_sample
from tests.support.hash_templates import (
    ARGON2,
    B64,
    BCRYPT,
    BCRYPT_SHA256,
    DJANGO_PBKDF2,
    DJANGO_SCRYPT,
    PHPASS,
    SALT,
    SHA512_CRYPT,
    WERKZEUG_SCRYPT,
)


@each_sample
def test_hash_is_identified(sample: Sample) -> None:
    assert identify(sample.stored) == HashScheme(sample.scheme, sample.parameters, sample.weak)


def has_optional_padding(sample: Sample) -> bool:
    """Return whether some programs write the same hash with padding of base64, and others without."""
    return "pbkdf2" in sample.scheme and sample.stored.lower().startswith(("{pbkdf2}1", "{pbkdf2-", "$pbkdf2"))


@each_sample
def test_truncated_hash_is_unusable(sample: Sample) -> None:
    # Argon2 also has shorter digests, and if the salt is last, a truncated salt may be a valid one.
    most = 3 if sample.scheme.startswith("ssha") else 20
    stored = sample.stored.rstrip("=") if has_optional_padding(sample) else sample.stored
    for end in range(len(sample.stored) - most, len(stored)):
        with pytest.raises(UnusableHash):
            identify(stored[:end])


@each_sample
def test_hash_with_other_text_around_it_is_unusable(sample: Sample) -> None:
    stored = sample.stored
    for text in (
        f"{stored}A",
        f"{stored}\n",
        f" {stored}",
        f"{stored}$",
        *([] if has_optional_padding(sample) else [f"{stored}="]),
        f"{stored}===",
        f"zoe:{stored}",
        stored + stored,
    ):
        with pytest.raises(UnusableHash):
            identify(text)


DAMAGED = "is cut off or damaged"
NOT_A_HASH = "is not a hash: the account is locked or has no password"
NO_SALT = "has no salt"
TOO_LONG = "is longer than 512 characters"
UNKNOWN = "is plain text or has an unknown scheme"
DES = "is DES crypt, which is not supported, or plain text"

UNUSABLE = {
    "is empty": ["", "{CRYPT}"],
    # Django's unusable password, and the markers of shadow, {CRYPT} and their tools.
    NOT_A_HASH: [
        "!bMle2gCNKCg406mDjnDVwlaYRKNdsCZFARv1Zkal",
        "!",
        "!!",
        "*",
        "x",
        "*LK*",
        "*\n",
        "{CRYPT}*",
        "{CRYPT}x",
    ],
    UNKNOWN: [
        *("correct horse battery staple", "hunter2", "pässwörd", "\ud800", "a\nb", "xx", "{secret}", "$ecret$", "a:b"),
        *("{CRYPT}{CRYPT}*", "$argon2id", "pbkdf2:sha256$salt$" + "0" * 64, "a" * 512),
    ],
    NO_SALT: [
        # htpasswd -s; slappasswd with {SHA}, {MD5} and the module pw-sha2
        "{SHA}98S/aYqXHGcc55LJ2/MRa2rHkgM=",
        "{sha}98S/aYqXHGcc55LJ2/MRa2rHkgM=",
        "{MD5}kM9BR+GDqv4T6Ee/p3/cLw==",
        "{NT}31d6cfe0d16ae931b73c59d7e0c089c0",
        "{SHA512}tn1CLw7usYyf5hh27IyLrVGnmBjcs/QlpFoY/KupCwWMtpq6TZyd2u2z/eitSY2n+WGEyYVgs1QN1HgwEXtT2A==",
        # MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512 in hexadecimal; MySQL new and old; Windows; Django
        *("0aF9" * (length // 4) for length in (32, 40, 56, 64, 96, 128)),
        "*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9",
        "6f8c114b58f2ce9e",
        "aad3b435b51404eeaad3b435b51404ee:31d6cfe0d16ae931b73c59d7e0c089c0",
        "$3$$31d6cfe0d16ae931b73c59d7e0c089c0",
        "md5$$5f4dcc3b5aa765d61d8327deb882cf99",
        "sha1$$5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",
        # PostgreSQL, Dovecot
        "md593f1b2c7c9a1b2c3d4e5f60718293a4b",
        "{PLAIN-MD5}9cc2ae8a1ba7a93da39b46fc1019c481",
    ],
    "is plain text": ["{CLEARTEXT}secret", "{PLAIN}secret", "{plain}"],
    "has $$ in place of $, as in a compose file: write each $ once": [
        "$$argon2id$$v=19$$m=19456,t=2,p=1$$c29tZXNhbHQxMjM0NTY3OA$$0Jnd68LiO0f6VCda64qYQvSaw8hekKQtILqw2lrmiEc",
        "$$2y$$04$$EWnLG.dMhCCPPOwvVG.7guNQdrSAt4XxYB3zRl/4iYanqtLnTa0um",
        "{CRYPT}$$6$$salt$$x",
    ],
    "is SCRAM, which is not supported": [
        "SCRAM-SHA-256$4096:c2FsdA==$a:b",
        "{SCRAM-SHA-256}4096,R2jscoFlSx5Jcoy7cMop/Q==,FklAlcpCwVw/ljuIe+btSYvgFMBzZp60KP41vjGqHjA=,x",
    ],
    "is CRAM-MD5, which is not supported": [
        "{CRAM-MD5}09eae0fafdb8b11dde53f0031217a5c4938a03ccb3eebe1b64e0c243b569921c"
    ],
    "is the SHA-512 variant of Drupal, which is not supported": ["$S$E" + "x" * 51],
    "is the scrypt variant of libsodium, which is not supported": ["$7$C6..../....SodiumChloride$" + "x" * 43],
    "is PBKDF2 of GRUB, which is not supported": ["grub.pbkdf2.sha512.10000.AB.CD"],
    "is the SHA variant of SAP, which is not supported": ["{x-issha, 1024}c29tZXNhbHQ="],
    "is LAN Manager, which is not supported": ["{LANMAN}aad3b435b51404eeaad3b435b51404ee"],
    "is bcrypt of the faulty version 2x, which is not supported": ["$2x$04$" + "." * 53],
    "is yescrypt, which is not supported": [
        "{CRYPT}$y$j9T$JFEwFhtms5FgjN4J$VKzwj80FTAuriElgTmif/VTzVRe9wSDwR/vsGGNQfM4"
    ],
    "is gost-yescrypt, which is not supported": ["$gy$j9T$JFEwFhtms5FgjN4J$" + "." * 43],
    "is sha1-crypt, which is not supported": ["$sha1$40000$jtNX3nZ2$hBNaIXkt4wBI2o5rsi8KejSjNqIq"],
    DES: ["hEXRm1ViPMbUQ", "{CRYPT}hEXRm1ViPMbUQ"],
    DAMAGED: [
        "$argon2id$",
        "argon2$argon2id$v=19",
        "bcrypt$$2b$12$",
        "scrypt:32768:8:1$salt$",
        "pbkdf2:sha256:1000",
        "$wp$2y$04$x",
        "$pbkdf2-sha256$29000$salt$x",
    ],
    TOO_LONG: ["a" * 513, "$" * 10**6, "{SSHA}" + "A" * 508, "!" * 513],
}


@pytest.mark.parametrize(
    ("reason", "stored"),
    [(reason, text) for reason, texts in UNUSABLE.items() for text in texts],
    ids=lambda text: text[:40],
)
def test_unusable_hash_has_a_reason(reason: str, stored: str) -> None:
    for call in (identify, lambda text: verify(PASSWORD, text), lambda text: needs_rehash(PASSWORD, text)):
        with pytest.raises(UnusableHash) as caught:
            call(stored)
        assert str(caught.value) == reason


@each_sample
def test_hash_of_a_locked_account_is_unusable(sample: Sample) -> None:
    for lock in ("!", "!!", "*"):
        with pytest.raises(UnusableHash, match=NOT_A_HASH):
            identify(lock + sample.stored)


@pytest.mark.parametrize(
    "stored",
    [
        ARGON2.format(256, 2, 1).replace(f"{'A' * 43}", "A" * 42),
        ARGON2.format(256, 2, 1).replace(f"{'A' * 43}", "A" * 42 + "B"),
        ARGON2.format(256, 2, 1).replace(SALT, SALT[:-1]),
        ARGON2.format(256, 2, 1).replace(SALT, "c29tZQ"),
        ARGON2.format(256, 2, 1).replace(SALT, SALT * 4),
        ARGON2.format(256, 2, 1).replace("v=19", "v=18"),
        ARGON2.format(256, 2, 1).replace("m=256", "m=0256"),
        ARGON2.format(256, 2, 1).replace("t=2", "t=0"),
        ARGON2.format(256, 2, 1).replace("t=2", "t=2٢"),
        ARGON2.format(256, 2, 1).replace("p=1", "p=-1"),
        BCRYPT.format(4)[:-1] + "/",
        "$2b$04$" + "." * 21 + "A" + "." * 31,
        BCRYPT.format(4).replace("$04$", "$4$"),
        BCRYPT.format(4)[:-1] + "+",
        BCRYPT_SHA256.format(4)[:-1],
        DJANGO_PBKDF2.format(0),
        DJANGO_PBKDF2.format(-1),
        f"pbkdf2_sha256$1000$salt${B64['sha1']}",
        f"pbkdf2_sha256$1000$${B64['sha256']}",
        f"pbkdf2_sha256$1000${'s' * 65}${B64['sha256']}",
        f"pbkdf2_sha1$1000$salt${B64['sha256']}",
        f"pbkdf2:sha256:1000$salt${'0' * 40}",
        f"pbkdf2:sha256:1000$salt${'G' * 64}",
        f"pbkdf2:sha512:1000$sält${'0' * 128}",
        DJANGO_SCRYPT.format(2**14, 0, 1),
        DJANGO_SCRYPT.format(2**14, 8, 1).replace("==", "=A"),
        WERKZEUG_SCRYPT.format(2**14, 8, 0),
        SHA512_CRYPT.format(0),
        SHA512_CRYPT.format(5000).replace("salt", "s" * 17),
        SHA512_CRYPT.format(5000).replace("5000", "05000"),
        SHA512_CRYPT.format(5000)[:-1] + "+",
        SHA512_CRYPT.format(5000).replace("salt", ""),
        "$1$saltsalt1$" + "." * 22,
        "$apr1$$" + "." * 22,
        PHPASS.format("6")[:-1],
        "{SSHA}" + "A" * 29 + "===",
        "{SSHA}" + "A" * 30,
        # A digest and a salt of three bytes.
        "{SSHA}" + "A" * 31 + "=",
        "{SSHA256}" + "A" * 47 + "=",
        "{SSHA384}" + "A" * 68,
        "{SSHA512}" + "A" * 90 + "==",
    ],
)
def test_damaged_hash_is_unusable(stored: str) -> None:
    with pytest.raises(UnusableHash, match=DAMAGED):
        identify(stored)


def test_reason_does_not_quote_the_hash() -> None:
    for sample in SAMPLES:
        with pytest.raises(UnusableHash) as caught:
            identify(sample.stored[:-3])
        assert sample.stored[:10] not in str(caught.value)


def check_any_text(password: str, stored: str) -> None:
    """Fail if `identify` or `verify` raises anything but UnusableHash."""
    try:
        scheme = identify(stored)
    except UnusableHash:
        with pytest.raises(UnusableHash):
            verify(password, stored)
    else:
        assert isinstance(scheme.weak, bool)
        assert isinstance(verify(password, stored), bool)


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)  # lone surrogates too


@given(ANY_TEXT, ANY_TEXT)
@settings(max_examples=300, deadline=None)
def test_any_text_is_identified_or_unusable(password: str, stored: str) -> None:
    check_any_text(password, stored)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_hash_with_changed_characters_is_identified_or_unusable(data: st.DataObject) -> None:
    stored = data.draw(st.sampled_from([sample for sample in SAMPLES if "32768" not in sample.stored])).stored
    start = data.draw(st.integers(0, len(stored)))
    patch = data.draw(st.text("$=,:{}./+aAzZ019é\n", max_size=2))
    check_any_text(PASSWORD, stored[:start] + patch + stored[start + data.draw(st.integers(0, 2)) :])


@pytest.mark.parametrize(("length", "accepted"), [(512, True), (513, False)])
def test_sha_crypt_rejects_passwords_that_crypt_libraries_reject(length: int, accepted: bool) -> None:
    password = "a" * length
    assert verify(password, sha512_crypt.using(rounds=1000).hash(password)) is accepted
