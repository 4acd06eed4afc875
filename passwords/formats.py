"""The text formats of the password hashes that Latchkey can verify."""

import hashlib
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass

from passwords import foreign
from passwords.costs import (
    HashScheme,
    Match,
    argon2_scheme,
    one_parameter,
    phpass_rounds,
    scrypt_parameters,
    scrypt_scheme,
)


@dataclass(frozen=True)
class HashFormat:
    """A text format of hashes."""

    pattern: str
    """A regular expression of a whole hash. `re` compiles it when the first hash is compared with it."""
    scheme: Callable[[Match], HashScheme]
    """Raises UnusableHash if the cost parameters are excessive or invalid."""
    verify: Callable[[bytes, Match], bool]


MAX_CRYPT_BYTES = 512
"""The longest password that the crypt libraries of operating systems accept."""

_NUMBER = "[1-9][0-9]{0,20}"
_SALT = "(?P<salt>[!-#%-~]{1,64})"
_CRYPT_BASE64 = "[./0-9A-Za-z]"
_BASE64 = "[A-Za-z0-9+/]"
_ADAPTED_BASE64 = "[A-Za-z0-9+./]"
# libargon2 and bcrypt require that the unused bits of the last character are zero.
_UNPADDED_BASE64 = f"(?:{_BASE64}{{4}})*(?:{_BASE64}[AQgw]|{_BASE64}{{2}}[AEIMQUYcgkosw048])?"


def _decode(text: str) -> bytes:
    """Decode base64 with or without padding, in which `.` can replace `+`."""
    unpadded = text.rstrip("=").replace(".", "+")
    return b64decode(unpadded + "=" * (-len(unpadded) % 4))


def _md5_crypt(scheme: str, prefix: str, verify: Callable[[bytes, str, str], bool], handler: str) -> HashFormat:
    return HashFormat(
        rf"{prefix}{_CRYPT_BASE64}{{1,8}}\${_CRYPT_BASE64}{{22}}",
        lambda _: HashScheme(scheme),
        lambda secret, match: verify(secret, match[0], handler),
    )


def _sha_crypt(scheme: str, prefix: str, length: int, handler: str) -> HashFormat:
    rounds = rf"(?:rounds=(?P<rounds>{_NUMBER})\$)?"
    return HashFormat(
        rf"{prefix}{rounds}{_CRYPT_BASE64}{{1,16}}\${_CRYPT_BASE64}{{{length}}}",
        lambda match: one_parameter(
            scheme, "rounds", int(match["rounds"] or 5000), 1000, 10**6, milliseconds_per_round=5e-4
        ),
        # The time grows with the length of the password, and crypt libraries do not accept longer passwords.
        lambda secret, match: len(secret) <= MAX_CRYPT_BYTES and foreign.verify_crypt(secret, match[0], handler),
    )


def _bcrypt(scheme: str, prefix: str, verify: Callable[[bytes, str], bool]) -> HashFormat:
    digest = f"{_CRYPT_BASE64}{{21}}[.Oeu]{_CRYPT_BASE64}{{30}}[.CGKOSWaeimquy26]"
    return HashFormat(
        rf"{prefix}(?P<bcrypt>\$2[aby]\$(?P<cost>[0-9]{{2}})\${digest})",
        lambda match: one_parameter(scheme, "cost", int(match["cost"]), 4, 15, milliseconds_per_round=0.055),
        lambda secret, match: verify(secret, match["bcrypt"]),
    )


def _pbkdf2_scheme(function: str, rounds: int) -> HashScheme:
    return one_parameter(f"pbkdf2-{function}", "rounds", rounds, 1, 2 * 10**6, milliseconds_per_round=3e-4)


def _pbkdf2(function: str, prefix: str, digest: str, decode: Callable[[str], bytes]) -> HashFormat:
    return HashFormat(
        rf"{prefix}(?P<rounds>{_NUMBER})\${_SALT}\$(?P<digest>{digest})",
        lambda match: _pbkdf2_scheme(function, int(match["rounds"])),
        lambda secret, match: foreign.verify_pbkdf2(
            secret, match["salt"].encode(), decode(match["digest"]), name=function, rounds=int(match["rounds"])
        ),
    )


def _encoded_pbkdf2(function: str, prefix: str) -> HashFormat:
    """Return the format of passlib and of LDAP servers: salt and digest are base64, with `.` or `+`."""
    size = hashlib.new(function).digest_size
    length, padding = -(-size * 8 // 6), "=" * (-size % 3)
    salt, digest = f"{_ADAPTED_BASE64}{{1,171}}={{0,2}}", f"{_ADAPTED_BASE64}{{{length}}}(?:{padding})?"
    return HashFormat(
        rf"(?i:{prefix}(?P<rounds>{_NUMBER})\$(?P<salt>{salt})\$(?P<digest>{digest}))",
        lambda match: _pbkdf2_scheme(function, int(match["rounds"])),
        lambda secret, match: foreign.verify_pbkdf2(
            secret, _decode(match["salt"]), _decode(match["digest"]), name=function, rounds=int(match["rounds"])
        ),
    )


def _salted_once(function: str, prefix: str) -> HashFormat:
    """Return the format of old versions of Werkzeug and Django: `sha1$salt$hex`, which each computed in its own way."""
    digest = f"[0-9a-f]{{{hashlib.new(function).digest_size * 2}}}"
    return HashFormat(
        rf"{prefix}{_SALT}\$(?P<digest>{digest})",
        lambda _: HashScheme(f"salted-{function}"),
        lambda secret, match: foreign.verify_salted_once(
            secret, match["salt"].encode(), bytes.fromhex(match["digest"]), name=function
        ),
    )


def _scrypt(
    pattern: str, decode: Callable[[str], bytes], decode_salt: Callable[[str], bytes] = str.encode
) -> HashFormat:
    def verify(secret: bytes, match: Match) -> bool:
        n, r, p = scrypt_parameters(match)
        return foreign.verify_scrypt(secret, decode_salt(match["salt"]), decode(match["digest"]), n=n, r=r, p=p)

    return HashFormat(pattern, scrypt_scheme, verify)


def _salted(scheme: str, function: str, min_length: int) -> HashFormat:
    """Return the format of padded base64. `min_length` characters hold the digest and a salt of four bytes."""
    return HashFormat(
        rf"\{{\w+\}}(?=(?:.{{4}})+\Z)(?P<bytes>{_BASE64}{{{min_length},}}={{0,2}})",
        lambda _: HashScheme(scheme),
        lambda secret, match: foreign.verify_salted(secret, function, b64decode(match["bytes"])),
    )


_ARGON2 = HashFormat(
    (
        rf"\$argon2(?P<type>id|i|d)\$(?:v=1[69]\$)?m=(?P<m>{_NUMBER}),t=(?P<t>{_NUMBER}),p=(?P<p>{_NUMBER})"
        # A salt of 8 to 64 bytes, and a digest of exactly 16, 32 or 64 bytes, so that a truncated digest is invalid.
        rf"\$(?=[^$]{{11,86}}\$){_UNPADDED_BASE64}\$(?=(?:.{{22}}|.{{43}}|.{{86}})\Z){_UNPADDED_BASE64}"
    ),
    argon2_scheme,
    lambda secret, match: foreign.verify_libpass(secret, match[0], "argon2"),
)
_BCRYPT = _bcrypt("bcrypt", "", foreign.verify_bcrypt)
_PHPASS = HashFormat(
    rf"\$[PH]\$(?P<power>{_CRYPT_BASE64})(?P<salt>{_CRYPT_BASE64}{{8}})(?P<digest>{_CRYPT_BASE64}{{22}})",
    # libpass makes hashes with 2**19.
    lambda match: one_parameter("phpass", "rounds", phpass_rounds(match), 2**7, 2**20, milliseconds_per_round=1e-3),
    lambda secret, match: foreign.verify_phpass(
        secret, match["salt"].encode(), match["digest"], rounds=phpass_rounds(match)
    ),
)

_PASSLIB_BCRYPT_SHA256 = HashFormat(
    rf"\$bcrypt-sha256\$v=2,t=2[ab],r=(?P<cost>[0-9]{{1,2}})\${_CRYPT_BASE64}{{22}}\${_CRYPT_BASE64}{{31}}",
    lambda match: one_parameter("bcrypt-sha256", "cost", int(match["cost"]), 4, 15, milliseconds_per_round=0.055),
    lambda secret, match: foreign.verify_libpass(secret, match[0], "bcrypt_sha256"),
)
_DIRECTORY389_PBKDF2 = HashFormat(
    # The number of rounds, a salt of 64 bytes and a digest of 256 bytes.
    rf"\{{\w+\}}(?P<bytes>{_BASE64}{{432}})",
    lambda match: _pbkdf2_scheme("sha256", int.from_bytes(b64decode(match["bytes"])[:4])),
    lambda secret, match: foreign.verify_directory389(secret, b64decode(match["bytes"])),
)
_ATLASSIAN = HashFormat(
    rf"\{{\w+\}}{_BASE64}{{64}}",
    lambda _: one_parameter("pbkdf2-sha1", "rounds", 10_000, 1, 10_000, milliseconds_per_round=3e-4),
    lambda secret, match: foreign.verify_libpass(secret, match[0].upper()[:9] + match[0][9:], "atlassian_pbkdf2_sha1"),
)

FORMATS = {
    **dict.fromkeys(("$argon2id$", "$argon2i$", "$argon2d$"), _ARGON2),
    **dict.fromkeys(("$2a$", "$2b$", "$2y$"), _BCRYPT),
    **dict.fromkeys(("$P$", "$H$"), _PHPASS),
    "$6$": _sha_crypt("sha512-crypt", r"\$6\$", 86, "sha512_crypt"),
    "$5$": _sha_crypt("sha256-crypt", r"\$5\$", 43, "sha256_crypt"),
    "$1$": _md5_crypt("md5-crypt", r"\$1\$", foreign.verify_crypt, "md5_crypt"),
    "$apr1$": _md5_crypt("apr1", r"\$apr1\$", foreign.verify_apr1, "apr_md5_crypt"),
    "$wp$": _bcrypt("bcrypt-wordpress", r"\$wp", foreign.verify_bcrypt_wordpress),
    "$bcrypt-sha256$": _PASSLIB_BCRYPT_SHA256,
    "$pbkdf2$": _encoded_pbkdf2("sha1", r"\$pbkdf2\$"),
    "$pbkdf2-sha256$": _encoded_pbkdf2("sha256", r"\$pbkdf2-sha256\$"),
    "$pbkdf2-sha512$": _encoded_pbkdf2("sha512", r"\$pbkdf2-sha512\$"),
    "$scrypt$": _scrypt(
        rf"\$scrypt\$ln=(?P<ln>{_NUMBER}),r=(?P<r>{_NUMBER}),p=(?P<p>{_NUMBER})"
        rf"\$(?P<salt>{_BASE64}{{1,86}})\$(?P<digest>{_BASE64}{{43}})",
        _decode,
        _decode,
    ),
    # OpenLDAP, 389 Directory Server, Dovecot, Atlassian
    "{pbkdf2}": _encoded_pbkdf2("sha1", r"\{pbkdf2\}"),
    "{pbkdf2-sha1}": _encoded_pbkdf2("sha1", r"\{pbkdf2-sha1\}"),
    "{pbkdf2-sha256}": _encoded_pbkdf2("sha256", r"\{pbkdf2-sha256\}"),
    "{pbkdf2-sha512}": _encoded_pbkdf2("sha512", r"\{pbkdf2-sha512\}"),
    "{pbkdf2_sha256}": _DIRECTORY389_PBKDF2,
    "{pbkdf2}$1$": HashFormat(
        rf"\{{\w+\}}\$1\${_SALT}\$(?P<rounds>{_NUMBER})\$(?P<digest>[0-9a-f]{{40}})",
        lambda match: _pbkdf2_scheme("sha1", int(match["rounds"])),
        lambda secret, match: foreign.verify_pbkdf2(
            secret, match["salt"].encode(), bytes.fromhex(match["digest"]), name="sha1", rounds=int(match["rounds"])
        ),
    ),
    "{pkcs5s2}": _ATLASSIAN,
    "{smd5}": _salted("smd5", "md5", 27),
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
    # Old versions of Django and Werkzeug
    "md5$": _salted_once("md5", r"md5\$"),
    "sha1$": _salted_once("sha1", r"sha1\$"),
    "sha256$": _salted_once("sha256", r"sha256\$"),
    "sha512$": _salted_once("sha512", r"sha512\$"),
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
