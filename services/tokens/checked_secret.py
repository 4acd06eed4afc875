"""A secret of HS256 that PyJWT has checked once. Otherwise it checks it for each token: 20 % of the verification."""

from functools import lru_cache

from jwt import PyJWK
from jwt.algorithms import HMACAlgorithm

MAX_CACHED_SECRETS = 16


class HMACOfCheckedSecrets(HMACAlgorithm):
    def prepare_key(self, key: str | bytes) -> bytes:
        return key if isinstance(key, bytes) else super().prepare_key(key)


@lru_cache(MAX_CACHED_SECRETS)
def checked_secret(secret: bytes) -> PyJWK:
    """Return a key that PyJWT uses without another check. Raises InvalidKeyError if the secret is a public key."""
    checked = HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    key = PyJWK(HMACAlgorithm.to_jwk(checked, as_dict=True), "HS256")
    key.Algorithm = HMACOfCheckedSecrets(HMACAlgorithm.SHA256)
    return key
