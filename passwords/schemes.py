"""The schemes of password hashes: which one a stored text is, and whether a password made it."""

import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from passlib.hash import apr_md5_crypt, argon2, md5_crypt, phpass, sha256_crypt, sha512_crypt

from passwords import foreign as foreign_hashes


class UnusableHash(ValueError):
    """Nobody can log in with this hash. The text says why, to an admin, and never has the hash in it."""


@dataclass(frozen=True, slots=True)
class HashScheme:
    """What a hash is, without its salt and digest."""

    scheme: str
    parameters: str = ""
    """What its maker could choose, such as `cost=12`."""
    weak: bool = True
    """Weaker than today's policy, so that it is to be replaced at the next login."""


def identify(stored: str) -> HashScheme:
    """Return what the hash is, without computing anything; UnusableHash if nobody could log in with it."""
    form, found = _read(stored)
    return form.kind(found)


def verify(password: str, stored: str) -> bool:
    """Say whether the password made the hash, in the time and memory that the hash takes.

    A password that the scheme cannot take is never right. UnusableHash as in `identify`. Thread-safe.
    """
    form, found = _read(stored)
    form.kind(found)
    try:
        secret = password.encode()
        # Some schemes stop at a NUL and others cannot tell it from the end.
        return len(secret) <= _LONGEST_SECRET and b"\0" not in secret and form.check(secret, found)
    except (ValueError, TypeError, MemoryError):  # a lone surrogate, and libpass' and OpenSSL's words for "cannot"
        return False


def needs_rehash(password: str, stored: str) -> bool:
    """Say whether a new hash of the password, which `verify` the old one, may take its place.

    Not if the old one is strong. Nor if bcrypt saw only the beginning of the password: the rest of it has not
    been proven, and a slip in it would become part of the password.
    """
    kind = identify(stored)
    return kind.weak and (kind.scheme != "bcrypt" or foreign_hashes.fits_bcrypt(password.encode()))


@dataclass(frozen=True)
class _Form:
    """One way to write a hash. The text matches as a whole; `kind` refuses absurd parameters."""

    text: re.Pattern[str]
    kind: Callable[[re.Match[str]], HashScheme]
    check: Callable[[bytes, re.Match[str]], bool]


_LONGEST = 512
_LONGEST_SECRET = 4096  # bytes; libpass takes no more
_LONGEST_CRYPT = 512  # bytes; nor do the crypt libraries of systems
# 7168 KiB five times over is the cheapest argon2 that OWASP holds equal to the policy. One with more memory
# than the policy's is never replaced, for that would weaken it.
_LEAST_MEMORY = 7168
_LEAST_WORK = _LEAST_MEMORY * 5
_POLICY_MEMORY = 19456
_MOST_LANES = 16
_ABSURD = "has excessive or invalid cost parameters"

_NUMBER = "[1-9][0-9]{0,20}"
_SALT = "(?P<salt>[!-#%-~]{1,64})"
_ANY64 = "[./0-9A-Za-z]"
_BASE64 = "[A-Za-z0-9+/]"
# Whole bytes: the bits left over in the last character are zero, as libargon2 and bcrypt demand.
_UNPADDED = f"(?:{_BASE64}{{4}})*(?:{_BASE64}[AQgw]|{_BASE64}{{2}}[AEIMQUYcgkosw048])?"


def _bound(*bounds: bool) -> None:
    if not all(bounds):
        raise UnusableHash(_ABSURD)


# A table has few kinds, and an import asks for one a million times.
@lru_cache(256)
def _bounded(scheme: str, parameter: str, value: int, least: int, most: int) -> HashScheme:
    _bound(least <= value <= most)
    return HashScheme(scheme, f"{parameter}={value}")


def _argon2_kind(found: re.Match[str]) -> HashScheme:
    m, t, p = int(found["m"]), int(found["t"]), int(found["p"])
    _bound(m * t <= 2**19, m <= 2**18, p <= _MOST_LANES, m >= 8 * p)
    weak = m < _LEAST_MEMORY or (m * t < _LEAST_WORK and m <= _POLICY_MEMORY)
    return HashScheme(f"argon2{found['type']}", f"m={m} t={t} p={p}", weak)


def _scrypt_kind(found: re.Match[str]) -> HashScheme:
    n, r, p = int(found["n"]), int(found["r"]), int(found["p"])
    power_of_two = n >= 2**10 and n & (n - 1) == 0
    _bound(power_of_two, n * r <= 2**21, n * r * p <= 2**21, r > 1 or n < 2**16)  # the last is RFC 7914 §2
    return HashScheme("scrypt", f"N={n} r={r} p={p}")


def _phpass_kind(found: re.Match[str]) -> HashScheme:
    power = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".index(found["power"])
    return _bounded("phpass", "rounds", 2**power, 2**7, 2**20)  # libpass makes them with 2**19


def _by_libpass(text: str, kind: Callable[[re.Match[str]], HashScheme], handler: Any) -> _Form:
    return _Form(re.compile(text), kind, lambda secret, found: bool(handler.verify(secret, found[0])))


def _md5_crypt(name: str, start: str, handler: Any) -> _Form:
    return _by_libpass(rf"{start}{_ANY64}{{1,8}}\${_ANY64}{{22}}", lambda _: HashScheme(name), handler)


def _sha_crypt(name: str, start: str, length: int, handler: Any) -> _Form:
    text = rf"{start}(?:rounds=(?P<rounds>{_NUMBER})\$)?{_ANY64}{{1,16}}\${_ANY64}{{{length}}}"
    return _Form(
        re.compile(text),
        # At most a million: libpass computes these in Python, which holds the GIL.
        lambda found: _bounded(name, "rounds", int(found["rounds"] or 5000), 1000, 10**6),
        # They take longer the longer a password is, and whoever made them took no longer ones.
        lambda secret, found: len(secret) <= _LONGEST_CRYPT and bool(handler.verify(secret, found[0])),
    )


def _bcrypt(name: str, start: str, check: Callable[[bytes, str], bool]) -> _Form:
    digest = f"{_ANY64}{{21}}[.Oeu]{_ANY64}{{30}}[.CGKOSWaeimquy26]"
    return _Form(
        re.compile(rf"{start}(?P<bcrypt>\$2[aby]\$(?P<cost>[0-9]{{2}})\${digest})"),
        lambda found: _bounded(name, "cost", int(found["cost"]), 4, 14),
        lambda secret, found: check(secret, found["bcrypt"]),
    )


def _pbkdf2(name: str, start: str, digest: str, decode: Callable[[str], bytes]) -> _Form:
    return _Form(
        re.compile(rf"{start}(?P<rounds>{_NUMBER})\${_SALT}\$(?P<digest>{digest})"),
        lambda found: _bounded(f"pbkdf2-{name}", "rounds", int(found["rounds"]), 1, 2 * 10**6),
        lambda secret, found: foreign_hashes.verify_pbkdf2(
            secret, found["salt"].encode(), decode(found["digest"]), name=name, rounds=int(found["rounds"])
        ),
    )


def _scrypt(text: str, decode: Callable[[str], bytes]) -> _Form:
    def check(secret: bytes, found: re.Match[str]) -> bool:
        n, r, p = int(found["n"]), int(found["r"]), int(found["p"])
        return foreign_hashes.verify_scrypt(secret, found["salt"].encode(), decode(found["digest"]), n=n, r=r, p=p)

    return _Form(re.compile(text), _scrypt_kind, check)


def _salted(scheme: str, name: str, least: int) -> _Form:
    """Padded base64: `least` characters are the digest and four bytes of salt, the shortest in use."""
    return _Form(
        re.compile(rf"\{{\w+\}}(?=(?:.{{4}})+\Z)(?P<bytes>{_BASE64}{{{least},}}={{0,2}})"),
        lambda _: HashScheme(scheme),
        lambda secret, found: foreign_hashes.verify_salted(secret, name, b64decode(found["bytes"])),
    )


_ARGON2 = _by_libpass(
    rf"\$argon2(?P<type>id|i|d)\$(?:v=1[69]\$)?m=(?P<m>{_NUMBER}),t=(?P<t>{_NUMBER}),p=(?P<p>{_NUMBER})"
    # A salt of 8 to 64 bytes; a digest of 16, 32 or 64, as a cut one would pass for a shorter one.
    rf"\$(?=[^$]{{11,86}}\$){_UNPADDED}\$(?=(?:.{{22}}|.{{43}}|.{{86}})\Z){_UNPADDED}",
    _argon2_kind,
    argon2,
)

_FORMS = {
    **dict.fromkeys(("$argon2id$", "$argon2i$", "$argon2d$"), _ARGON2),
    **dict.fromkeys(("$2a$", "$2b$", "$2y$"), _bcrypt("bcrypt", "", foreign_hashes.verify_bcrypt)),
    **dict.fromkeys(("$P$", "$H$"), _by_libpass(rf"\$[PH]\$(?P<power>{_ANY64}){_ANY64}{{30}}", _phpass_kind, phpass)),
    "$6$": _sha_crypt("sha512-crypt", r"\$6\$", 86, sha512_crypt),
    "$5$": _sha_crypt("sha256-crypt", r"\$5\$", 43, sha256_crypt),
    "$1$": _md5_crypt("md5-crypt", r"\$1\$", md5_crypt),
    "$apr1$": _md5_crypt("apr1", r"\$apr1\$", apr_md5_crypt),
    "{ssha}": _salted("ssha", "sha1", 32),
    "{ssha256}": _salted("ssha256", "sha256", 48),
    "{ssha384}": _salted("ssha384", "sha384", 70),
    "{ssha512}": _salted("ssha512", "sha512", 91),
    # Django
    "bcrypt_sha256$$": _bcrypt("bcrypt-sha256", r"bcrypt_sha256\$", foreign_hashes.verify_bcrypt_sha256),
    "pbkdf2_sha256$": _pbkdf2("sha256", r"pbkdf2_sha256\$", f"{_BASE64}{{43}}=", b64decode),
    "pbkdf2_sha1$": _pbkdf2("sha1", r"pbkdf2_sha1\$", f"{_BASE64}{{27}}=", b64decode),
    "scrypt$": _scrypt(
        rf"scrypt\$(?P<n>{_NUMBER})\${_SALT}\$(?P<r>{_NUMBER})\$(?P<p>{_NUMBER})\$(?P<digest>{_BASE64}{{86}}==)",
        b64decode,
    ),
    # Werkzeug
    "pbkdf2:sha1:": _pbkdf2("sha1", "pbkdf2:sha1:", "[0-9a-f]{40}", bytes.fromhex),
    "pbkdf2:sha256:": _pbkdf2("sha256", "pbkdf2:sha256:", "[0-9a-f]{64}", bytes.fromhex),
    "pbkdf2:sha512:": _pbkdf2("sha512", "pbkdf2:sha512:", "[0-9a-f]{128}", bytes.fromhex),
    "scrypt:": _scrypt(
        rf"scrypt:(?P<n>{_NUMBER}):(?P<r>{_NUMBER}):(?P<p>{_NUMBER})\${_SALT}\$(?P<digest>[0-9a-f]{{128}})",
        bytes.fromhex,
    ),
}

_NO_SALT = "has no salt"
_UNSUPPORTED = {
    "{smd5}": "salted MD5",
    "{lanman}": "LAN Manager",
    "md5$": "salted MD5",
    "sha1$": "salted SHA-1",
    "$2x$": "bcrypt of the faulty version 2x",
    "$sha1$": "sha1-crypt",
    "$y$": "yescrypt",
    "$gy$": "gost-yescrypt",
    "$wp$": "bcrypt as WordPress writes it",
    "$pbkdf2-sha256$": "PBKDF2 as passlib writes it",
    "$pbkdf2-sha512$": "PBKDF2 as passlib writes it",
}
_REFUSED = {
    **dict.fromkeys(("{sha}", "{sha256}", "{sha512}", "{md5}", "{nt}", "md5$$", "sha1$$", "$3$"), _NO_SALT),
    **{start: f"is {name}, which is not supported" for start, name in _UNSUPPORTED.items()},
    **dict.fromkeys(_FORMS, "is cut off or damaged"),
}
_REFUSED_LIKE = [
    (re.compile(""), "is empty"),
    # Of MD5 or SHA, of Windows (with LAN Manager's before it) or of MySQL.
    (re.compile(r"\*?(?:[0-9A-Fa-f]{8}){2,16}(?::[0-9A-Fa-f]{32})?"), _NO_SALT),
    (re.compile("x|[!*].*", re.DOTALL), "is not a hash: the account is locked or has no password"),
    (re.compile(f"{_ANY64}{{13}}"), "is DES crypt, which is not supported, or plain text"),
    (re.compile(".*", re.DOTALL), "is plain text or has an unknown scheme"),
]

# slapd's and Django's words before a hash that has a name of its own.
_WRAPPING = re.compile(r"\{crypt\}|\{argon2\}|argon2(?=\$argon2)|bcrypt\$(?=\$2)", re.ASCII | re.IGNORECASE)
_START = re.compile(r"\{\w+\}|\$[\w-]+\$|pbkdf2:\w+:|\w+(?:\$\$?|:)", re.ASCII)


def _read(stored: str) -> tuple[_Form, re.Match[str]]:
    if not isinstance(stored, str):  # SQLite holds what it is given
        raise UnusableHash("is not text")
    if len(stored) > _LONGEST:
        raise UnusableHash(f"is longer than {_LONGEST} characters")
    wrapping = _WRAPPING.match(stored)
    text = stored[wrapping.end() :] if wrapping else stored
    start = _start(text)
    form = _FORMS.get(start)
    if form and (found := form.text.fullmatch(text)):
        return form, found
    raise UnusableHash(_REFUSED.get(start) or next(reason for like, reason in _REFUSED_LIKE if like.fullmatch(text)))


def _start(text: str) -> str:
    start = found[0] if (found := _START.match(text)) else ""
    return start.lower() if start.startswith("{") else start
