"""The time that a denied login takes: the same for users with different hashes, and for users who do not exist."""

import hashlib
import time
from collections.abc import Iterable
from math import ceil

from audit.operation import timed
from config.text import casefold_name
from passwords.durations import typical_seconds
from passwords.errors import UnusableHash
from passwords.hashing import DECOY
from passwords.schemes import identify

_SHARE = 0.9
"""The share of the users, in the order of the costs of their hashes, that can be a decoy.

Any client can have a decoy verified, but must know a user to have one of the few most expensive hashes verified.
"""


class Decoys:
    """The hashes of a store, or a sample of them, from which each unknown login has a decoy. Immutable."""

    def __init__(self, stored: Iterable[str]) -> None:
        """An unusable hash counts as the hash that is verified in its place, which has the cost of the policy."""
        hashes = [text if _is_usable(text) else DECOY for text in stored] or [DECOY]
        # A client that could compute the choice would recognize the users whose hashes have another cost. Clients do
        # not know the first hash of the store, which is the same in each process and rarely replaced.
        key = next((text for text in hashes if text is not DECOY), DECOY)
        self._key = hashlib.sha256(key.encode()).digest()
        self._by_cost = sorted(hashes, key=lambda text: identify(text).milliseconds)
        self._schemes = {identify(text) for text in self._by_cost[: ceil(_SHARE * len(hashes))]}

    def choose(self, login: str) -> str:
        """Return the decoy for this login, always the same one.

        Different times for the same login would reveal that it is unknown.
        """
        # Every login computes this digest, and an HMAC of OpenSSL takes five times as long.
        digest = hashlib.blake2b(casefold_name(login).encode(), key=self._key, digest_size=4).digest()
        fraction = int.from_bytes(digest) / 2**32
        return self._by_cost[int(fraction * _SHARE * len(self._by_cost))]

    def wait(self, began: float) -> None:
        """Wait until a login that began at this `perf_counter` has taken as long as the most expensive decoy does.

        A process knows how long that is when it has verified a hash of the same scheme and cost.
        """
        seconds = max(map(typical_seconds, self._schemes))
        with timed("hash"):
            time.sleep(max(0.0, began + seconds - time.perf_counter()))


def _is_usable(text: str) -> bool:
    try:
        identify(text)
    except UnusableHash:
        return False
    return True
