"""A checked secret verifies as the secret itself does, and a public key is still not a secret."""

import jwt
import pytest
from jwt.exceptions import InvalidAlgorithmError, InvalidKeyError, InvalidSignatureError

from services.keys import pem
from services.tokens.checked_secret import checked_secret
from tests.support.stores import SECRET_KEY

SECRET = SECRET_KEY.encode()
CLAIMS = {"sub": "zoe"}


def test_secret_verifies_its_signature() -> None:
    token = jwt.encode(CLAIMS, SECRET)
    assert jwt.decode(token, checked_secret(SECRET), ["HS256"]) == jwt.decode(token, SECRET, ["HS256"]) == CLAIMS


@pytest.mark.parametrize("other", [SECRET[::-1], SECRET + b"0"])
def test_other_secret_is_refused(other: bytes) -> None:
    with pytest.raises(InvalidSignatureError):
        jwt.decode(jwt.encode(CLAIMS, other), checked_secret(SECRET), ["HS256"])


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_other_algorithm_is_refused(algorithm: str) -> None:
    token = jwt.encode(CLAIMS, SECRET * 2, algorithm)
    with pytest.raises(InvalidAlgorithmError):
        jwt.decode(token, checked_secret(SECRET), [algorithm])


def test_public_key_is_not_a_secret() -> None:
    public = pem.public_pem(pem.parse(pem.generate("ES256"), "key")).encode()
    with pytest.raises(InvalidKeyError):
        checked_secret(public)
