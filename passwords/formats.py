"""The text formats of the password hashes that Latchkey can verify."""

import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from passlib.hash import apr_md5_crypt, argon2, md5_crypt, sha256_crypt, sha512_crypt

from passwords import foreign
from passwords.errors import UnusableHash

Match = re.Match[str]


@dataclass(frozen=True, slots=True)
class HashScheme:
    """The scheme and the cost of a hash, without its salt and digest."""

    name: str
    parameters: str = ""
    """The cost parameters, such as `cost=12`."""
    weak: bool = True
    """Whether the hash is weaker than the policy for new hashes. A login replaces it."""
    milliseconds: float = field(default=0, compare=False)
    """A rough estimate of the time of a verification, for comparing the costs of hashes."""


@dataclass(frozen=True)
class HashFormat:
    """A text format of hashes."""

    pattern: re.Pattern[str]
    """Matches a whole hash."""
    scheme: Callable[[Match], HashScheme]
    """Raises UnusableHash if the cost parameters are excessive or invalid."""
    verify: Callable[[bytes, Match], bool]


MAX_CRYPT_BYTES = 512
"""The longest password that the crypt libraries of operating systems accept."""

# OWASP considers argon2id with 7168 KiB and 5 iterations equal to the policy. A hash that uses more memory than the
# policy is never replaced, because the new hash would be weaker.
_MIN_MEMORY = 7168
_MIN_WORK = _MIN_MEMORY * 5
_POLICY_MEMORY = 19456
_MAX_LANES = 16

_NUMBER = "[1-9][0-9]{0,20}"
_SALT = "(?P<salt>[!-#%-~]{1,64})"
_CRYPT_BASE64 = "[./0-9A-Za-z]"
_BASE64 = "[A-Za-z0-9+/]"
# libargon2 and bcrypt require that the unused bits of the last character are zero.
_UNPADDED_BASE64 = f"(?:{_BASE64}{{4}})*(?:{_BASE64}[AQgw]|{_BASE64}{{2}}[AEIMQUYcgkosw048])?"


def _require(*conditions: bool) -> None:
    if not all(conditions):
        raise UnusableHash("has excessive or invalid cost parameters")


# Cached because the hashes of a table have few different parameters, and an import needs them a million times.
@lru_cache(256)
def _one_parameter(
    scheme: str, parameter: str, value: int, minimum: int, maximum: int, *, milliseconds_per_round: float
) -> HashScheme:
    _require(minimum <= value <= maximum)
    rounds = 2**value if parameter == "cost" else value
    return HashScheme(scheme, f"{parameter}={value}", milliseconds=rounds * milliseconds_per_round)


def _argon2_scheme(match: Match) -> HashScheme:
    m, t, p = int(match["m"]), int(match["t"]), int(match["p"])
    _require(m * t <= 2**19, m <= 2**18, p <= _MAX_LANES, m >= 8 * p)
    weak = m < _MIN_MEMORY or (m * t < _MIN_WORK and m <= _POLICY_MEMORY)
    return HashScheme(f"argon2{match['type']}", f"m={m} t={t} p={p}", weak, m * t * 7e-4)


def _scrypt_scheme(match: Match) -> HashScheme:
    n, r, p = int(match["n"]), int(match["r"]), int(match["p"])
    is_power_of_two = n >= 2**10 and n & (n - 1) == 0
    _require(is_power_of_two, n * r <= 2**21, n * r * p <= 2**21, r > 1 or n < 2**16)  # the last is RFC 7914 §2
    return HashScheme("scrypt", f"N={n} r={r} p={p}", milliseconds=n * r * p * 4e-4)


def _phpass_rounds(match: Match) -> int:
    return 1 << "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".index(match["power"])


def _md5_crypt(scheme: str, prefix: str, verify: Callable[[bytes, str, Any], bool], handler: Any) -> HashFormat:
    return HashFormat(
        re.compile(rf"{prefix}{_CRYPT_BASE64}{{1,8}}\${_CRYPT_BASE64}{{22}}"),
        lambda _: HashScheme(scheme),
        lambda secret, match: verify(secret, match[0], handler),
    )


def _sha_crypt(scheme: str, prefix: str, length: int, handler: Any) -> HashFormat:
    rounds = rf"(?:rounds=(?P<rounds>{_NUMBER})\$)?"
    return HashFormat(
        re.compile(rf"{prefix}{rounds}{_CRYPT_BASE64}{{1,16}}\${_CRYPT_BASE64}{{{length}}}"),
        lambda match: _one_parameter(
            scheme, "rounds", int(match["rounds"] or 5000), 1000, 10**6, milliseconds_per_round=2e-4
        ),
        # The time grows with the length of the password, and crypt libraries do not accept longer passwords.
        lambda secret, match: len(secret) <= MAX_CRYPT_BYTES and foreign.verify_crypt(secret, match[0], handler),
    )


def _bcrypt(scheme: str, prefix: str, verify: Callable[[bytes, str], bool]) -> HashFormat:
    digest = f"{_CRYPT_BASE64}{{21}}[.Oeu]{_CRYPT_BASE64}{{30}}[.CGKOSWaeimquy26]"
    return HashFormat(
        re.compile(rf"{prefix}(?P<bcrypt>\$2[aby]\$(?P<cost>[0-9]{{2}})\${digest})"),
        lambda match: _one_parameter(scheme, "cost", int(match["cost"]), 4, 14, milliseconds_per_round=0.055),
        lambda secret, match: verify(secret, match["bcrypt"]),
    )


def _pbkdf2(function: str, prefix: str, digest: str, decode: Callable[[str], bytes]) -> HashFormat:
    return HashFormat(
        re.compile(rf"{prefix}(?P<rounds>{_NUMBER})\${_SALT}\$(?P<digest>{digest})"),
        lambda match: _one_parameter(
            f"pbkdf2-{function}", "rounds", int(match["rounds"]), 1, 2 * 10**6, milliseconds_per_round=3e-4
        ),
        lambda secret, match: foreign.verify_pbkdf2(
            secret, match["salt"].encode(), decode(match["digest"]), name=function, rounds=int(match["rounds"])
        ),
    )


def _scrypt(pattern: str, decode: Callable[[str], bytes]) -> HashFormat:
    def verify(secret: bytes, match: Match) -> bool:
        n, r, p = int(match["n"]), int(match["r"]), int(match["p"])
        return foreign.verify_scrypt(secret, match["salt"].encode(), decode(match["digest"]), n=n, r=r, p=p)

    return HashFormat(re.compile(pattern), _scrypt_scheme, verify)


def _salted(scheme: str, function: str, min_length: int) -> HashFormat:
    """Return the format of padded base64. `min_length` characters hold the digest and a salt of four bytes."""
    return HashFormat(
        re.compile(rf"\{{\w+\}}(?=(?:.{{4}})+\Z)(?P<bytes>{_BASE64}{{{min_length},}}={{0,2}})"),
        lambda _: HashScheme(scheme),
        lambda secret, match: foreign.verify_salted(secret, function, b64decode(match["bytes"])),
    )


_ARGON2 = HashFormat(
    re.compile(
        rf"\$argon2(?P<type>id|i|d)\$(?:v=1[69]\$)?m=(?P<m>{_NUMBER}),t=(?P<t>{_NUMBER}),p=(?P<p>{_NUMBER})"
        # A salt of 8 to 64 bytes, and a digest of exactly 16, 32 or 64 bytes, so that a truncated digest is invalid.
        rf"\$(?=[^$]{{11,86}}\$){_UNPADDED_BASE64}\$(?=(?:.{{22}}|.{{43}}|.{{86}})\Z){_UNPADDED_BASE64}"
    ),
    _argon2_scheme,
    lambda secret, match: bool(argon2.verify(secret, match[0])),
)
_BCRYPT = _bcrypt("bcrypt", "", foreign.verify_bcrypt)
_PHPASS = HashFormat(
    re.compile(rf"\$[PH]\$(?P<power>{_CRYPT_BASE64})(?P<salt>{_CRYPT_BASE64}{{8}})(?P<digest>{_CRYPT_BASE64}{{22}})"),
    # libpass makes hashes with 2**19.
    lambda match: _one_parameter("phpass", "rounds", _phpass_rounds(match), 2**7, 2**20, milliseconds_per_round=1e-3),
    lambda secret, match: foreign.verify_phpass(
        secret, match["salt"].encode(), match["digest"], rounds=_phpass_rounds(match)
    ),
)

FORMATS = {
    **dict.fromkeys(("$argon2id$", "$argon2i$", "$argon2d$"), _ARGON2),
    **dict.fromkeys(("$2a$", "$2b$", "$2y$"), _BCRYPT),
    **dict.fromkeys(("$P$", "$H$"), _PHPASS),
    "$6$": _sha_crypt("sha512-crypt", r"\$6\$", 86, sha512_crypt),
    "$5$": _sha_crypt("sha256-crypt", r"\$5\$", 43, sha256_crypt),
    "$1$": _md5_crypt("md5-crypt", r"\$1\$", foreign.verify_crypt, md5_crypt),
    "$apr1$": _md5_crypt("apr1", r"\$apr1\$", foreign.verify_apr1, apr_md5_crypt),
    "{ssha}": _salted("ssha", "sha1", 32),
    "{ssha256}": _salted("ssha256", "sha256", 48),
    "{ssha384}": _salted("ssha384", "sha384", 70),
    "{ssha512}": _salted("ssha512", "sha512", 91),
    # Django
    "bcrypt_sha256$$": _bcrypt("bcrypt-sha256", r"bcrypt_sha256\$", foreign.verify_bcrypt_sha256),
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
"""The formats by the prefix of their hashes. Prefixes in braces are case-insensitive."""
