"""The cost parameters of password hashes: their limits, and whether they are weaker than the policy."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

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


# OWASP considers argon2id with 7168 KiB and 5 iterations equal to the policy. A hash that uses more memory than the
# policy is never replaced, because the new hash would be weaker.
_MIN_MEMORY = 7168
_MIN_WORK = _MIN_MEMORY * 5
_POLICY_MEMORY = 19456
_MAX_LANES = 16
# The preset "moderate" of libsodium. Its preset "sensitive" needs a GiB for each concurrent login.
_MAX_MEMORY = 2**18  # KiB
_MAX_WORK = _MAX_MEMORY * 3


def _require(*conditions: bool) -> None:
    if not all(conditions):
        raise UnusableHash("has excessive or invalid cost parameters")


# Cached because the hashes of a table have few different parameters, and an import needs them a million times.
@lru_cache(256)
def one_parameter(
    scheme: str, parameter: str, value: int, minimum: int, maximum: int, *, milliseconds_per_round: float
) -> HashScheme:
    """Return the scheme of a hash with one cost parameter. Raises UnusableHash if it is outside the limits."""
    _require(minimum <= value <= maximum)
    rounds = 2**value if parameter == "cost" else value
    return HashScheme(scheme, f"{parameter}={value}", milliseconds=rounds * milliseconds_per_round)


def argon2_scheme(match: Match) -> HashScheme:
    """Return the scheme of an argon2 hash. Raises UnusableHash if its cost is excessive."""
    return _argon2_scheme(match["type"], int(match["m"]), int(match["t"]), int(match["p"]))


@lru_cache(256)
def _argon2_scheme(variant: str, m: int, t: int, p: int) -> HashScheme:
    if m > _MAX_MEMORY or m * t > _MAX_WORK:
        raise UnusableHash(f"needs more memory or time than m={_MAX_MEMORY} t={_MAX_WORK // _MAX_MEMORY}")
    _require(p <= _MAX_LANES, m >= 8 * p)
    weak = m < _MIN_MEMORY or (m * t < _MIN_WORK and m <= _POLICY_MEMORY)
    return HashScheme(f"argon2{variant}", f"m={m} t={t} p={p}", weak, m * t * 7e-4)


def scrypt_parameters(match: Match) -> tuple[int, int, int]:
    """Return N, r and p. Some formats have the binary logarithm of N."""
    groups = match.groupdict()
    n = int(groups["n"]) if groups.get("n") else 1 << min(int(groups["ln"]), 64)
    return n, int(groups["r"]), int(groups["p"])


def scrypt_scheme(match: Match) -> HashScheme:
    """Return the scheme of a scrypt hash. Raises UnusableHash if its cost is excessive."""
    n, r, p = scrypt_parameters(match)
    is_power_of_two = n >= 2**10 and n & (n - 1) == 0
    _require(is_power_of_two, n * r <= 2**21, n * r * p <= 2**21, r > 1 or n < 2**16)  # the last is RFC 7914 §2
    return HashScheme("scrypt", f"N={n} r={r} p={p}", milliseconds=n * r * p * 4e-4)


def phpass_rounds(match: Match) -> int:
    """Return the number of rounds of a phpass hash."""
    return 1 << "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".index(match["power"])
