"""Which texts are password hashes that a user can log in with, and why not the others."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passlib.hash import sha512_crypt

from passwords.schemes import HashScheme, UnusableHash, identify, needs_rehash, verify
from tests.support.hash_samples import PASSWORD, SAMPLES, Sample, every_sample


@every_sample
def test_a_hash_is_recognised(sample: Sample) -> None:
    assert identify(sample.stored) == HashScheme(sample.scheme, sample.parameters, sample.weak)


@every_sample
def test_a_hash_that_was_cut_off_is_refused(sample: Sample) -> None:
    # Argon2 has shorter digests too, and a cut in a salt at the end may leave a shorter salt.
    most = 3 if sample.scheme.startswith("ssha") else 20
    for end in range(len(sample.stored) - most, len(sample.stored)):
        with pytest.raises(UnusableHash):
            identify(sample.stored[:end])


@every_sample
def test_a_hash_with_something_around_it_is_refused(sample: Sample) -> None:
    stored = sample.stored
    for text in (
        f"{stored}A",
        f"{stored}\n",
        f" {stored}",
        f"{stored}$",
        f"{stored}=",
        f"zoe:{stored}",
        stored + stored,
    ):
        with pytest.raises(UnusableHash):
            identify(text)


DAMAGED = "is cut off or damaged"
NO_HASH = "is not a hash: the account is locked or has no password"
NO_SALT = "has no salt"
TOO_LONG = "is longer than 512 characters"
UNKNOWN = "is plain text or has an unknown scheme"
DES = "is DES crypt, which is not supported, or plain text"

REFUSED = {
    "is empty": ["", "{CRYPT}"],
    # Django's unusable password; what shadow, {CRYPT} and their tools put in the place of a hash.
    NO_HASH: ["!bMle2gCNKCg406mDjnDVwlaYRKNdsCZFARv1Zkal", "!", "!!", "*", "x", "*LK*", "*\n", "{CRYPT}*", "{CRYPT}x"],
    UNKNOWN: [
        *("correct horse battery staple", "hunter2", "pässwörd", "\ud800", "a\nb", "xx", "{secret}", "$ecret$", "a:b"),
        *("{CLEARTEXT}secret", "{CRYPT}{CRYPT}*", "$argon2id", "pbkdf2:sha256$salt$" + "0" * 64, "a" * 512),
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
    ],
    "is salted MD5, which is not supported": [
        "{SMD5}5AJvdQa46tp4Q6edgkNAm6S+dhs=",
        "md5$OrrgYY67kZDCr7xawztoeC$b382e3db3a6aed02df88217cd8844fb9",
    ],
    "is salted SHA-1, which is not supported": ["sha1$abc$5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8"],
    "is LAN Manager, which is not supported": ["{LANMAN}aad3b435b51404eeaad3b435b51404ee"],
    "is bcrypt of the faulty version 2x, which is not supported": ["$2x$04$" + "." * 53],
    "is bcrypt as WordPress writes it, which is not supported": ["$wp$2y$04$" + "." * 53],
    "is yescrypt, which is not supported": [
        "{CRYPT}$y$j9T$JFEwFhtms5FgjN4J$VKzwj80FTAuriElgTmif/VTzVRe9wSDwR/vsGGNQfM4"
    ],
    "is gost-yescrypt, which is not supported": ["$gy$j9T$JFEwFhtms5FgjN4J$" + "." * 43],
    "is sha1-crypt, which is not supported": ["$sha1$40000$jtNX3nZ2$hBNaIXkt4wBI2o5rsi8KejSjNqIq"],
    "is PBKDF2 as passlib writes it, which is not supported": ["$pbkdf2-sha256$29000$salt$" + "." * 43],
    DES: ["hEXRm1ViPMbUQ", "{CRYPT}hEXRm1ViPMbUQ"],
    DAMAGED: ["$argon2id$", "argon2$argon2id$v=19", "bcrypt$$2b$12$", "scrypt:32768:8:1$salt$", "pbkdf2:sha256:1000"],
    TOO_LONG: ["a" * 513, "$" * 10**6, "{SSHA}" + "A" * 508, "!" * 513],
}


@pytest.mark.parametrize(
    ("reason", "stored"),
    [(reason, text) for reason, texts in REFUSED.items() for text in texts],
    ids=lambda text: text[:40],
)
def test_a_refusal_says_why(reason: str, stored: str) -> None:
    for question in (identify, lambda text: verify(PASSWORD, text), lambda text: needs_rehash(PASSWORD, text)):
        with pytest.raises(UnusableHash) as refusal:
            question(stored)
        assert str(refusal.value) == reason


@every_sample
def test_a_locked_hash_is_refused(sample: Sample) -> None:
    for lock in ("!", "!!", "*"):
        with pytest.raises(UnusableHash, match=NO_HASH):
            identify(lock + sample.stored)


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


@pytest.mark.parametrize(
    ("stored", "parameters"),
    [
        (ARGON2.format(2**18, 2, 1), "m=262144 t=2 p=1"),
        (ARGON2.format(8, 2**16, 1), "m=8 t=65536 p=1"),
        (ARGON2.format(128, 1, 16), "m=128 t=1 p=16"),
        (BCRYPT.format(4), "cost=4"),
        (BCRYPT.format(14), "cost=14"),
        (BCRYPT_SHA256.format(14), "cost=14"),
        (DJANGO_PBKDF2.format(1), "rounds=1"),
        (DJANGO_PBKDF2.format(2 * 10**6), "rounds=2000000"),
        (WERKZEUG_PBKDF2.format(2 * 10**6), "rounds=2000000"),
        (DJANGO_SCRYPT.format(2**10, 1, 1), "N=1024 r=1 p=1"),
        (DJANGO_SCRYPT.format(2**17, 8, 2), "N=131072 r=8 p=2"),
        (WERKZEUG_SCRYPT.format(2**18, 8, 1), "N=262144 r=8 p=1"),
        (WERKZEUG_SCRYPT.format(2**15, 1, 1), "N=32768 r=1 p=1"),
        (WERKZEUG_SCRYPT.format(2**16, 2, 1), "N=65536 r=2 p=1"),
        (SHA512_CRYPT.format(1000), "rounds=1000"),
        (SHA512_CRYPT.format(10**6), "rounds=1000000"),
        (SHA256_CRYPT.format(10**6), "rounds=1000000"),
        (PHPASS.format("5"), "rounds=128"),
        (PHPASS.format("I"), "rounds=1048576"),
    ],
)
def test_the_last_bearable_parameters_are_taken(stored: str, parameters: str) -> None:
    assert identify(stored).parameters == parameters


@pytest.mark.parametrize(
    "stored",
    [
        ARGON2.format(2**18 + 1, 1, 1),
        ARGON2.format(2**18, 3, 1),
        ARGON2.format(8, 2**16 + 1, 1),
        ARGON2.format(136, 1, 17),
        ARGON2.format(127, 1, 16),
        ARGON2.format(7, 1, 1),
        ARGON2.format(2**32 - 1, 2, 1),
        ARGON2.format(19456, 10**20, 1),
        BCRYPT.format(3),
        BCRYPT.format(15),
        BCRYPT.format(31),
        BCRYPT_SHA256.format(15),
        DJANGO_PBKDF2.format(2 * 10**6 + 1),
        WERKZEUG_PBKDF2.format(10**20),
        DJANGO_SCRYPT.format(1, 8, 1),
        DJANGO_SCRYPT.format(1023, 8, 1),
        DJANGO_SCRYPT.format(2**19, 8, 1),
        DJANGO_SCRYPT.format(2**17, 8, 3),
        DJANGO_SCRYPT.format(2**17, 17, 1),
        WERKZEUG_SCRYPT.format(2**10, 1, 2**12 + 1),
        WERKZEUG_SCRYPT.format(2**9, 1, 1),
        WERKZEUG_SCRYPT.format(2**16, 1, 1),
        WERKZEUG_SCRYPT.format(2**20, 8, 1),
        SHA512_CRYPT.format(999),
        SHA512_CRYPT.format(10**6 + 1),
        SHA256_CRYPT.format(10**6 + 1),
        PHPASS.format("4"),
        PHPASS.format("J"),
    ],
)
def test_absurd_parameters_are_refused_and_never_computed(stored: str) -> None:
    for question in (identify, lambda text: verify(PASSWORD, text)):
        with pytest.raises(UnusableHash, match="has excessive or invalid cost parameters"):
            question(stored)


@pytest.mark.parametrize(
    ("m", "t", "weak"),
    [
        (19456, 2, False),
        (19456, 1, True),
        (19457, 1, False),  # more memory than the policy has
        (7168, 5, False),
        (7168, 4, True),
        (35839, 1, False),
        (2**18, 1, False),
        (8, 2**16, True),
        (8, 1, True),
    ],
)
def test_argon2_is_weak_if_it_costs_less_than_the_policy(m: int, t: int, weak: bool) -> None:
    assert identify(ARGON2.format(m, t, 1)).weak is weak


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
        # a digest and a salt of three bytes
        "{SSHA}" + "A" * 31 + "=",
        "{SSHA256}" + "A" * 47 + "=",
        "{SSHA384}" + "A" * 68,
        "{SSHA512}" + "A" * 90 + "==",
    ],
)
def test_a_damaged_hash_is_refused(stored: str) -> None:
    with pytest.raises(UnusableHash, match=DAMAGED):
        identify(stored)


def test_a_refusal_does_not_have_the_hash_in_it() -> None:
    for sample in SAMPLES:
        with pytest.raises(UnusableHash) as refusal:
            identify(sample.stored[:-3])
        assert sample.stored[:10] not in str(refusal.value)


def settle(password: str, stored: str) -> None:
    """Ask everything: an answer or UnusableHash, and no other end."""
    try:
        kind = identify(stored)
    except UnusableHash:
        with pytest.raises(UnusableHash):
            verify(password, stored)
    else:
        assert isinstance(kind.weak, bool)
        assert isinstance(verify(password, stored), bool)


ANYTHING = st.text(st.characters(exclude_categories=()), max_size=80)  # lone surrogates too


@given(ANYTHING, ANYTHING)
@settings(max_examples=300, deadline=None)
def test_any_text_has_an_answer_or_is_refused(password: str, stored: str) -> None:
    settle(password, stored)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_hash_with_a_few_characters_changed_has_an_answer_or_is_refused(data: st.DataObject) -> None:
    stored = data.draw(st.sampled_from([sample for sample in SAMPLES if "32768" not in sample.stored])).stored
    start = data.draw(st.integers(0, len(stored)))
    patch = data.draw(st.text("$=,:{}./+aAzZ019é\n", max_size=2))
    settle(PASSWORD, stored[:start] + patch + stored[start + data.draw(st.integers(0, 2)) :])


@pytest.mark.parametrize(("length", "proven"), [(512, True), (513, False)])
def test_no_more_of_a_password_is_computed_in_python_than_systems_take(length: int, proven: bool) -> None:
    password = "a" * length
    assert verify(password, sha512_crypt.using(rounds=1000).hash(password)) == proven
